import { isUtf8 } from 'node:buffer'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Config } from './config.ts'
import { runInContext } from './context.ts'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'
import { createAdmission, isHealth } from './http-admission.ts'
import { compress } from './http-compression.ts'
import { watchConnections } from './http-connections.ts'
import { MalformedJson, MethodNotAllowed, ModuleNotHosted, RouteNotFound, UrlTooLong } from './http-errors.ts'
import { createFailures, pathOf } from './http-failures.ts'
import { surround } from './http-handler.ts'
import { createObservation } from './http-observation.ts'
import { type OriginRules, originRules } from './http-origins.ts'
import { isSchema } from './http-validation.ts'
import type { Idempotency } from './idempotency.ts'
import { createLoadGauge, type LoadLimits, loadLimits, noLoadLimits } from './load-shedding.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import type { RateLimits } from './rate-limits.ts'
import { createRequestLives, type LifeLimits, lifeLimits, requestIdOf } from './request-life.ts'
import { type DeclaredRoute, watchRoutes } from './route-policy.ts'
import type { SecurityPort } from './security.ts'
import { serialiserOf } from './serialisers.ts'

export interface HttpNeeds {
  config: Pick<Config, 'env' | 'publicUrl' | 'corsOrigins' | 'trustProxy'>
  log: Log
  metrics: Metrics
  security: SecurityPort
  /** Absent: nothing is counted. */
  rateLimits?: RateLimits
  /** Absent: the header Idempotency-Key is not looked at. */
  idempotency?: Idempotency
  /** The module of an address whose routes another process has. */
  elsewhere?: (path: string) => string | undefined
  /** The module an address belongs to, when it is hosted here and its database has not been found in order yet. */
  unready?: (path: string) => string | undefined
  /** Tests set their own; on their busy machines nothing is shed unless they ask for it. */
  limits?: { life?: Partial<LifeLimits>; load?: LoadLimits }
}

export interface Http {
  readonly app: FastifyInstance
  /** Every route, in the order of declaration. */
  readonly routes: readonly DeclaredRoute[]
  /**
   * Sends every client away after its answer; new requests are still served. Resolves when none is left, or when those that
   * are left have had their time to ask once more and be told.
   */
  drain(): Promise<void>
  /** What is at work, for the report of a shutdown that hangs. */
  inFlight(): string[]
}

const bodyLimit = 65_536
const farewellMs = 500
const maxUrl = 4_096
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** The public surface. Modules register their routes on `app`; `ready` fails when one of them is incomplete. */
export function createHttp(needs: HttpNeeds): Http {
  const { config, log, metrics, security, rateLimits, idempotency } = needs
  const app = fastify({
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit,
    // An answer comes from us, never from the framework, also while we go down: see drain().
    return503OnClosing: false,
    http: { maxHeaderSize: 16_384, headersTimeout: 5_000, connectionsCheckingInterval: 1_000 },
    requestTimeout: 65_000,
    connectionTimeout: 10_000,
    keepAliveTimeout: 65_000,
    maxRequestsPerSocket: 1_000,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    frameworkErrors: (error, request, reply) => frameworkFailed(error, request, reply),
    clientErrorHandler: (error, socket) => failures.refuse(error, socket),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = 2_000

  const policy = watchRoutes(app)
  const headers = securityHeaders(config.publicUrl)
  const failures = createFailures({ publicUrl: config.publicUrl, log, headers })
  const lives = createRequestLives({ ...lifeLimits, ...needs.limits?.life })
  const load = createLoadGauge(needs.limits?.load ?? (config.env === 'test' ? noLoadLimits : loadLimits))
  const connections = watchConnections(app.server)
  const observe = createObservation({ log, metrics, lives })
  const admit = createAdmission({ security, rateLimits })
  const origins = originRules(config.corsOrigins)
  let draining = false

  app.decorateRequest('principal')
  app.decorateRequest('expectedVersion')
  app.decorateRequest('life')
  const surroundings = { strict: config.env !== 'production', log, idempotency }
  app.addHook('onRoute', (options) => {
    options.handler = surround(options, surroundings)
  })
  // Input is checked around the handler, all parts at once; the framework's own check is left without work.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(({ schema }) => (isSchema(schema) ? serialiserOf(schema) : JSON.stringify))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(['application/json', 'application/merge-patch+json'], { parseAs: 'buffer' }, (_request, body, done) => {
    let value: unknown
    try {
      value = parseJson(body)
    } catch (error) {
      done(asError(error))
      return
    }
    done(null, value)
  })
  app.setErrorHandler((error, request, reply) => failures.answer(error, request, reply))

  const begin = (request: FastifyRequest, reply: FastifyReply): void => {
    const life = lives.begin(request, reply)
    request.life = life
    request.principal = life.principal
    reply.headers(headers)
    reply.header('x-request-id', request.id)
    if (draining) reply.header('connection', 'close')
    observe(life)
  }

  function frameworkFailed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    begin(request, reply)
    failures.answer(error, request, reply)
  }

  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply)
    origins.write(request, reply)
    if ((request.raw.url?.length ?? 0) > maxUrl) done(UrlTooLong())
    else if (request.is404) {
      const module = needs.elsewhere?.(pathOf(request.raw.url))
      const unknown = module === undefined ? answerUnknown(app, origins, request, reply) : ModuleNotHosted({ module })
      if (unknown) done(unknown)
    } else if (load.overloaded && !isHealth(request) && !request.routeOptions.config.essential)
      done(Overloaded({ dependency: 'this process' }))
    else {
      // By the address of the route: in that of the request, escapes may stand for any letter of it.
      const module = needs.unready?.(request.routeOptions.url ?? '')
      done(module === undefined ? undefined : DependencyUnavailable({ dependency: module }))
    }
  })

  app.addHook('preValidation', (request, reply, done) => {
    const { life } = request
    lives.admit(life)
    runInContext(life, () => {
      let admitted: void | Promise<void>
      try {
        admitted = admit(request, reply)
      } catch (error) {
        done(asError(error))
        return
      }
      if (admitted instanceof Promise)
        admitted.then(
          () => done(),
          (error: unknown) => done(asError(error)),
        )
      else done()
    })
  })

  app.addHook('onSend', compress)
  app.setNotFoundHandler(() => {
    throw RouteNotFound()
  })
  app.addHook('onReady', async () => policy.seal())
  app.addHook('preClose', async () => connections.endSilent())
  app.addHook('onClose', async () => {
    lives.close()
    load.close()
  })

  return {
    app,
    routes: policy.routes,
    drain: () => {
      draining = true
      lives.each(({ reply }) => {
        if (!reply.raw.headersSent) reply.header('connection', 'close')
      })
      return connections.allGone(farewellMs)
    },
    inFlight: () => lives.describe(),
  }
}

/** An address without a route: another method may have one. Returns the error, or undefined when it has answered. */
function answerUnknown(app: FastifyInstance, origins: OriginRules, request: FastifyRequest, reply: FastifyReply): Error | undefined {
  const url = pathOf(request.raw.url)
  const allowed = methods.filter((method) => app.findRoute({ method, url }) !== null)
  if (allowed.length === 0) return RouteNotFound()
  const allow = [...allowed, 'OPTIONS'].join(', ')
  if (request.method !== 'OPTIONS') return MethodNotAllowed({ method: request.method, allow }, { headers: { allow } })
  origins.writePreflight(request, reply, allow)
  reply.header('allow', allow).code(204).send()
  return undefined
}

function parseJson(body: string | Buffer): unknown {
  if (body.length === 0) return undefined
  if (Buffer.isBuffer(body) && !isUtf8(body)) throw MalformedJson()
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw MalformedJson({}, { cause })
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

/** Six lines that cost nothing; pages that need more say so themselves. */
function securityHeaders(publicUrl: string): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    ...(publicUrl.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  }
}
