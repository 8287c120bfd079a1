import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ContractServer } from './contract-server.ts'
import { isCall } from './contract-wire.ts'
import { isAppError, serialiseError } from './errors.ts'
import type { Health } from './health.ts'
import { NotReady, readiness } from './health-routes.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import type { TopologyReport } from './topology-report.ts'

/** The listener for the machinery around the process: metrics, full health, and the calls of other processes. Never reachable from outside. */
export interface Internal {
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>
  /** Callers are asked to keep no connection; they are still served. */
  drain(): void
  /** Answers what has been asked, for at most so long, and ends. */
  close(withinMs?: number): Promise<void>
}

export interface InternalNeeds {
  health: Health
  /** Absent: no metrics are served. */
  metrics?: Metrics
  /** Undefined: nobody calls this process. */
  contracts?: ContractServer | undefined
  /** A module of this process that may not be used yet. */
  isUnproven?: (module: string) => boolean
  /** What the process knows of its place among the others. */
  topology?: () => TopologyReport
  log: Log
}

interface Reply {
  status: number
  type: string
  body: string
}

export function createInternal({ health, metrics, contracts, isUnproven, topology, log }: InternalNeeds): Internal {
  const server: Server = createServer({ keepAliveTimeout: 65_000, headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    const { url = '' } = request
    if (contracts && isCall(url)) {
      // It never rejects: what goes wrong is answered. Who is still starting would be late with it; another one may not be.
      const refuse = (phase: string): void => send(response, json(503, { refused: serialiseError(NotReady({ phase })) }))
      if (!health.isStarted) refuse(health.phase)
      else if (isUnproven?.(url.split('/')[2] ?? '')) refuse('waiting until the schema of its database has been checked')
      else void contracts.answer(request, response)
    } else
      answer(request).then(
        (reply) => send(response, reply),
        (error: unknown) => {
          log.error({ error }, 'internal request failed')
          send(response, json(500, { status: 'error' }))
        },
      )
  })

  async function answer(request: IncomingMessage): Promise<Reply> {
    const url = URL.parse(request.url ?? '/', 'http://internal')
    if (!url) return json(404, { status: 'not found' })
    const { pathname, searchParams } = url
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { status: 'method not allowed' })
    switch (pathname) {
      case '/metrics':
        if (!metrics) return json(404, { status: 'metrics are off' })
        return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() }
      case '/topology':
        return topology ? json(200, topology()) : json(404, { status: 'not found' })
      case '/health/live':
        return json(200, { status: 'ok' })
      case '/health/startup':
        return health.isStarted ? json(200, { status: 'ok' }) : json(503, { status: health.phase })
      case '/health/ready':
        return ready(searchParams.get('module') ?? undefined)
      default:
        return json(404, { status: 'not found' })
    }
  }

  function ready(module: string | undefined): Reply {
    try {
      return json(200, readiness(health, module))
    } catch (error) {
      if (!isAppError(error)) throw error
      return json(error.status, { ...health.report(), status: error.code })
    }
  }

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          const address = server.address()
          resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port })
        })
      }),
    drain: () => contracts?.drain(),
    close: (withinMs = 5_000) =>
      new Promise((resolve) => {
        const hurry = setTimeout(() => server.closeAllConnections(), withinMs)
        server.close(() => {
          clearTimeout(hurry)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

const json = (status: number, body: object): Reply => ({ status, type: 'application/json; charset=utf-8', body: JSON.stringify(body) })

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
  response.end(body)
}
