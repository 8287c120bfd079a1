import { LRUCache } from 'lru-cache'
import type { LimitSettings } from '#platform/config.ts'
import { RateLimited } from '#platform/http-errors.ts'
import type { PermitCounter, Permits } from '#platform/rate-limits.ts'
import { TooManyAttempts } from './errors.ts'
import { ipBytes, networkOf } from './ip-addresses.ts'
import type { Sealing } from './sealing.ts'

/**
 * How often somebody may try from one place. Counted for all processes together; when the common counter is away each process
 * counts for itself, with a quarter of the limits.
 */
export interface Attempts {
  /** Rejects with TOO_MANY_ATTEMPTS when too many log-ins from this address or its network have failed. Counts nothing. */
  requireLoginFrom(ip: string): Promise<void>
  countFailedLogin(ip: string): Promise<void>
  /** Counts; rejects with TOO_MANY_ATTEMPTS. */
  requireRegistrationFrom(ip: string): Promise<void>
  /** Counts; rejects with RATE_LIMITED. */
  requireRefreshFrom(ip: string): Promise<void>
  requireRefreshOf(sessionId: number): Promise<void>
}

export interface AttemptsNeeds {
  permits: PermitCounter
  limits: LimitSettings
  sealing: Pick<Sealing, 'pseudonym'>
}

const minute = 60_000
const hour = 60 * minute

export function createAttempts({ permits, limits, sealing }: AttemptsNeeds): Attempts {
  const own = createLocalCounter()

  async function take(key: string, wanted: number, limit: number, windowMs: number): Promise<Permits & { limit: number }> {
    try {
      return { ...(await permits.take(key, wanted, limit, windowMs)), limit }
    } catch {
      const quarter = Math.ceil(limit / 4)
      return { ...(await own.take(key, wanted, quarter, windowMs)), limit: quarter }
    }
  }

  // Addresses are personal data, and everybody who may read the counter sees the names of its keys.
  const keyOf = (what: string, place: string): string => `${what}:${sealing.pseudonym('origin', place).toString('base64url').slice(0, 22)}`
  const network = (ip: string): string => {
    const bytes = ipBytes(ip)
    return bytes === null ? ip : networkOf(bytes).toString('hex')
  }
  const failuresFrom = (ip: string) => [
    { key: keyOf('login-ip', ip), limit: limits.loginFailuresPerMinute },
    { key: keyOf('login-net', network(ip)), limit: limits.loginFailuresPerNetwork },
  ]

  return {
    async requireLoginFrom(ip) {
      const looks = await Promise.all(failuresFrom(ip).map(({ key, limit }) => take(key, 0, limit, minute)))
      const full = looks.filter((look) => look.used >= look.limit)
      if (full.length > 0) throw TooManyAttempts({}, { retryAfter: seconds(Math.max(...full.map((look) => look.resetMs))) })
    },

    async countFailedLogin(ip) {
      await Promise.all(failuresFrom(ip).map(({ key, limit }) => take(key, 1, limit, minute)))
    },

    async requireRegistrationFrom(ip) {
      const { granted, resetMs } = await take(keyOf('register-ip', ip), 1, limits.registrationsPerHour, hour)
      if (granted === 0) throw TooManyAttempts({}, { retryAfter: seconds(resetMs) })
    },

    async requireRefreshFrom(ip) {
      const { granted, resetMs, limit } = await take(keyOf('refresh-ip', ip), 1, limits.refreshesPerMinute, minute)
      if (granted === 0) throw RateLimited({ limit }, { retryAfter: seconds(resetMs) })
    },

    async requireRefreshOf(sessionId) {
      const { granted, resetMs, limit } = await take(`refresh-session:${sessionId}`, 1, limits.refreshesPerSession, minute)
      if (granted === 0) throw RateLimited({ limit }, { retryAfter: seconds(resetMs) })
    },
  }
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000))

function createLocalCounter(): PermitCounter {
  const windows = new LRUCache<string, { used: number; endsAt: number }>({ max: 20_000 })
  return {
    async take(key, wanted, limit, windowMs) {
      const now = performance.now()
      let window = windows.get(key)
      if (window === undefined || window.endsAt <= now) window = { used: 0, endsAt: now + windowMs }
      const granted = Math.max(0, Math.min(wanted, limit - window.used))
      window.used += granted
      if (window.used > 0) windows.set(key, window)
      return { granted, used: window.used, resetMs: window.endsAt - now }
    },
  }
}
