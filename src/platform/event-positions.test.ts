import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, shipEvents } from '#support/event-crew.ts'
import { createWorld, type World } from '#support/event-world.ts'
import { eventsByKey } from './event-contracts.ts'
import { createConsumer } from './event-delivery.ts'
import { createParking } from './event-parking.ts'
import { partitionOf } from './event-partitions.ts'
import { createPositions } from './event-positions.ts'
import { createEventSource } from './event-sources.ts'
import { subscribe } from './event-subscriptions.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

test('EV-04: of two processes that handle the same events at once, one takes effect and the other is overtaken', async () => {
  const line = { consumer: 'harbour.book', source: 'shared_user', part: partitionOf('ship/1') }
  let arrived = 0
  let open = () => {}
  const both = new Promise<void>((resolve) => {
    open = resolve
  })
  const processes = await Promise.all(
    ['first', 'second'].map(async (owner) => {
      const { ships, harbours, sail } = world.crew()
      const positions = createPositions(harbours.events, owner)
      const consumer = createConsumer({
        database: harbours,
        subscription: bookkeeping(),
        positions: {
          ...positions,
          // Neither begins before the other is there, so that both start from the same position.
          step: async (...step) => {
            arrived += 1
            if (arrived === 2) open()
            await both
            return positions.step(...step)
          },
        },
        parking: createParking(harbours.events),
        declarations: new Map(eventsByKey(shipEvents)),
        handled: () => {},
      })
      return { positions, consumer, source: createEventSource(ships), sail }
    }),
  )
  const [first] = processes
  if (!first) throw new Error('no process')
  const generation = await first.source.prepare()
  await first.positions.register({
    consumer: line.consumer,
    source: line.source,
    keys: [],
    start: 'beginning',
    generation,
    beginnings: async () => new Map(),
  })
  for (let step = 1; step <= 3; step += 1) await first.sail(1, step)
  await world.rows('ships', 'UPDATE outbox SET pub_seq = id')
  const { events } = await first.source.read(line.part, 1, 10)

  const outcomes = await Promise.all(
    processes.map(({ consumer }) =>
      consumer.transact(line, { generation, seq: 0, eventId: null }, events, {
        release: false,
        signal: new AbortController().signal,
      }),
    ),
  )

  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['overtaken', 'settled'])
  expect((await world.rows('harbours', 'SELECT step FROM book ORDER BY id')).map(({ step }) => step)).toEqual([1, 2, 3])
})

test('EV-08: a lease that was not given back counts as a death at its position, one that was given back does not', async () => {
  const line = { consumer: 'harbour.book', source: 'shared_user', part: 0 }
  const { harbours } = world.crew()
  const [dead, alive] = [createPositions(harbours.events, 'dead'), createPositions(harbours.events, 'alive')]
  await dead.register({
    consumer: line.consumer,
    source: line.source,
    keys: [],
    start: 'beginning',
    generation: 1,
    beginnings: async () => new Map(),
  })

  expect(await dead.lease(line)).toEqual({ counted: false, deaths: 0, deathAt: undefined })
  expect(await alive.lease(line)).toBeUndefined()
  await dead.release(line)
  expect(await alive.lease(line)).toEqual({ counted: false, deaths: 0, deathAt: undefined })
  await alive.release(line)
  for (const deaths of [1, 2]) {
    await dead.lease(line)
    await world.rows('harbours', "UPDATE inbox_cursor SET until = NOW(3) - INTERVAL 1 SECOND, owner = 'gone'")
    expect(await alive.lease(line)).toEqual({ counted: true, deaths, deathAt: 0 })
    await alive.release(line)
  }
})

test('a release that hears other types leaves it standing who has paused the consumer, and why', async () => {
  const positions = createPositions(world.crew().harbours.events, 'next release')
  const registration = {
    consumer: 'harbour.book',
    source: 'shared_user',
    start: 'beginning',
    generation: 1,
    beginnings: async () => new Map(),
  } as const
  await positions.register({ ...registration, keys: ['ship.sailed@1'] })
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'paused', changed_by = 'user/7', reason = 'the harbour is dredged'")

  await positions.register({ ...registration, keys: ['ship.sailed@1', 'ship.sunk@1'] })

  const rows = await world.rows('harbours', 'SELECT state, types, changed_by, reason FROM inbox_consumer')
  expect(rows).toMatchObject([{ state: 'paused', changed_by: 'user/7', reason: 'the harbour is dredged' }])
  expect(String(rows[0]?.types)).toContain('ship.sunk@1')
})

test('the name of a consumer leaves room for the audit row without which its line could not follow its source', () => {
  expect(() => subscribe(`harbour.${'a'.repeat(58)}`, {})).toThrow('at most 65 characters')
  expect(subscribe(`harbour.${'a'.repeat(57)}`, {}).keys).toEqual([])
})
