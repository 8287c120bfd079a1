import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bookkeeping } from '#support/event-crew.ts'
import { openStraits, promptMs, type Straits, streamsOf } from '#support/event-straits.ts'
import { faultsOf, until } from '#support/event-world.ts'
import { privateRedis, type Restartable } from '#support/servers.ts'
import type { RedisServer } from '../../scripts/servers/redis.ts'
import { isAppError } from './errors.ts'
import { createEventSource } from './event-sources.ts'
import { createStreamSource } from './event-stream-source.ts'
import { createStreamWriter } from './event-stream-writer.ts'

/** Redis may lose anything: what is in a stream is a copy, and whoever reads it passes no hole. */
let server: Restartable<RedisServer>
let straits: Straits

beforeAll(async () => {
  server = await privateRedis()
})
beforeEach(async () => {
  straits = await openStraits(() => server.server)
})
afterEach(async () => {
  await straits.close()
  await straits.command('CONFIG', 'SET', 'maxmemory', '0')
  await straits.command('FLUSHALL')
})
afterAll(() => server.remove())

const repairs = async (): Promise<number> => {
  const text = await straits.publisher.metrics.registry.metrics()
  return Number(/stream_repairs_total\{source="shared_user"\} (\d+)/.exec(text)?.[1] ?? 0)
}

test('EV-12: Redis flushed twice, killed and away loses nothing, repeats nothing, and all is caught up within 5 s of its return', async () => {
  const { publisher, hear, sail, command, allBooked, booked } = straits
  const hearers = [await hear(), await hear()]
  await sail(8, 1, 10)
  await command('FLUSHALL')
  await sail(8, 11, 20)
  await command('FLUSHALL')
  await sail(8, 21, 30)
  await allBooked()
  // Whatever is written again leaves the database to all the others.
  expect(publisher.log.filter(({ fields }) => isAppError(fields.error) && fields.error.code === 'OVERLOADED')).toEqual([])
  await server.server.kill()
  await sail(8, 31, 40)

  await server.restart()
  const back = performance.now()
  await allBooked()

  expect(performance.now() - back).toBeLessThan(promptMs())
  expect(await booked()).toHaveLength(320)
  expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  for (const { log } of [publisher, ...hearers]) expect(log.filter(({ level }) => level === 'error')).toEqual([])
})

/** A consumer is away at 2 of 6 events when something gets lost, and is to have all of 8, in their order. */
async function comesBackAfter(lose: (stream: string) => Promise<unknown>): Promise<{ steps: number[]; repairs: number }> {
  const { hear, sail, allBooked, streamOf, partOf, reach, steps, hasSaid } = straits
  const first = await hear()
  await sail(1, 1, 2)
  await allBooked()
  const stream = await streamOf(await partOf(1))
  await hasSaid(stream, 2)
  await first.close()
  await sail(1, 3, 6)
  await until(async () => (await reach(stream)).last === 6, 'the stream holds all')
  const before = await repairs()
  await lose(stream)
  await hear()
  await sail(1, 7, 8)
  // A hole that is passed leaves fewer events in the book: the last one of all ends the waiting, too.
  await until(async () => (await steps()).includes(8), 'the last event is booked', promptMs())
  return { steps: await steps(), repairs: (await repairs()) - before }
}
const all = [1, 2, 3, 4, 5, 6, 7, 8]

test('EV-14: a stream that has lost an entry from its middle is mended within 5 s, and the hole is never passed', async () => {
  const found = await comesBackAfter((stream) => straits.command('XDEL', stream, '4-0'))

  expect(found.steps).toEqual(all)
  expect(found.repairs).toBeGreaterThan(0)
})

test('EV-14: a stream that has lost its end is mended within 5 s, and nothing is left out', async () => {
  const found = await comesBackAfter((stream) => straits.command('XTRIM', stream, 'MAXLEN', '0'))

  expect(found.steps).toEqual(all)
  expect(found.repairs).toBeGreaterThan(0)
})

test('EV-14: a stream that has lost its beginning is mended within 5 s, and nothing is left out', async () => {
  const found = await comesBackAfter((stream) => straits.command('XTRIM', stream, 'MINID', '5-0'))

  expect(found.steps).toEqual(all)
  expect(found.repairs).toBeGreaterThan(0)
})

test('EV-14: what consumers have said of their positions is lost, and they say it again within 5 s', async () => {
  const found = await comesBackAfter((stream) => straits.command('DEL', `${stream}:acks`))

  expect(found.steps).toEqual(all)
})

test('what the publisher has said of its lives is lost, and it says it again within 5 s', async () => {
  const found = await comesBackAfter(() => straits.command('DEL', 't:ev:{shared_user:all}:source'))

  expect(found.steps).toEqual(all)
})

test('EV-14: when Redis is full in the middle of a batch, what is in has no hole, the rest waits in the outbox, and what is settled makes room', async () => {
  const { publisher, hear, sail, command, allBooked, streamOf, partOf, reach, steps } = straits
  const gate = Promise.withResolvers<void>()
  await hear([bookkeeping((_ship, step) => (step > 1 ? gate.promise : undefined))])
  await sail(1, 1, 1)
  await allBooked()
  const used = Number(/used_memory:(\d+)/.exec(String(await command('INFO', 'memory')))?.[1])
  await command('CONFIG', 'SET', 'maxmemory', String(used + 100_000))

  await publisher.ships.requests.withTx(async (tx) => {
    for (let step = 2; step <= 500; step += 1) await publisher.publish(tx, 'ship.sailed', 1, { shipId: 1, step })
  })
  await until(() => publisher.log.some(({ message }) => message === 'events for other processes wait'), 'it is full')
  const { first, last } = await reach(await streamOf(await partOf(1)))
  gate.resolve()
  await allBooked(promptMs())

  expect(first).toBe(1)
  expect(last).toBeGreaterThan(100)
  expect(last).toBeLessThan(500)
  expect(await steps()).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
})

test('EV-14: a consumer that was away until the stream was cut behind it gets the rest from the outbox', async () => {
  const { hear, sail, command, allBooked, streamOf, partOf, reach, steps, hasSaid } = straits
  const away = await hear()
  await sail(1, 1, 2)
  await allBooked()
  const stream = await streamOf(await partOf(1))
  await hasSaid(stream, 2)
  await away.close()
  const heard: number[] = []
  await hear([{ ...bookkeeping(), consumer: 'harbour.log', handle: async () => void heard.push(1) }])
  // Heard of more than a minute ago.
  await command('HSET', `${stream}:acks`, 'harbour.book', '2 0 0')
  await sail(1, 3, 6)
  await until(() => heard.length === 6, 'the other consumer hears all')
  await sail(1, 7, 7)
  await until(async () => (await reach(stream)).first > 3, 'the stream is cut')
  const before = await repairs()

  await hear()
  await allBooked(promptMs())

  expect(await steps()).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(await repairs()).toBeGreaterThan(before)
})

test('who stands before a hole says so, however well another consumer of the process reads on behind it', async () => {
  const { hear, sail, allBooked, command, streamOf, partOf, reach } = straits
  const hearer = await hear()
  await sail(1, 1, 2)
  await allBooked()
  await hearer.close()
  await sail(1, 3, 6)
  const part = await partOf(1)
  const stream = await streamOf(part)
  await until(async () => (await reach(stream)).last === 6, 'the stream holds all')
  await straits.publisher.events.stop()
  await command('XDEL', stream, '4-0')
  const streams = await streamsOf(straits)
  const source = createStreamSource('shared_user', streams)
  const { generation } = await source.state()

  expect((await source.read(part, 3, 10)).events.map(({ seq }) => seq)).toEqual([3])
  expect((await source.read(part, 5, 10)).events.map(({ seq }) => seq)).toEqual([5, 6])
  await source.acknowledge('harbour.book', part, { generation, seq: 3 })
  await source.acknowledge('harbour.log', part, { generation, seq: 5 })

  const { consumers } = await streams.look({ source: 'shared_user', part, generation })
  expect(Object.fromEntries(consumers.map(({ consumer, misses }) => [consumer, misses]))).toEqual({
    'harbour.book': true,
    'harbour.log': false,
  })
})

test('what another process has numbered and written meanwhile is no alarm', async () => {
  const { publisher, hear, sail, allBooked, partOf } = straits
  await hear()
  await sail(1, 1, 5)
  await allBooked()
  const part = await partOf(1)
  const said: string[] = []
  const note = (_fields: object, message: string): void => void said.push(message)
  const writer = createStreamWriter({
    database: publisher.ships,
    source: createEventSource(publisher.ships),
    streams: await streamsOf(straits),
    written: () => {},
    repaired: () => {},
    log: { warn: note, error: note },
  })

  const { generation } = await createEventSource(publisher.ships).state()
  await writer.look(generation, new Map([[part, 1]]))

  expect(said).toEqual([])
  expect(writer.ahead()).toEqual([])
})

test('what was told while a process was cut off from Redis is found as soon as it hears again, however long it would have paused', async () => {
  const { hear, sail, allBooked, booked, command } = straits
  const hearer = await hear([bookkeeping()], { pollMs: 60_000, idlePollMs: 60_000 })
  await sail(8, 1, 1)
  await until(async () => {
    hearer.events.look()
    return (await booked()).length === 8
  }, 'the first events are booked')

  await command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await sail(8, 2, 2)

  await allBooked(promptMs())
})
