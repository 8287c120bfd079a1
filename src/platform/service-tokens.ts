import { hash, type KeyObject } from 'node:crypto'
import { type CryptoKey, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { defineError } from './errors.ts'

/**
 * How processes prove to each other who they are: a short-lived token, signed by the caller's own key, for one module of the
 * callee. Making and checking one costs about a millisecond together, so a token is used for 40 of its 60 seconds and a checked one
 * is remembered until it ends.
 */

export const ServiceTokenInvalid = defineError({
  code: 'SERVICE_TOKEN_INVALID',
  status: 401,
  sentence: 'This needs a token of a process of this system, made for the module it calls, that has not expired.',
  reason: 'The internal listener was called without a service token, or with one that is expired, for another module, or not ours.',
})

export interface ServiceTokens {
  /** The token this process shows to a module elsewhere. */
  tokenFor(module: string): Promise<string>
}

export interface ServiceTokenVerifier {
  /** Name of the process that sent it; at once when it was seen before. Rejects or throws SERVICE_TOKEN_INVALID. */
  verify(token: string | undefined, module: string): string | Promise<string>
}

const lifeSeconds = 60
const reuseSeconds = 40
const type = 'bulkhead-service+jwt'
const algorithm = 'EdDSA'
const longest = 2_048
const remembered = 1_000

type Clock = () => number

/** `now` is in milliseconds since 1970. */
export function createServiceTokens({
  name,
  key,
  now = Date.now,
}: {
  name: string
  key: CryptoKey | KeyObject
  now?: Clock
}): ServiceTokens {
  const made = new Map<string, { token: Promise<string>; until: number }>()
  return {
    tokenFor(module) {
      const known = made.get(module)
      if (known && now() < known.until) return known.token
      const issuedAt = Math.floor(now() / 1_000)
      const token = new SignJWT()
        .setProtectedHeader({ alg: algorithm, typ: type, kid: name })
        .setIssuer(name)
        .setAudience(module)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifeSeconds)
        .sign(key)
      made.set(module, { token, until: (issuedAt + reuseSeconds) * 1_000 })
      return token
    },
  }
}

/** `keys` are the public keys of all processes, by name. */
export function createServiceTokenVerifier(options: {
  keys: ReadonlyMap<string, CryptoKey | KeyObject>
  now?: Clock
}): ServiceTokenVerifier {
  const { keys, now = Date.now } = options
  // By digest and module: a token for one module is no token for another.
  const verified = new LRUCache<string, { issuer: string; expiresAt: number }>({ max: remembered })

  async function check(token: string, module: string, known: string): Promise<string> {
    const issuer = issuerOf(token)
    const key = keys.get(issuer)
    if (!key) throw ServiceTokenInvalid()
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        typ: type,
        issuer,
        audience: module,
        currentDate: new Date(now()),
        requiredClaims: ['iat', 'exp'],
        maxTokenAge: lifeSeconds,
      })
      verified.set(known, { issuer, expiresAt: Number(payload.exp) * 1_000 })
      return issuer
    } catch (cause) {
      throw ServiceTokenInvalid({}, { cause })
    }
  }

  return {
    verify(token, module) {
      if (token === undefined || token.length > longest) throw ServiceTokenInvalid()
      const name = `${module} ${hash('sha256', token, 'base64url')}`
      const known = verified.get(name)
      if (known === undefined) return check(token, module, name)
      if (now() >= known.expiresAt) throw ServiceTokenInvalid()
      return known.issuer
    },
  }
}

/** Which key to take, and nothing else, comes from what the token says of itself. */
function issuerOf(token: string): string {
  try {
    const { kid } = decodeProtectedHeader(token)
    if (typeof kid === 'string') return kid
  } catch (cause) {
    throw ServiceTokenInvalid({}, { cause })
  }
  throw ServiceTokenInvalid()
}
