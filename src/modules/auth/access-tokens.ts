import { hash, randomUUID } from 'node:crypto'
import { type CryptoKey, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { AccessTokenExpired, AccessTokenInvalid } from './errors.ts'

/** What an access token says. Roles are a fallback for the time the account database is away; rights come from the session state. */
export interface AccessClaims {
  userId: number
  sessionId: number
  roles: readonly string[]
  /** Seconds since 1970 on the process clock. */
  expiresAt: number
}

export interface Grant {
  userId: number
  sessionId: number
  roles: readonly string[]
  method: 'password'
  /** Seconds until the absolute end of the session, which no token outlives. */
  sessionSecondsLeft: number
}

export interface AccessTokens {
  issue(grant: Grant): Promise<{ accessToken: string; expiresIn: number }>
  /** The claims of a token seen before, at once; otherwise after verification. Rejects with ACCESS_TOKEN_INVALID or …_EXPIRED. */
  verify(token: string): AccessClaims | Promise<AccessClaims>
  /** Forgets what was verified, because the set of keys has changed. */
  forget(): void
}

export interface SigningKeySource {
  /** The key that signs now. */
  signer(): Promise<{ kid: string; alg: string; key: CryptoKey }>
  /** The key of that name in our own set. */
  verifier(kid: string): Promise<{ alg: string; key: CryptoKey } | undefined>
}

export interface AccessTokensNeeds {
  keys: SigningKeySource
  issuer: string
  ttlSeconds: number
  /** Milliseconds since 1970. */
  now?: () => number
}

const audience = 'bulkhead-api'
const type = 'at+jwt'
const longestToken = 4_096
const leewaySeconds = 30
/** About 5 MB. */
const remembered = 10_000

export function createAccessTokens({ keys, issuer, ttlSeconds, now = Date.now }: AccessTokensNeeds): AccessTokens {
  // By digest, so that a dump of the memory holds no usable token.
  const verified = new LRUCache<string, AccessClaims>({ max: remembered })
  const seconds = () => Math.floor(now() / 1_000)

  async function check(token: string, digest: string): Promise<AccessClaims> {
    const kid = kidOf(token)
    const known = await keys.verifier(kid)
    if (known === undefined) throw AccessTokenInvalid({}, invalid)
    const claims = await payloadOf(token, known)
    verified.set(digest, claims)
    return claims
  }

  async function payloadOf(token: string, { alg, key }: { alg: string; key: CryptoKey }): Promise<AccessClaims> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [alg],
        issuer,
        audience,
        typ: type,
        clockTolerance: leewaySeconds,
        currentDate: new Date(now()),
        requiredClaims: ['sub', 'sid', 'jti', 'iat', 'nbf', 'exp', 'roles'],
      })
      return readClaims(payload)
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) throw AccessTokenExpired({}, { cause, ...expired })
      throw AccessTokenInvalid({}, { cause, ...invalid })
    }
  }

  return {
    async issue({ userId, sessionId, roles, method, sessionSecondsLeft }) {
      const { kid, alg, key } = await keys.signer()
      const issuedAt = seconds()
      const expiresIn = Math.max(1, Math.min(ttlSeconds, sessionSecondsLeft))
      const accessToken = await new SignJWT({ sid: sessionId, roles: [...roles], amr: [amrOf[method]] })
        .setProtectedHeader({ alg, typ: type, kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(String(userId))
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + expiresIn)
        .sign(key)
      return { accessToken, expiresIn }
    },

    verify(token) {
      if (token.length > longestToken) throw AccessTokenInvalid({}, invalid)
      const digest = hash('sha256', token, 'base64url')
      const claims = verified.get(digest)
      if (claims === undefined) return check(token, digest)
      if (seconds() > claims.expiresAt + leewaySeconds) throw AccessTokenExpired({}, expired)
      return claims
    },

    forget: () => verified.clear(),
  }
}

const amrOf = { password: 'pwd' } as const
const invalid = { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
const expired = { headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' } }

/** The header says which of our keys to take and nothing else: a token that brings a key or asks for more is refused. */
function kidOf(token: string): string {
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(token)
  } catch (cause) {
    throw AccessTokenInvalid({}, { cause, ...invalid })
  }
  const { kid, alg, typ, ...more } = header
  if (typeof kid !== 'string' || typeof alg !== 'string' || typ !== type || Object.keys(more).length > 0)
    throw AccessTokenInvalid({}, invalid)
  return kid
}

function readClaims({ sub, sid, roles, exp, aud }: Record<string, unknown>): AccessClaims {
  const isOurs =
    typeof sub === 'string' &&
    /^[1-9]\d{0,9}$/.test(sub) &&
    typeof sid === 'number' &&
    Number.isInteger(sid) &&
    sid > 0 &&
    typeof exp === 'number' &&
    aud === audience &&
    Array.isArray(roles) &&
    roles.every((role): role is string => typeof role === 'string')
  if (!isOurs) throw new TypeError('the claims are not those of an access token')
  return Object.freeze({ userId: Number(sub), sessionId: sid, roles: Object.freeze([...roles]), expiresAt: exp })
}
