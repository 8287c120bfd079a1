import type { Histogram } from 'prom-client'
import { documentPath } from './answers.ts'
import { pathOf } from './http-failures.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { actorRef } from './principal.ts'
import type { RequestLife, RequestLives } from './request-life.ts'

/** One line and one measurement for every request, when its last byte is out or its client gone. */
export function createObservation({
  log,
  metrics,
  lives,
}: {
  log: Log
  metrics: Metrics
  lives: RequestLives
}): (life: RequestLife) => void {
  const durations = metrics.histogram('http_request_duration_seconds', 'Time from the headers of a request to the end of its answer', [
    'method',
    'route',
    'status',
  ])
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
      measure(durations, request.method, route, status, ms)
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

function measure(durations: Histogram<'method' | 'route' | 'status'>, method: string, route: string, status: number, ms: number): void {
  durations.observe({ method, route, status }, ms / 1_000)
}
