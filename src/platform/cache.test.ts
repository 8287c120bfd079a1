import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, onTestFinished, test, vi } from 'vitest'
import { privateRedis, type TestServers } from '#support/servers.ts'
import { type Cache, createCache, type VersionedCache } from './cache.ts'
import { createMetrics } from './metrics.ts'
import { createRedis, type Redis } from './redis.ts'

interface Row {
  version: number
  name: string
}

const keyPrefix = `cache-${randomBytes(4).toString('hex')}:`
let redises: Redis[]
let id = 0

const log = { warn: vi.fn(), error: () => {} }

beforeEach(() => {
  redises = []
  id += 1
})
afterEach(async () => {
  for (const redis of redises) await redis.close()
})

/** A process: its own connection, its own memory. */
async function process(server: TestServers['redis'] = inject('servers').redis): Promise<{ cache: Cache; redis: Redis }> {
  const { host, port, password } = server
  const redis = createRedis({ host, port, password, keyPrefix }, { log })
  redises.push(redis)
  await vi.waitFor(() => expect(redis.available).toBe(true), { interval: 5 })
  return { cache: createCache(redis.forModule('customer'), createMetrics({ process: false })), redis }
}

const rows = (
  cache: Cache,
  options: { memoryMs?: number; redisMs?: number; lifetimeMs?: (row: Row) => number } = {},
): VersionedCache<Row> => cache.versioned<Row>({ entity: 'customer', what: 'profile', ...options })
const row = (version: number): Row => ({ version, name: `v${version}` })

test('a second read comes from memory, one of another process from Redis', async () => {
  const load = vi.fn(async () => row(1))
  const [one, other] = [rows((await process()).cache), rows((await process()).cache)]

  await one.get(id, load)
  await one.get(id, load)
  const elsewhere = await other.get(id, load)

  expect(load).toHaveBeenCalledOnce()
  expect(elsewhere).toEqual(row(1))
})

test('what comes out is frozen, from the source as from the copies', async () => {
  const cache = rows((await process()).cache)

  const first = await cache.get(id, async () => ({ ...row(1), tags: ['x'] }))
  const second = await cache.get(id, async () => row(1))

  expect(Object.isFrozen(first) && Object.isFrozen(second)).toBe(true)
  expect(Object.isFrozen((first as unknown as { tags: string[] }).tags)).toBe(true)
})

test('a thousand parallel misses cost one read of the source', async () => {
  const load = vi.fn(async () => row(1))
  const cache = rows((await process()).cache)

  const found = await Promise.all(Array.from({ length: 1_000 }, () => cache.get(id, load)))

  expect(load).toHaveBeenCalledOnce()
  expect(new Set(found.map((value) => value?.version))).toEqual(new Set([1]))
})

test('a change is read by everybody as soon as its put has returned, also by those whose read began before it', async () => {
  const { cache } = await process()
  const mine = rows(cache)
  const theirs = rows((await process()).cache)
  let answer: ((value: Row) => void) | undefined
  const slow = mine.get(
    id,
    () =>
      new Promise<Row>((resolve) => {
        answer = resolve
      }),
  )
  await vi.waitFor(() => expect(answer).toBeDefined(), { interval: 2 })

  await mine.put(id, row(2))
  const after = await mine.get(id, async () => row(1))
  answer?.(row(1))

  expect(after).toEqual(row(2))
  expect(await slow).toEqual(row(2))
  expect(await theirs.get(id, async () => row(1))).toEqual(row(2))
  expect(await mine.get(id, async () => row(1))).toEqual(row(2))
})

test('a slow reader in another process cannot put the old version back into Redis', async () => {
  const [changer, reader, third] = [rows((await process()).cache), rows((await process()).cache), rows((await process()).cache)]

  const read = await reader.get(id, async () => {
    await changer.put(id, row(2))
    return row(1)
  })

  expect(read).toEqual(row(2))
  expect(await third.get(id, async () => row(1))).toEqual(row(2))
})

test('a memory copy lives from the start of its read, not from the end', async () => {
  const load = vi.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 60))
    return row(1)
  })
  const cache = rows((await process()).cache, { memoryMs: 50, redisMs: 0 })

  await cache.get(id, load)
  await cache.get(id, load)

  expect(load).toHaveBeenCalledTimes(2)
})

test('a value ends when its source says so, in both copies', async () => {
  const load = vi.fn(async () => row(1))
  const [one, other] = [rows((await process()).cache, { lifetimeMs: () => 40 }), rows((await process()).cache, { lifetimeMs: () => 40 })]

  await one.get(id, load)
  await other.get(id, load)
  expect(load).toHaveBeenCalledOnce()

  await vi.waitFor(
    async () => {
      await one.get(id, load)
      expect(load).toHaveBeenCalledTimes(2)
    },
    { timeout: 900 },
  )
})

test('the time a slow read took is part of the life of its value', async () => {
  const lifetimeMs = () => 300
  const [one, other] = [rows((await process()).cache, { lifetimeMs }), rows((await process()).cache, { lifetimeMs })]
  const began = performance.now()

  await one.get(id, async () => {
    await new Promise((resolve) => setTimeout(resolve, 250))
    return row(1)
  })
  await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(310), { interval: 5 })

  expect(await other.get(id, async () => row(2))).toEqual(row(2))
})

test('fresh asks the source, and lets the others know', async () => {
  const [one, other] = [rows((await process()).cache), rows((await process()).cache)]
  await one.get(id, async () => row(1))

  expect(await one.get(id, async () => row(2), { fresh: true })).toEqual(row(2))

  expect(await other.get(id, async () => row(1))).toEqual(row(2))
})

test('what is not there is asked for again', async () => {
  const load = vi.fn(async (): Promise<Row | undefined> => undefined)
  const cache = rows((await process()).cache)

  expect(await cache.get(id, load)).toBeUndefined()
  await cache.get(id, load)

  expect(load).toHaveBeenCalledTimes(2)
})

test('an error of the source reaches everybody who waited, and the next one tries again', async () => {
  const cache = rows((await process()).cache)
  const broken = async (): Promise<Row> => {
    throw new Error('database away')
  }

  const results = await Promise.allSettled([cache.get(id, broken), cache.get(id, broken)])

  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await cache.get(id, async () => row(1))).toEqual(row(1))
})

test('with Redis killed reads and puts go on without an error, and Redis serves again when it is back', async () => {
  const server = await privateRedis()
  onTestFinished(() => server.remove())
  const { cache, redis } = await process(server.server)
  const copies = rows(cache, { memoryMs: 0 })
  await copies.get(id, async () => row(1))
  await server.server.kill()

  for (let turn = 0; turn < 20; turn += 1) {
    expect(await copies.get(id, async () => row(2))).toEqual(row(2))
    await copies.put(id, row(2))
  }
  expect(redis.available).toBe(false)
  const started = performance.now()
  await copies.get(id, async () => row(2))
  expect(performance.now() - started).toBeLessThan(50)

  await server.restart()
  await vi.waitFor(
    async () => {
      await redis.ping()
      expect(redis.available).toBe(true)
    },
    { timeout: 5_000, interval: 50 },
  )
  await copies.put(id, row(3))
  expect(await copies.get(id, async () => row(2))).toEqual(row(3))
})

test('with Redis frozen a read costs one command’s time at first, and nothing when the breaker is open', async () => {
  const server = await privateRedis()
  onTestFinished(() => server.remove())
  const { cache } = await process(server.server)
  const copies = rows(cache, { memoryMs: 0 })
  server.server.freeze()
  try {
    const slow = performance.now()
    await copies.get(id, async () => row(1))
    expect(performance.now() - slow).toBeLessThan(500)
    await Promise.all(Array.from({ length: 5 }, (_, at) => copies.get(`${id}-${at}`, async () => row(1))))

    const fast = performance.now()
    expect(await copies.get(id, async () => row(1))).toEqual(row(1))
    expect(performance.now() - fast).toBeLessThan(50)
  } finally {
    server.server.thaw()
  }
})
