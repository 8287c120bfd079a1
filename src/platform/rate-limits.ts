import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { LimitSettings } from './config.ts'
import { RateLimited } from './http-errors.ts'
import type { Principal } from './principal.ts'

/**
 * Requests per minute and caller, counted for all processes together. A process takes permits from the common counter some at a
 * time and spends them without asking, fewer the nearer the limit is: a caller far from it costs one round trip in dozens of
 * requests, and the last permits are handed out one by one, so the limit is exact. Without the counter each process counts for
 * itself.
 */
export interface PermitCounter {
  /** Takes up to `wanted` permits out of `limit` in the current window of the key. Rejects when the counter is away. */
  take(key: string, wanted: number, limit: number, windowMs: number): Promise<Permits>
}

export interface Permits {
  granted: number
  /** Handed out in this window, to all processes. */
  used: number
  resetMs: number
}

export interface RateLimits {
  /** Counts a request and writes the headers; throws or rejects with RATE_LIMITED. Synchronous while permits are at hand. */
  admit(request: FastifyRequest, reply: FastifyReply, principal: Principal): void | Promise<void>
}

const windowMs = 60_000
const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

interface Window {
  /** Permits at hand. */
  left: number
  used: number
  resetAt: number
  pending: Promise<void> | undefined
}

export function createRateLimits(
  settings: Pick<LimitSettings, 'perMinute' | 'writesPerMinute' | 'anonymousPerMinute'>,
  options: { counter?: PermitCounter; secret: string },
): RateLimits {
  const { counter, secret } = options
  const windows = new LRUCache<string, Window>({ max: 50_000 })
  const policies = {
    anonymous: policyOf('default', settings.anonymousPerMinute),
    principal: policyOf('default', settings.perMinute),
    write: policyOf('writes', settings.writesPerMinute),
  }
  const bothPolicies = `${policies.principal.header}, ${policies.write.header}`

  function spend(policy: Policy, caller: string): Spent | Promise<Spent> {
    const key = `${policy.name}:${caller}`
    let window = windows.get(key)
    const now = performance.now()
    if (window === undefined || (now >= window.resetAt && window.pending === undefined)) {
      window = { left: 0, used: 0, resetAt: now + windowMs, pending: undefined }
      windows.set(key, window)
    }
    return spendFrom(window, policy, key)
  }

  function spendFrom(window: Window, policy: Policy, key: string): Spent | Promise<Spent> {
    if (window.left > 0) {
      window.left -= 1
      return spent(window, policy, true)
    }
    if (window.used >= policy.limit && window.pending === undefined && performance.now() < window.resetAt)
      return spent(window, policy, false)
    // Cleared after the assignment, whether or not the refill had to wait.
    window.pending ??= refill(window, policy, key).finally(() => {
      window.pending = undefined
    })
    return window.pending.then(() => spendFrom(window, policy, key))
  }

  async function refill(window: Window, policy: Policy, key: string): Promise<void> {
    const wanted = Math.max(1, Math.min(100, Math.floor((policy.limit - window.used) / 16)))
    let permits: Permits | undefined
    try {
      permits = await counter?.take(nameInCounter(key), wanted, policy.limit, windowMs)
    } catch {
      // The counter is away: this process counts for itself.
    }
    if (permits === undefined) {
      const resetMs = window.resetAt - performance.now()
      const used = resetMs > 0 ? window.used : 0
      const granted = Math.min(wanted, policy.limit - used)
      permits = { granted, used: used + granted, resetMs: resetMs > 0 ? resetMs : windowMs }
    }
    window.left += permits.granted
    // Nothing granted is the end of the window, whatever the counter says: those who wait must not ask for ever.
    window.used = permits.granted > 0 ? permits.used : Math.max(permits.used, policy.limit)
    window.resetAt = performance.now() + permits.resetMs
  }

  // Addresses are personal data, and names of keys can be seen by every user of the counter.
  const nameInCounter = (key: string): string => createHmac('sha256', secret).update(key).digest('base64url').slice(0, 22)

  function conclude(reply: FastifyReply, policyHeader: string, first: Spent, second: Spent | undefined): void {
    reply.header('ratelimit-policy', policyHeader)
    reply.header('ratelimit', second === undefined ? first.header : `${first.header}, ${second.header}`)
    const refused = first.allowed ? (second?.allowed === false ? second : undefined) : first
    if (refused) throw RateLimited({ limit: refused.limit }, { retryAfter: refused.resetSeconds })
  }

  return {
    admit: (request, reply, principal) => {
      const caller = callerOf(principal)
      if (caller === undefined) {
        const { anonymous } = policies
        return whenBoth(spend(anonymous, networkOf(request.ip)), undefined, (first) => conclude(reply, anonymous.header, first, undefined))
      }
      if (caller === unlimited) return undefined
      const first = spend(policies.principal, caller)
      if (reading.has(request.method))
        return whenBoth(first, undefined, (one) => conclude(reply, policies.principal.header, one, undefined))
      return whenBoth(first, spend(policies.write, caller), (one, two) => conclude(reply, bothPolicies, one, two))
    },
  }
}

interface Policy {
  name: string
  limit: number
  header: string
}
const policyOf = (name: string, limit: number): Policy => ({ name, limit, header: `"${name}";q=${limit};w=${windowMs / 1_000}` })

interface Spent {
  allowed: boolean
  limit: number
  resetSeconds: number
  header: string
}

function spent(window: Window, { name, limit }: Policy, allowed: boolean): Spent {
  const remaining = Math.max(0, window.left + limit - window.used)
  const resetSeconds = Math.max(1, Math.ceil((window.resetAt - performance.now()) / 1_000))
  return { allowed, limit, resetSeconds, header: `"${name}";r=${remaining};t=${resetSeconds}` }
}

/** Goes on at once when nothing has to be waited for. */
function whenBoth(
  first: Spent | Promise<Spent>,
  second: Spent | Promise<Spent> | undefined,
  then: (first: Spent, second: Spent | undefined) => void,
): void | Promise<void> {
  if (first instanceof Promise || second instanceof Promise) return Promise.all([first, second]).then(([one, two]) => then(one, two))
  return then(first, second)
}

const unlimited = 'unlimited'

/** One name per principal; undefined for those who have none. */
function callerOf(principal: Principal): string | undefined {
  if (principal.kind === 'api_key') return `k${principal.apiKeyId}`
  if (principal.kind === 'user') return `u${principal.userId}`
  return principal.kind === 'anonymous' ? undefined : unlimited
}

/** An address, or the /64 a host of IPv6 chooses its addresses from. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip
  if (ip.startsWith('::ffff:') && ip.includes('.')) return ip.slice(7)
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const full = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail ? tail.split(':') : [])]
  return full
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')
}
