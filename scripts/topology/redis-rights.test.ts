import { randomBytes } from 'node:crypto'
import { Redis as Client } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Cache, createCache } from '#platform/cache.ts'
import { createEventStreams } from '#platform/events.ts'
import { createMetrics } from '#platform/metrics.ts'
import type { ModuleName } from '#platform/module-table.ts'
import { createPermitCounter } from '#platform/permit-counter.ts'
import { createRedis, type Redis } from '#platform/redis.ts'
import { redisCommand } from '#support/redis-command.ts'
import { privateRedis, type Restartable } from '#support/servers.ts'
import type { RedisServer } from '../servers/redis.ts'
import { redisAccount } from './redis-rights.ts'

/** Two processes that share a Redis, each with the account that `npm run topology -- redis` makes for it. */
describe('the account of a process in Redis', () => {
  const keyPrefix = 'odd[1]*:'
  const log = { warn: () => {}, error: () => {} }
  let server: Restartable<RedisServer>
  let front: Process
  let back: Process

  interface Process {
    redis: Redis
    streams: ReturnType<typeof createEventStreams>
    cacheOf: (module: string) => Cache
    /** What somebody could do who has got hold of its password. */
    raw: Client
  }

  async function processWith(name: string, modules: readonly ModuleName[]): Promise<Process> {
    const { host, port } = server.server
    const settings = { host, port, username: name, password: randomBytes(12).toString('hex'), keyPrefix }
    const service = { name, privateKey: '', processes: {} }
    const [, , ...words] = redisAccount({ modules, service, redis: settings }).split(' ')
    await redisCommand(server.server, 'ACL', 'SETUSER', ...words)
    const redis = createRedis(settings, { log })
    await vi.waitFor(() => expect(redis.available).toBe(true), { interval: 5 })
    return {
      redis,
      streams: createEventStreams(redis.forModule('ev')),
      cacheOf: (module) => createCache(redis.forModule(module), createMetrics({ process: false })),
      raw: new Client({ ...settings, keyPrefix: '', disableClientInfo: true }),
    }
  }

  beforeAll(async () => {
    server = await privateRedis()
    front = await processWith('front', ['auth', 'user', 'pricing'])
    back = await processWith('back', ['customer', 'carrier'])
  })
  afterAll(async () => {
    for (const { redis, raw } of [front, back]) {
      raw.disconnect()
      await redis.close()
    }
    await server.remove()
  })

  const place = { source: 'shared_user', part: 3, generation: 1 }
  const event = { id: '0190', type: 'user.created' }
  const logged = [{ seq: 1, envelope: event as never, publishedAt: performance.now() }]

  it('lets a process do all its work: cache, limits, streams of its own, those it hears, and how far it is there', async () => {
    await front.streams.tellFacts('shared_user', { generation: 1, bases: [] })
    await front.streams.tellBounds(place, { first: 1, next: 2, newestId: '0190' })
    await back.streams.acknowledge(place, 'customer.watch', 0, { misses: false })
    expect(await front.streams.append(place, logged, undefined)).toBe(true)
    await front.streams.trim(place, 1)
    const [seen, told] = [await back.streams.read(place, 1, 10), await back.streams.facts('shared_user')]
    await back.streams.acknowledge(place, 'customer.watch', 1, { misses: false })
    const { consumers } = await front.streams.look(place)
    const granted = await Promise.all(
      [front, back].map(({ redis }) => createPermitCounter(redis.forModule('platform')).take('u1', 2, 10, 60_000)),
    )
    const kept = back.cacheOf('customer').versioned<{ version: number }>({ entity: 'customer', what: 'profile' })
    await kept.put(1, { version: 7 })
    const elsewhere = back.cacheOf('customer').versioned<{ version: number }>({ entity: 'customer', what: 'profile', memoryMs: 0 })

    expect(seen.map(({ seq, envelope }) => [seq, envelope])).toEqual([[1, event]])
    expect(told).toEqual({ generation: 1, bases: [] })
    expect(consumers).toMatchObject([{ consumer: 'customer.watch', seq: 1 }])
    expect(granted.map(({ used }) => used).toSorted()).toEqual([2, 4])
    expect(await elsewhere.get(1, async () => undefined)).toEqual({ version: 7 })
    await front.streams.drop('shared_user', 1)
  })

  it('lets the words between processes through: its own and those about streams it hears', async () => {
    const heard: string[] = []
    const channels = ['ev:look', 'ev:{shared_user}:streamed']
    for (const name of channels) back.redis.channel(name).subscribe((message) => heard.push(message))

    await vi.waitFor(
      () => {
        for (const name of channels) front.redis.channel(name).publish(name)
        expect(new Set(heard)).toEqual(new Set(channels))
      },
      { interval: 20 },
    )
  })

  const stream = `${keyPrefix}ev:{shared_user:3}:g1`
  const foreign: [string, ...string[]][] = [
    ['GET', `${keyPrefix}auth:{s:1}:state`],
    ['SET', `${keyPrefix}user:{user:1}:access`, '{}'],
    ['DEL', `${keyPrefix}auth:{limit:x}:used`],
    ['XADD', stream, '1-0', 'i', 'forged'],
    ['DEL', stream],
    ['EVAL', "return redis.call('XADD', KEYS[1], '1-0', 'i', 'forged')", '1', stream],
    ['SET', `${keyPrefix}ev:{shared_user:all}:source`, '{}'],
    ['XRANGE', `${keyPrefix}ev:{pricing:3}:g1`, '-', '+'],
    ['GET', 'another-system:secret'],
    ['SUBSCRIBE', `${keyPrefix}ev:{shared_user}:nudge`],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['SELECT', '1'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', 'requirepass'],
    ['ACL', 'LIST'],
  ]
  it.each(foreign)('refuses a process what is not its own: %s %s', async (command, ...words) => {
    await expect(back.raw.call(command, ...words)).rejects.toThrow(/NOPERM|No permissions|can't run this command/)
  })

  it('is made of what the settings say, and of nothing else', () => {
    const redis = { host: 'redis', port: 6379, keyPrefix: 'b:' }

    expect(() => redisAccount({ modules: ['customer'], redis })).toThrow('REDIS_USERNAME and REDIS_PASSWORD are missing.')
    expect(() => redisAccount({ modules: ['customer'], redis: { ...redis, username: 'a b', password: 'p' } })).toThrow('contains a blank')
    expect(redisAccount({ modules: ['customer'], redis: { ...redis, username: 'back', password: 'p' } })).toMatch(
      /^ACL SETUSER back reset on #148de9c5a7a44d19e56cd9ae1a554bf6[0-9a-f]{32} ~b:customer:\* /,
    )
  })
})
