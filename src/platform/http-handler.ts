import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import type { TSchema } from 'typebox'
import { IdempotencyKeyRequired, Internal, ValidationFailed } from './http-errors.ts'
import { inputValidator, isSchema } from './http-validation.ts'
import { type Idempotency, idempotencyKeyOf, keyedRequest, type StoredAnswer } from './idempotency.ts'
import type { Log } from './logging.ts'
import { etagOf, expectedVersionOf, isKnown } from './preconditions.ts'
import { responsesOf } from './route-policy.ts'
import { serialiserOf } from './serialisers.ts'
import { describeFaults, validatorOf } from './validation.ts'

/**
 * What surrounds a handler once its caller is admitted: input against schemas, preconditions, the Idempotency-Key, and from the
 * returned resource the answer with status, Location and ETag. One function per route, made when the route is declared.
 */
export interface HandlerSurroundings {
  /** Check every payload against its schema before it leaves; development and tests. */
  strict: boolean
  log: Log
  idempotency: Idempotency | undefined
}

const reading = new Set(['GET', 'HEAD'])
const repeatedHeader = 'idempotent-replayed'

export function surround(options: RouteOptions, { strict, log, idempotency }: HandlerSurroundings): RouteHandlerMethod {
  const { config, schema, handler } = options
  const validate = inputValidator(schema)
  const versioned = config?.versioned
  const answer = config?.answer
  const produces = config?.produces
  const path = options.url
  const responses = responsesOf(schema?.response)
  const successStatus = answer?.status ?? Number(Object.keys(responses).find((status) => /^2\d\d$/.test(status)) ?? 200)
  const keyed = keyPolicy(options, idempotency)

  const call = (app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): unknown => handler.call(app, request, reply)

  /** Status, address and version of a resource, and in strict mode its form. */
  function describe(resource: unknown): { status: number; location: string | null; etag: string | null } {
    const location = (resource !== undefined && answer?.location(resource)) || null
    const status = resource === undefined ? 204 : answer && location === null ? 200 : successStatus
    if (strict) check(status, resource)
    const version = versionOf(resource)
    return { status, location, etag: version === undefined ? null : etagOf(version) }
  }

  function check(status: number, resource: unknown): void {
    const declared = responses[status]
    if (declared === undefined) {
      throw Internal({}, { cause: new Error(`${options.method} ${path} answered ${status}, which its response schemas do not name`) })
    }
    if (status === 204 || !isSchema(declared)) return
    const fits = validatorOf(declared)
    if (!fits(resource)) {
      throw Internal(
        {},
        { cause: new Error(`${options.method} ${path} answered what its schema for ${status} refuses: ${describeFaults(fits.errors)}`) },
      )
    }
  }

  /** Sets all but the payload, and returns that. */
  function answered(request: FastifyRequest, reply: FastifyReply, resource: unknown): unknown {
    // The handler answered by itself, or its time was over before.
    if (resource === reply || reply.sent) return undefined
    const { status, location, etag } = describe(resource)
    if (location !== null) reply.header('location', location)
    if (etag !== null) reply.header('etag', etag)
    const known = request.headers['if-none-match']
    if (known !== undefined && reading.has(request.method) && isKnown(known, reply.getHeader('etag'))) {
      reply.code(304)
      return undefined
    }
    if (status !== 200) reply.code(status)
    if (produces !== undefined) reply.header('content-type', produces)
    return resource
  }

  const render = (resource: unknown): StoredAnswer => {
    const described = describe(resource)
    return { ...described, body: described.status === 204 ? null : serialise(responses[described.status], resource) }
  }

  async function carry(
    app: FastifyInstance,
    request: FastifyRequest,
    reply: FastifyReply,
    carrier: Carrier,
    key: string,
  ): Promise<unknown> {
    const asked = keyedRequest(carrier.databases, {
      principal: request.principal,
      method: request.method,
      path,
      params: request.params,
      body: request.body,
      key,
    })
    const carried = await carrier.idempotency.carry(asked, request.life, render, async () => call(app, request, reply))
    if (reply.sent) return undefined
    if ('replay' in carried) return replayed(reply, carried.replay)
    if (strict && carried.stored && carried.stored.body !== render(carried.result).body) {
      log.error({ route: path }, 'the command returned something else than its transaction: a repeat would get another answer')
      throw Internal({}, { cause: new Error('a command returns what its transaction returned') })
    }
    if (carried.isRepeat) reply.header(repeatedHeader, 'true')
    return answered(request, reply, carried.result)
  }

  return function surrounded(this: FastifyInstance, request, reply) {
    const faults = validate(request)
    if (faults.length > 0) throw ValidationFailed({ count: faults.length }, { faults })
    if (versioned !== undefined) request.expectedVersion = expectedVersionOf(request.headers['if-match'], versioned)
    if (keyed !== undefined) {
      const key = keyed.keyOf(request)
      if (key !== undefined && keyed.carrier) return carry(this, request, reply, keyed.carrier, key)
    }
    const outcome = call(this, request, reply)
    if (outcome instanceof Promise) return outcome.then((resource) => answered(request, reply, resource))
    return outcome === undefined || outcome === reply ? outcome : answered(request, reply, outcome)
  }
}

interface Carrier {
  idempotency: Idempotency
  databases: Parameters<typeof keyedRequest>[0]
}

interface KeyPolicy {
  keyOf(request: FastifyRequest): string | undefined
  carrier: Carrier | undefined
}

/** Whether and how a route takes an Idempotency-Key. Undefined: the header is not looked at. */
function keyPolicy({ method, url, config }: RouteOptions, idempotency: Idempotency | undefined): KeyPolicy | undefined {
  const database = config?.database
  if (method !== 'POST' || database === undefined || config?.idempotency === 'none' || url.startsWith('/v1/auth')) return undefined
  const required = config?.idempotency === 'required'
  return {
    carrier: idempotency && { idempotency, databases: typeof database === 'string' ? [database] : database },
    keyOf: (request) => {
      const key = idempotencyKeyOf(request.headers['idempotency-key'])
      if (key === undefined && required) throw IdempotencyKeyRequired({ line: 'Idempotency-Key: <uuid>' })
      // Without a name there is nobody to whom a stored answer belongs.
      return request.principal.kind === 'anonymous' ? undefined : key
    },
  }
}

function replayed(reply: FastifyReply, { status, body, location, etag }: StoredAnswer): string | undefined {
  reply.code(status).header(repeatedHeader, 'true')
  if (location !== null) reply.header('location', location)
  if (etag !== null) reply.header('etag', etag)
  if (body === null) return undefined
  reply.header('content-type', 'application/json; charset=utf-8')
  return body
}

function serialise(schema: unknown, resource: unknown): string {
  return isSchema(schema) ? serialiserOf(schema as TSchema)(resource) : JSON.stringify(resource)
}

function versionOf(resource: unknown): number | undefined {
  if (typeof resource !== 'object' || resource === null || !('version' in resource)) return undefined
  return Number.isInteger(resource.version) ? Number(resource.version) : undefined
}
