import { LRUCache } from 'lru-cache'
import type { Metrics } from './metrics.ts'
import { type ModuleRedis, script } from './redis.ts'

/**
 * Copies of rows, never older than they may be: at most a second in this process, counted from the start of the read that
 * made them, at most 25 seconds in Redis. A slow reader cannot put an old state back, because Redis keeps the higher version.
 * Without Redis every read goes to its source, one at a time for each id; that is slower, never wrong, never an error.
 */
export interface Cache {
  versioned<V extends { version: number }>(options: VersionedOptions<V>): VersionedCache<V>
}

export interface VersionedOptions<V> {
  /** `{entity:id}` and `what` make the key. */
  entity: string
  what: string
  memoryMs?: number
  redisMs?: number
  /** How long the value still holds, as its source computed it; ends both copies earlier. */
  lifetimeMs?: (value: V) => number | undefined
}

export interface VersionedCache<V> {
  /** `load` reads the source; undefined is not kept. `fresh` asks the source in any case. What comes back is frozen. */
  get(id: number | string, load: () => Promise<V | undefined>, options?: { fresh?: boolean }): Promise<V | undefined>
  /** After the commit of a change, before the answer to it: from then on nobody reads the version before. Never throws. */
  put(id: number | string, value: V): Promise<void>
}

/** A reader that took longer may have seen a state older than the copies live, and fills nothing. */
const fillWithinMs = 3_000

/** `<version> <json>`; the stored entry wins when its version is higher, and is the answer. */
const setIfNewer = script(`
  local stored = redis.call('GET', KEYS[1])
  if stored and tonumber(string.match(stored, '^%d+')) > tonumber(ARGV[1]) then return stored end
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
  return false
`)
const getWithRest = script(`
  local stored = redis.call('GET', KEYS[1])
  if not stored then return false end
  return { stored, redis.call('PTTL', KEYS[1]) }
`)

interface Copy<V> {
  value: V
  until: number
}

export function createCache(redis: ModuleRedis, metrics: Pick<Metrics, 'counter'>, { memoryEntries = 10_000 } = {}): Cache {
  const reads = cacheCounter(metrics)

  return {
    versioned<V extends { version: number }>({
      entity,
      what,
      memoryMs = 1_000,
      redisMs = 25_000,
      lifetimeMs,
    }: VersionedOptions<V>): VersionedCache<V> {
      const copies = new LRUCache<number | string, Copy<V>>({ max: memoryEntries })
      const flights = new Map<number | string, { started: number; answer: Promise<V | undefined> }>()
      const count = (outcome: Outcome): void => reads(entity, what, outcome)

      /**
       * Keeps the newer of the two, whoever came last. An old copy has that right only as long as a slow reader could still
       * come: should the source itself have lost a change (a failover), it is believed again after that.
       */
      const remember = (id: number | string, value: V, started: number, rest = Number.POSITIVE_INFINITY): V => {
        const present = copies.peek(id)
        if (present && present.value.version > value.version && performance.now() - present.until < fillWithinMs) return present.value
        const frozen = deepFreeze(value)
        copies.set(id, { value: frozen, until: started + Math.min(memoryMs, rest) })
        return frozen
      }

      const fromRedis = async (id: number | string, started: number): Promise<V | undefined> => {
        try {
          const key = redis.key(entity, id, what)
          if (!lifetimeMs) {
            const stored = await redis.get(key)
            return stored === undefined ? undefined : remember(id, parse<V>(stored), started)
          }
          const found = await redis.run(getWithRest, [key], [])
          return Array.isArray(found) ? remember(id, parse<V>(String(found[0])), started, Number(found[1])) : undefined
        } catch {
          return undefined
        }
      }

      /** The stored value when that is newer. */
      const toRedis = async (id: number | string, value: V, rest: number | undefined): Promise<V | undefined> => {
        const lifetime = Math.floor(Math.min(redisMs, rest ?? redisMs))
        if (lifetime < 1) return undefined
        try {
          const stored = await redis.run(setIfNewer, [redis.key(entity, id, what)], [value.version, JSON.stringify(value), lifetime])
          return typeof stored === 'string' ? parse<V>(stored) : undefined
        } catch {
          count('dropped')
          return undefined
        }
      }

      /** What later readers get: the value, or a newer one that was there already. */
      const fill = async (id: number | string, value: V, started: number): Promise<V> => {
        if (performance.now() - started > fillWithinMs) return deepFreeze(value)
        const rest = lifetimeMs?.(value)
        // Its life began somewhere during the read: counted from the beginning of that, no copy outlives it.
        const restNow = rest === undefined ? undefined : rest - (performance.now() - started)
        const newer = await toRedis(id, value, restNow)
        return newer ? remember(id, newer, started) : remember(id, value, started, rest)
      }

      return {
        async get(id, load, { fresh = false } = {}) {
          const now = performance.now()
          if (fresh) {
            count('fresh')
            const value = await load()
            if (value) await fill(id, value, now)
            return value && deepFreeze(value)
          }
          const copy = copies.get(id)
          if (copy && copy.until > now) {
            count('memory')
            return copy.value
          }
          const flight = flights.get(id)
          // One that began longer ago than a copy may be old would hand out what a copy may not.
          if (flight && now - flight.started < memoryMs) {
            count('joined')
            return flight.answer
          }
          const answer = (async () => {
            const found = await fromRedis(id, now)
            count(found ? 'redis' : 'source')
            if (found) return found
            const value = await load()
            return value && fill(id, value, now)
          })()
          const mine = { started: now, answer }
          flights.set(id, mine)
          try {
            return await answer
          } finally {
            if (flights.get(id) === mine) flights.delete(id)
          }
        },
        async put(id, value) {
          const now = performance.now()
          const rest = lifetimeMs?.(value)
          // Who asks from now on must not join a read that began before the change.
          flights.delete(id)
          remember(id, value, now, rest)
          await toRedis(id, value, rest)
        },
      }
    },
  }
}

type Outcome = 'memory' | 'redis' | 'source' | 'joined' | 'fresh' | 'dropped'

const counters = new WeakMap<object, (entity: string, what: string, outcome: Outcome) => void>()

/** Five modules have a cache each and share one counter. */
function cacheCounter(metrics: Pick<Metrics, 'counter'>): (entity: string, what: string, outcome: Outcome) => void {
  const known = counters.get(metrics)
  if (known) return known
  const counter = metrics.counter(
    'cache_reads_total',
    'Cache reads by where the answer came from; dropped: writes that Redis did not take',
    ['cache', 'outcome'],
  )
  const labels = new Map<string, { inc(): void }>()
  const count = (entity: string, what: string, outcome: Outcome): void => {
    const name = `${entity}:${what}:${outcome}`
    let child = labels.get(name)
    if (!child) {
      child = counter.labels(`${entity}:${what}`, outcome)
      labels.set(name, child)
    }
    child.inc()
  }
  counters.set(metrics, count)
  return count
}

function parse<V>(stored: string): V {
  return JSON.parse(stored.slice(stored.indexOf(' ') + 1))
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
