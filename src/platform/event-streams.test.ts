import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bookkeeping, type HarbourTx, type ShipEvents } from '#support/event-crew.ts'
import { openStraits, promptMs, type Straits, straitsContract } from '#support/event-straits.ts'
import { createWorld, faultsOf, until } from '#support/event-world.ts'
import { privateRedis, type Restartable } from '#support/servers.ts'
import type { RedisServer } from '../../scripts/servers/redis.ts'
import { newGeneration } from './event-generation.ts'
import type { Subscriptions } from './events.ts'

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
  await straits.command('FLUSHALL')
})
afterAll(() => server.remove())

test('EV-35: in two layouts handlers are given the same, byte for byte, and their books are the same', async () => {
  const { publisher, sail, hear, booked } = straits
  const book = bookkeeping()
  const noting = (given: string[]): Subscriptions<ShipEvents, HarbourTx> => [
    {
      ...book,
      async handle(key, tx, event, run) {
        given.push(JSON.stringify([key, event, run.attempt, run.replay]))
        await book.handle(key, tx, event, run)
      },
    },
  ]
  /** What each subject's events left in the book, in their order; subjects have none between them. */
  const bySubject = (rows: Record<string, unknown>[]) =>
    JSON.stringify([...Map.groupBy(rows, ({ subject }) => subject)].sort(([a], [b]) => String(a).localeCompare(String(b))))
  const [far, here]: [string[], string[]] = [[], []]
  await sail(10, 1, 5)
  await hear(noting(far))
  await until(async () => (await booked()).length === 50, 'all are booked by stream')
  const together = await createWorld()
  try {
    const crew = together.crew()
    crew.events.register({ database: publisher.ships, contract: straitsContract })
    crew.events.register({ database: crew.harbours, subscriptions: noting(here) })
    await crew.events.start()
    const bookedHere = () => together.rows('harbours', 'SELECT event_id, subject, subject_seq, step FROM book ORDER BY id')
    await until(async () => (await bookedHere()).length === 50, 'all are booked from the outbox')

    expect(far.toSorted()).toEqual(here.toSorted())
    expect(bySubject(await booked())).toBe(bySubject(await bookedHere()))
  } finally {
    await together.drop()
  }
})

test('reaches the consumer within moments, and says by which way', async () => {
  const { publisher, hear, allBooked, booked } = straits
  const hearer = await hear()
  await publisher.sail(1, 1)
  await allBooked()
  const began = performance.now()

  await publisher.sail(1, 2)
  await allBooked()

  expect(performance.now() - began).toBeLessThan(promptMs() / 5)
  expect(hearer.events.routes()).toEqual([{ consumer: 'harbour.book', key: 'ship.sailed@1', at: 'stream' }])
  expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
})

test('follows its source into a new life, also when Redis comes back with what was said of the one before', async () => {
  const { publisher, hear, sail, allBooked, booked, command, world } = straits
  const facts = 't:ev:{shared_user:all}:source'
  const hearer = await hear()
  await sail(2, 1, 3)
  await allBooked()
  const before = String(await command('GET', facts))

  await newGeneration(publisher.ships, { reason: 'restored', actor: 'test' })
  await sail(2, 4, 5)
  await allBooked(promptMs())
  expect(hearer.log.filter(({ level }) => level === 'error')).toEqual([])
  await command('SET', facts, before)
  await until(async () => (await command('GET', facts)) !== before, 'the publisher says it again')
  await sail(2, 6, 7)
  await allBooked(promptMs())

  expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  expect(await world.rows('ships', 'SELECT DISTINCT generation FROM event_generation')).toHaveLength(2)
})

test('keeps in the outbox what a consumer in another process has not settled', async () => {
  const { publisher, publish, hear, sail, allBooked, world } = straits
  await sail(1, 1, 2)
  await publisher.events.stop()
  await publish({ sweepMs: 100, retentionDays: 1 })
  await hear()
  await allBooked()

  const claims = () => world.rows('ships', "SELECT acked_seq FROM outbox_ack WHERE consumer = 'harbour.book' AND acked_seq > 0")
  await until(async () => (await claims()).length === 1, 'the claim is in the outbox')

  expect((await claims()).map(({ acked_seq: seq }) => Number(seq))).toEqual([2])
})

test('EV-20: a consumer in another process that is given up claims nothing any more, while its process lives and others of it go on', async () => {
  const { publisher, publish, hear, sail, allBooked, command, streamOf, partOf, world } = straits
  const consumers = [bookkeeping(), { ...bookkeeping(), consumer: 'harbour.watch', handle: async () => {} }]
  await sail(1, 1, 2)
  await publisher.events.stop()
  await publish({ sweepMs: 50 })
  await hear(consumers)
  await allBooked()
  const acks = `${await streamOf(await partOf(1))}:acks`
  const said = async (consumer: string) => (await command('HGET', acks, consumer)) as string | null
  const claiming = async () => (await world.rows('ships', 'SELECT DISTINCT consumer FROM outbox_ack')).map(({ consumer }) => consumer)
  await until(async () => (await claiming()).length === 2, 'both claim what they have not settled')

  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'retired' WHERE consumer = 'harbour.book'")
  await until(async () => {
    // What is said, is said in the order in which they subscribe.
    await command('HDEL', acks, 'harbour.book', 'harbour.watch')
    await until(async () => (await said('harbour.watch')) !== null, 'the other one says how far it is')
    return (await said('harbour.book')) === null
  }, 'nothing is said for the one that is given up')
  await hear(consumers, { sweepMs: 50 })

  await until(async () => (await claiming()).join() === 'harbour.watch', 'its claim is gone', promptMs())
  await command('FLUSHALL')
  await until(async () => (await said('harbour.book')) === 'retired', 'it is said again', promptMs())
  expect(await claiming()).toEqual(['harbour.watch'])
})

test('a consumer that begins at the beginning begins with the oldest event that was kept', async () => {
  const { hear, sail, steps, command, streamOf, partOf, world } = straits
  await sail(1, 1, 4)
  const acks = `${await streamOf(await partOf(1))}:acks`
  await until(async () => String(await command('HGET', acks, ':bounds')).includes('"next":5'), 'the publisher has said what it keeps')
  await world.rows('ships', 'DELETE FROM outbox WHERE pub_seq < 3')

  await hear()

  await until(async () => (await steps()).length === 2, 'what was kept is booked', promptMs())
  expect(await steps()).toEqual([3, 4])
})

test('a consumer whose next events were not kept stops and says so, instead of waiting for ever or going on behind the gap', async () => {
  const { publisher, hear, sail, allBooked, steps, command, streamOf, partOf, reach, world } = straits
  const first = await hear()
  await sail(1, 1, 2)
  await allBooked()
  await first.close()
  await sail(1, 3, 6)
  const stream = await streamOf(await partOf(1))
  await until(async () => (await reach(stream)).last === 6, 'all have a number')
  await world.rows('ships', 'DELETE FROM outbox WHERE pub_seq < 5')
  await command('DEL', stream)

  const second = await hear()
  await until(async () => (await reach(stream)).first === 5, 'the stream holds what was kept')
  await publisher.sail(1, 7)

  await until(() => second.log.some(({ message }) => message.startsWith('event log does not fit')), 'the conflict is said', promptMs())
  expect(await steps()).toEqual([1, 2])
})

test('a log that was imported without a new generation reaches no consumer that is further, and the publisher raises the alarm', async () => {
  const { publisher, hear, sail, allBooked, booked, steps, streamOf, partOf, reach, world } = straits
  await hear()
  await sail(1, 1, 6)
  await allBooked()
  const conflicts = async () =>
    /generation_conflicts\{consumer="harbour.book"\} (\d)/.exec(await publisher.metrics.registry.metrics())?.[1] ?? 'none'
  expect(await conflicts()).toBe('none')

  await world.rows('ships', 'DELETE FROM outbox WHERE pub_seq > 3')
  await world.rows('ships', 'UPDATE outbox_sequence SET next_seq = 4 WHERE next_seq = 7')
  await sail(1, 7, 7)
  await until(async () => (await conflicts()) === '1', 'the alarm', promptMs())

  expect(publisher.log.filter(({ level }) => level === 'error').at(-1)).toMatchObject({
    message: 'consumers in other processes are further than this log: begin a new generation',
    fields: { ahead: 6, head: 4 },
  })
  expect(await reach(await streamOf(await partOf(1)))).toEqual({ first: 0, last: 0 })
  expect(await steps()).toEqual([1, 2, 3, 4, 5, 6])

  await newGeneration(publisher.ships, { reason: 'imported', actor: 'test' })
  await sail(1, 8, 8)
  await until(async () => (await steps()).includes(8), 'the consumer follows', promptMs())

  expect(await steps()).toEqual([1, 2, 3, 4, 5, 6, 8])
  expect(await conflicts()).toBe('0')
  expect(faultsOf(await booked()).duplicates).toBe(0)
})
