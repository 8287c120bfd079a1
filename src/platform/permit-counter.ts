import type { PermitCounter } from './rate-limits.ts'
import { type ModuleRedis, script } from './redis.ts'

/** Takes what is left, at most what is wanted, in one step: counters that are raised and then given an end can lose their end. */
const takePermits = script(`
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local wanted, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local granted = math.max(0, math.min(wanted, limit - used))
if granted > 0 then
  used = redis.call('INCRBY', KEYS[1], granted)
  if used == granted then redis.call('PEXPIRE', KEYS[1], window) end
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = window
  if used > 0 then redis.call('PEXPIRE', KEYS[1], window) end
end
return { granted, used, left }`)

/** The counter that all processes share, in Redis. Rejects while Redis is away. */
export function createPermitCounter(redis: ModuleRedis): PermitCounter {
  return {
    async take(key, wanted, limit, windowMs) {
      const reply = await redis.run(takePermits, [redis.key('limit', key, 'used')], [wanted, limit, windowMs])
      const [granted, used, resetMs] = Array.isArray(reply) ? reply.map(Number) : []
      if (granted === undefined || used === undefined || resetMs === undefined) throw new TypeError('the permit script answered nothing')
      return { granted, used, resetMs }
    },
  }
}
