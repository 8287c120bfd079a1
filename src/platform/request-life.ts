import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { DeadlineExceeded } from './contracts.ts'
import { RequestTimeout } from './http-errors.ts'
import { anonymous } from './principal.ts'

/**
 * A request's time in the house, from its first header to the last byte of the answer: its context, its deadline and its abort.
 * One timer watches all of them, because a timer for each request costs more than the request's share of everything else here.
 */
export interface RequestLife extends Context {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly abort: AbortController
  readonly startedAt: number
  /** The body is still on its way; ends with the admission. */
  receiving: boolean
  /** Monotonic instant at which the present phase must have ended. */
  deadline: number
}

export interface RequestLives {
  begin(request: FastifyRequest, reply: FastifyReply): RequestLife
  /** The body is here: the handler's time begins. */
  admit(life: RequestLife): void
  end(life: RequestLife): void
  readonly size: number
  each(visit: (life: RequestLife) => void): void
  /** What is at work and since when, for the report of a shutdown that hangs. */
  describe(): string[]
  close(): void
}

export interface LifeLimits {
  /** For the body to arrive. */
  receiveMs: number
  /** The same for routes that take more than a mebibyte. */
  receiveLargeMs: number
  handlerMs: number
  /** How often the deadlines are looked at. */
  everyMs: number
}

export const lifeLimits: LifeLimits = { receiveMs: 10_000, receiveLargeMs: 60_000, handlerMs: 8_000, everyMs: 200 }

const large = 1_048_576

export function createRequestLives(limits: LifeLimits): RequestLives {
  const lives = new Set<RequestLife>()
  const timer = setInterval(expire, limits.everyMs).unref()

  function expire(): void {
    const now = performance.now()
    for (const life of lives) if (now > life.deadline) giveUp(life)
  }

  function giveUp(life: RequestLife): void {
    const { receiving, reply, abort, request } = life
    life.deadline = Number.POSITIVE_INFINITY
    const error = receiving ? RequestTimeout() : DeadlineExceeded({ operation: operationOf(request) })
    // The handler runs on; `withTx` looks at the signal just before COMMIT, so nothing is written after this answer.
    abort.abort(error)
    if (reply.sent) return
    if (receiving) reply.header('connection', 'close')
    reply.send(error)
  }

  return {
    begin: (request, reply) => {
      const abort = new AbortController()
      const startedAt = performance.now()
      const bodyLimit = request.routeOptions.bodyLimit ?? 0
      const life: RequestLife = {
        requestId: request.id,
        traceparent: continueTrace(request.raw, request.id),
        principal: anonymous,
        signal: abort.signal,
        deadline: startedAt + (bodyLimit > large ? limits.receiveLargeMs : limits.receiveMs),
        request,
        reply,
        abort,
        startedAt,
        receiving: true,
      }
      lives.add(life)
      return life
    },
    admit: (life) => {
      life.receiving = false
      life.deadline = performance.now() + limits.handlerMs
    },
    end: (life) => {
      lives.delete(life)
      if (!life.reply.raw.writableEnded) life.abort.abort(clientGone)
    },
    get size() {
      return lives.size
    },
    each: (visit) => {
      for (const life of lives) visit(life)
    },
    describe: () => {
      const now = performance.now()
      return [...lives].map((life) => `${operationOf(life.request)} for ${Math.round(now - life.startedAt)} ms (${life.requestId})`)
    },
    close: () => clearInterval(timer),
  }
}

const clientGone = new Error('the client has gone')

export const operationOf = (request: FastifyRequest): string => `${request.method} ${request.routeOptions.url ?? 'of an unknown address'}`

const requestIdPattern = /^[A-Za-z0-9._-]{8,64}$/

/** The caller's request id when it is one, else a new one. */
export function requestIdOf(raw: IncomingMessage): string {
  const sent = raw.headers['x-request-id']
  return typeof sent === 'string' && requestIdPattern.test(sent) ? sent : randomUUID()
}

const tracePattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

const processPart = randomBytes(5).toString('hex')
let spans = 0

/** Eight bytes, unique among processes by their first five; never all zero. */
function nextSpan(): string {
  spans = (spans + 1) % 0x1000000
  return processPart + (spans + 0x1000000).toString(16).slice(1)
}

/** W3C trace context: the caller's trace with a span of ours, or a new trace, whose random part the request id has already. */
function continueTrace(raw: IncomingMessage, requestId: string): string {
  const sent = raw.headers.traceparent
  const known = typeof sent === 'string' ? tracePattern.exec(sent) : null
  if (known) return `00-${known[1]}-${nextSpan()}-${known[2]}`
  const random = madeHere.test(requestId) ? requestId : randomUUID()
  return `00-${random.replaceAll('-', '')}-${nextSpan()}-00`
}

const madeHere = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
