import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from './answers.ts'
import { ApiKeyNotAllowed, Forbidden, RouteNotFound, Unauthenticated } from './http-errors.ts'
import { anonymous, type Principal, type Scope, scopeOf } from './principal.ts'
import type { RateLimits } from './rate-limits.ts'
import type { SecurityPort } from './security.ts'

/** Who is asking, how often, and whether they may: in this order, before anything of the request is looked at more closely. */
export type Admission = (request: FastifyRequest, reply: FastifyReply) => void | Promise<void>

export function createAdmission({ security, rateLimits }: { security: SecurityPort; rateLimits: RateLimits | undefined }): Admission {
  return (request, reply) => {
    const { config } = request.routeOptions
    let principal: Principal | Promise<Principal>
    try {
      principal = authenticate(request, config.access, config.fresh ?? false)
    } catch (error) {
      return refuse(error, request, reply)
    }
    if (principal instanceof Promise) {
      return principal.then(
        (known) => decide(known, request, reply),
        (error: unknown) => refuse(error, request, reply),
      )
    }
    return decide(principal, request, reply)
  }

  /** Who proves nothing counts as nobody: guessing tokens has the limit of strangers. */
  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return Promise.resolve(rateLimits?.admit(request, reply, anonymous)).then(() => {
      throw error
    })
  }

  function authenticate(request: FastifyRequest, access: Access, fresh: boolean): Principal | Promise<Principal> {
    const { authorization, cookie } = request.headers
    if (authorization === undefined && cookie === undefined) return anonymous
    if (access !== 'public') return security.authenticate({ authorization, cookie, fresh })
    // Public routes know a caller who shows who they are, and serve one whose token has ended all the same.
    if (authorization === undefined) return anonymous
    try {
      const known = security.authenticate({ authorization, cookie, fresh })
      return known instanceof Promise ? known.catch(() => anonymous) : known
    } catch {
      return anonymous
    }
  }

  function decide(principal: Principal, request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    request.life.principal = principal
    request.principal = principal
    const { config } = request.routeOptions
    if (config.access !== 'public' && !reading.has(request.method)) request.life.recheck = recheckOf(request, principal)
    const counted = isCounted(request) ? rateLimits?.admit(request, reply, principal) : undefined
    if (counted instanceof Promise) return counted.then(() => permit(principal, config))
    return permit(principal, config)
  }

  /** Nothing is stored for a caller whose rights end while the request is at work; not asked while a copy of them would still hold. */
  function recheckOf(request: FastifyRequest, admitted: Principal): () => void | Promise<void> {
    const holdUntil = performance.now() + rightsHoldMs
    const again = async (): Promise<void> => {
      const { config } = request.routeOptions
      const now = await authenticate(request, config.access, config.fresh ?? false)
      if (now === admitted) return
      permit(now, config)
      const lost = Object.entries(admitted.can).find(([permission, scope]) => !isHeld(now, permission, scope))
      // What it was admitted for may rest on any of them.
      if (lost) throw Forbidden({ permission: lost.join(':') })
    }
    return () => (performance.now() < holdUntil ? undefined : again())
  }

  function isCounted(request: FastifyRequest): boolean {
    return rateLimits !== undefined && !isHealth(request)
  }
}

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])
const rightsHoldMs = 1_000

function isHeld(principal: Principal, permission: string, scope: Scope): boolean {
  const held = scopeOf(principal, permission)
  return held === 'any' || held === scope
}

export const isHealth = (request: FastifyRequest): boolean => request.routeOptions.url?.startsWith('/health') ?? false

function permit(principal: Principal, { access, hidden, interactive }: FastifyRequest['routeOptions']['config']): void {
  if (access === 'public') return
  if (principal.kind === 'anonymous') throw Unauthenticated()
  if (interactive && principal.kind === 'api_key') throw ApiKeyNotAllowed()
  if (access === 'authenticated') return
  const wanted = 'permission' in access ? [access.permission] : access.anyOf
  for (const permission of wanted) if (scopeOf(principal, permission) !== undefined) return
  throw hidden ? RouteNotFound() : Forbidden({ permission: wanted.join(' or ') })
}
