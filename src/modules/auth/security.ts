import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { isAppError } from '#platform/errors.ts'
import { anonymous, type Principal, permissionMap } from '#platform/principal.ts'
import type { Credentials, SecurityPort } from '#platform/security.ts'
import type { RoleTable, UserAccess, UserContract } from '../user/index.ts'
import type { AccessClaims, AccessTokens } from './access-tokens.ts'
import { AccessTokenInvalid, AuthUnavailable, SessionRevoked } from './errors.ts'
import type { SessionStates } from './session-states.ts'

/**
 * Who is asking. The token says which session; whether that session lives, whose it is and what its owner may do is asked anew
 * for every request, from copies that are a second old at most. While the account database is away, the last known answer counts,
 * then the roles in the token, until it expires.
 */
export interface SecurityNeeds {
  tokens: Pick<AccessTokens, 'verify'>
  states: Pick<SessionStates, 'get'>
  users: Pick<UserContract, 'getAccess' | 'getAccessNow' | 'getRoleTable'>
}

interface Known {
  principal: Principal
  access: UserAccess
  table: RoleTable
}

const roleTableMs = 1_000
/** Life of an access token, its leeway and a little: longer than that nothing remembered is of use. */
const lastKnownMs = 330_000

export function createSecurity({ tokens, states, users }: SecurityNeeds): SecurityPort {
  const known = new LRUCache<number, Known>({ max: 20_000, ttl: lastKnownMs, updateAgeOnGet: false })
  /** Sessions that were found ended: an outage must not bring them back. */
  const ended = new LRUCache<number, true>({ max: 20_000, ttl: lastKnownMs })
  const readRoleTable = createRoleTable(users)

  async function principalOf(claims: AccessClaims, fresh: boolean): Promise<Principal> {
    const { sessionId, userId } = claims
    try {
      const [session, access, table] = await Promise.all([
        states.get(sessionId, { fresh }),
        fresh ? users.getAccessNow({ userId }) : users.getAccess({ userId }),
        readRoleTable(fresh),
      ])
      if (!session || session.hasEnded || access?.status !== 'active') {
        ended.set(sessionId, true)
        throw SessionRevoked({}, unauthorised)
      }
      ended.delete(sessionId)
      if (session.userId !== userId) throw AccessTokenInvalid({}, unauthorised)
      return remember(sessionId, access, table)
    } catch (error) {
      if (!isAppError(error) || error.status !== 503) throw error
      if (fresh) throw AuthUnavailable({}, { cause: error })
      if (ended.has(sessionId)) throw SessionRevoked({}, { cause: error, ...unauthorised })
      return known.get(sessionId)?.principal ?? principalOfToken(claims, readRoleTable.last(), error)
    }
  }

  /** The same answers make the same principal: nothing is built again for a session whose copies have not changed. */
  function remember(sessionId: number, access: UserAccess, table: RoleTable): Principal {
    const before = known.get(sessionId)
    if (before && before.access === access && before.table === table) return before.principal
    const principal = userPrincipal(access.userId, sessionId, access.roles, table)
    known.set(sessionId, { principal, access, table })
    return principal
  }

  return {
    authenticate({ authorization, fresh }: Credentials) {
      if (authorization === undefined) return anonymous
      const token = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1]
      if (token === undefined) throw AccessTokenInvalid({}, unauthorised)
      const claims = tokens.verify(token)
      return claims instanceof Promise ? claims.then((verified) => principalOf(verified, fresh)) : principalOf(claims, fresh)
    },
  }
}

const unauthorised = { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }

function principalOfToken({ userId, sessionId, roles }: AccessClaims, table: RoleTable | undefined, cause: unknown): Principal {
  if (!table || !roles.every((name) => table.roles.some((role) => role.name === name))) throw AuthUnavailable({}, { cause })
  return userPrincipal(userId, sessionId, roles, table)
}

function userPrincipal(userId: number, sessionId: number, roles: readonly string[], { roles: table }: RoleTable): Principal {
  const can = permissionMap(table.filter((role) => roles.includes(role.name)).flatMap((role) => role.permissions))
  return Object.freeze({ kind: 'user', userId, sessionId, roles: Object.freeze([...roles]), can: Object.freeze(can) })
}

/** The whole table, read once a second at most, by one reader. Its life counts from the start of the read. */
function createRoleTable(users: Pick<UserContract, 'getRoleTable'>) {
  let kept: { table: RoleTable; readAt: number } | undefined
  let reading: Promise<RoleTable> | undefined

  async function read(): Promise<RoleTable> {
    const readAt = performance.now()
    const read = await users.getRoleTable({})
    // The same content stays the same object, so that nothing is built anew once a second.
    const table = kept && isDeepStrictEqual(kept.table, read) ? kept.table : read
    kept = { table, readAt }
    return table
  }

  const readRoleTable = (fresh: boolean): RoleTable | Promise<RoleTable> => {
    if (fresh) return read()
    if (kept && performance.now() - kept.readAt < roleTableMs) return kept.table
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  return Object.assign(readRoleTable, { last: () => kept?.table })
}
