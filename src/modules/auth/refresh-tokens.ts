import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Refresh tokens are computed, never stored: `bhr_` and the base64url form of session id (4 bytes, big-endian), generation
 * (4 bytes, big-endian) and HMAC-SHA256 over id, generation and the session's nonce. The database gives no token without the
 * secret, the secret none without the nonces.
 */

export interface RefreshClaim {
  sessionId: number
  generation: number
  mac: Buffer
}

export interface RefreshTokens {
  issue(sessionId: number, generation: number, nonce: Buffer): string
  /** Undefined when the text is no refresh token at all. */
  read(token: string): RefreshClaim | undefined
  /** Whether the claim was issued here for a session with this nonce. Undefined: no such session, the same work all the same. */
  isGenuine(claim: RefreshClaim, nonce: Buffer | undefined): boolean
}

const prefix = 'bhr_'
const form = /^bhr_[A-Za-z0-9_-]{54}$/

export function createRefreshTokens({ secret, secretPrevious }: { secret: string; secretPrevious?: string | undefined }): RefreshTokens {
  const key = deriveKey(secret)
  const previousKey = secretPrevious === undefined ? undefined : deriveKey(secretPrevious)

  return {
    issue(sessionId, generation, nonce) {
      const head = headOf(sessionId, generation)
      return prefix + Buffer.concat([head, macOf(key, head, nonce)]).toString('base64url')
    },

    read(token) {
      if (!form.test(token)) return undefined
      const bytes = Buffer.from(token.slice(prefix.length), 'base64url')
      // 54 characters hold four bits more than 40 bytes: only one spelling of a token is a token.
      if (bytes.toString('base64url') !== token.slice(prefix.length)) return undefined
      return { sessionId: bytes.readUInt32BE(0), generation: bytes.readUInt32BE(4), mac: bytes.subarray(8) }
    },

    isGenuine({ sessionId, generation, mac }, nonce) {
      const head = headOf(sessionId, generation)
      const known = nonce ?? randomBytes(16)
      const now = timingSafeEqual(mac, macOf(key, head, known))
      // Both are always computed, so that the time does not tell which secret it was.
      const before = previousKey === undefined ? false : timingSafeEqual(mac, macOf(previousKey, head, known))
      return nonce !== undefined && (now || before)
    },
  }
}

const deriveKey = (secret: string): Buffer => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'bulkhead/refresh/1', 32))

const macOf = (key: Buffer, head: Buffer, nonce: Buffer): Buffer => createHmac('sha256', key).update(head).update(nonce).digest()

function headOf(sessionId: number, generation: number): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(sessionId, 0)
  head.writeUInt32BE(generation, 4)
  return head
}
