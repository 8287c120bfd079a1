import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { redisCommand } from '#support/redis-command.ts'
import { createCache } from './cache.ts'
import { createEventStreams } from './event-streams.ts'
import { createMetrics } from './metrics.ts'
import { createPermitCounter } from './permit-counter.ts'
import { createRedis, type Redis, script } from './redis.ts'

/** The Redis of the whole test run is a cluster of one: what every other test does there is proven besides. */
describe('keys in Redis', () => {
  let redis: Redis
  const keyPrefix = `keys-${randomBytes(4).toString('hex')}:`
  const info = async (section: string): Promise<string> => String(await redisCommand(inject('servers').redis, 'INFO', section))

  beforeAll(async () => {
    redis = createRedis({ ...inject('servers').redis, keyPrefix }, { log: { warn: () => {}, error: () => {} } })
    await vi.waitFor(() => expect(redis.available).toBe(true), { interval: 5 })
  })
  afterAll(() => redis.close())

  it('TP-13: a cluster takes every command of caches, limits and event streams: each keeps to the slot of one thing', async () => {
    const lived = { lifetimeMs: () => 20_000, memoryMs: 0 }
    const cache = createCache(redis.forModule('auth'), createMetrics({ process: false }))
    const states = cache.versioned<{ version: number }>({ entity: 's', what: 'state', ...lived })
    const streams = createEventStreams(redis.forModule('ev'))
    const place = { source: 'shared_user', part: 3, generation: 1 }
    const envelope = { id: '0190', type: 'user.created' } as never

    await states.put(17, { version: 2 })
    const state = await states.get(17, async () => undefined)
    const permits = await createPermitCounter(redis.forModule('platform')).take('u1', 2, 10, 60_000)
    await streams.tellFacts('shared_user', { generation: 1, bases: [] })
    await streams.tellBounds(place, { first: 1, next: 2, newestId: '0190' })
    await streams.append(place, [{ seq: 1, envelope, publishedAt: performance.now() }], undefined)
    await streams.acknowledge(place, 'customer.watch', 1, { misses: false })
    const [looked, events] = [await streams.look(place), await streams.read(place, 1, 10)]
    await streams.drop('shared_user', 1)

    expect(await info('cluster')).toContain('cluster_enabled:1')
    expect([state, permits.used, looked.last?.seq, looked.consumers.length, events.length]).toEqual([{ version: 2 }, 2, 1, 1, 1])
    expect(await info('errorstats')).not.toContain('CROSSSLOT')
  })

  it('of two things in one command are refused before anything is sent, with or without a cluster', async () => {
    const own = redis.forModule('customer')
    const both = [own.key('customer', 1, 'profile'), own.key('customer', 2, 'profile')]

    await expect(own.run(script('return 1'), both, [])).rejects.toThrow('are keys of different things')
    await expect(own.run(script('return 1'), [own.key('customer', 1, 'profile'), own.key('customer', 1, 'seen')], [])).resolves.toBe(1)
  })
})
