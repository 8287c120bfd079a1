import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { decodeJwt } from 'jose'
import { LRUCache } from 'lru-cache'
import Type, { type Static } from 'typebox'
import { type ContractOf, defineContract, query } from './contracts.ts'
import { AppError, declaredErrors, isAppError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { anonymous, type Principal } from './principal.ts'
import { PrincipalSchema } from './principal-schema.ts'
import type { Credentials, SecurityPort } from './security.ts'

/**
 * Who is asking, for a process that does not host auth. It is asked by the process, for no module, and the answer is kept as
 * briefly as auth keeps what it rests on. While auth is away, the last known answer counts until the token expires, and a session
 * that was found ended stays ended.
 */
const securityContract = defineContract('auth', 1, {
  /** The principal behind an Authorization header, with the errors of a token that proves nothing. */
  authenticate: query({
    input: Type.Object({ authorization: Type.String({ maxLength: 8_192 }), fresh: Type.Boolean() }, { additionalProperties: false }),
    output: PrincipalSchema,
  }),
})

const heldMs = 1_000
const mostKnown = 20_000

interface Known {
  principal: Principal
  askedAt: number
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** The port of this process: its own, which others may then ask, or the one of the process that hosts auth. */
export function shareSecurity(exchange: Exchange, own: SecurityPort | undefined): SecurityPort {
  const offered = own && {
    authenticate: async (credentials: Credentials) => wireForm(await own.authenticate(credentials)),
  }
  const lent = exchange.offer(securityContract, offered, ['platform'])
  return own ?? createRemoteSecurity(lent.to('platform'))
}

export function createRemoteSecurity({ authenticate }: ContractOf<typeof securityContract>): SecurityPort {
  const known = new LRUCache<string, Known>({ max: mostKnown })
  const asking = new Map<string, Promise<Principal>>()

  async function ask(authorization: string, key: string, fresh: boolean): Promise<Principal> {
    const askedAt = performance.now()
    try {
      const told = principalOf(await authenticate({ authorization, fresh }))
      const before = known.get(key)
      // The same answer stays the same object, by which others see that nothing has changed.
      const principal = before && isDeepStrictEqual(before.principal, told) ? before.principal : told
      known.set(key, { principal, askedAt, expiresAt: expiryOf(authorization) })
      return principal
    } catch (error) {
      if (!isAppError(error) || error.status < 500) {
        known.delete(key)
        throw error
      }
      const last = known.get(key)
      if (!fresh && last && Date.now() < last.expiresAt) return last.principal
      throw unavailable(error)
    }
  }

  return {
    authenticate({ authorization, fresh }) {
      if (authorization === undefined) return anonymous
      const key = hash('sha256', authorization, 'base64url')
      if (fresh) return ask(authorization, key, true)
      const last = known.get(key)
      if (last && performance.now() - last.askedAt < heldMs && Date.now() < last.expiresAt) return last.principal
      const waiting = asking.get(key) ?? ask(authorization, key, false).finally(() => asking.delete(key))
      asking.set(key, waiting)
      return waiting
    },
  }
}

function wireForm({ kind, userId, sessionId, apiKeyId, roles, can }: Principal): Static<typeof PrincipalSchema> {
  return {
    kind,
    ...(userId === undefined ? {} : { userId }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    roles: [...roles],
    can: { ...can },
  }
}

function principalOf({ roles, can, ...told }: Static<typeof PrincipalSchema>): Principal {
  return Object.freeze({ ...told, roles: Object.freeze([...roles]), can: Object.freeze({ ...can }) })
}

/** When what the header shows ends by itself. Auth has judged it before this is asked. */
function expiryOf(authorization: string): number {
  try {
    const { exp } = decodeJwt(authorization.replace(/^Bearer +/i, ''))
    return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1_000
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function unavailable(cause: unknown): unknown {
  const declared = declaredErrors().get('AUTH_UNAVAILABLE')
  return declared ? new AppError(declared, declared.sentence, {}, { cause }) : cause
}
