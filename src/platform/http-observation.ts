import { documentPath } from './answers.ts'
import { pathOf } from './http-failures.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { actorRef } from './principal.ts'
import { createRequestDurations } from './request-durations.ts'
import type { RequestLife, RequestLives } from './request-life.ts'

interface ObservationNeeds {
  log: Log
  metrics: Metrics
  lives: RequestLives
}

/** One line and one measurement for every request, when its last byte is out or its client gone. */
export function createObservation({ log, metrics, lives }: ObservationNeeds): (life: RequestLife) => void {
  const measure = createRequestDurations(metrics)
  metrics.gauge('http_requests_in_flight', 'Requests at work', [], (gauge) => gauge.set(lives.size))
  const names = new Map<string, string>()

  function routeOf(url: string | undefined): string {
    if (url === undefined) return 'unknown'
    const known = names.get(url)
    if (known !== undefined) return known
    const name = documentPath(url)
    names.set(url, name)
    return name
  }

  return (life) => {
    life.reply.raw.on('close', () => {
      lives.end(life)
      const { request, reply, principal } = life
      const route = routeOf(request.routeOptions.url)
      const ms = performance.now() - life.startedAt
      const status = reply.raw.writableEnded ? reply.statusCode : 499
      measure(request.method, route, status, ms)
      const actor = actorRef(principal)
      log.request({
        requestId: life.requestId,
        trace: life.traceparent?.slice(3, 35) ?? '',
        method: request.method,
        route,
        // The address as sent only where a route gives it a meaning: elsewhere it may hold anything.
        path: route === 'unknown' ? '' : pathOf(request.raw.url),
        status,
        ms,
        actor: actor.id === undefined ? actor.kind : `${actor.kind}/${actor.id}`,
      })
    })
  }
}
