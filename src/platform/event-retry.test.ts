import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, shipEvents } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'
import { type Envelope, eventsByKey } from './event-contracts.ts'
import { createConsumer } from './event-delivery.ts'
import { createParking, type ParkedEvent } from './event-parking.ts'
import { partitionOf } from './event-partitions.ts'
import { createPositions, type Line } from './event-positions.ts'
import { untried } from './event-retries.ts'
import { createEventSource } from './event-sources.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const line: Line = { consumer: 'harbour.book', source: 'shared_user', part: partitionOf('ship/1') }
const { signal } = new AbortController()

/** One process that may try parked events, by hand. */
function processWith(before: () => Promise<void> | void = () => {}) {
  const { ships, harbours, sail } = world.crew()
  const parking = createParking(harbours.events)
  const positions = createPositions(harbours.events, 'any')
  const consumer = createConsumer({
    database: harbours,
    subscription: bookkeeping(before),
    positions,
    parking,
    declarations: new Map(eventsByKey(shipEvents)),
    handled: () => {},
  })
  const look = async (): Promise<ParkedEvent> => {
    const [event] = await parking.due([line.consumer], 1)
    if (!event) throw new Error('no parked event is due')
    return event
  }
  return { ships, harbours, sail, parking, positions, consumer, look }
}

/** One event of ship 1, parked and due. */
async function park({ ships, harbours, sail, parking, positions }: ReturnType<typeof processWith>): Promise<void> {
  const source = createEventSource(ships)
  const generation = await source.prepare()
  const { consumer, source: name } = line
  const registration = { consumer, source: name, keys: [], start: 'beginning', generation, beginnings: async () => new Map() } as const
  await positions.register(registration)
  await sail(1, 1)
  await world.rows('ships', 'UPDATE outbox SET pub_seq = 1')
  const [event] = (await source.read(line.part, 1, 1)).events
  const envelope: Envelope | undefined = event?.envelope
  if (!envelope) throw new Error('no event')
  await harbours.events.withTx((tx) => parking.add(tx.db, line, 1, envelope, untried))
}

const makeDue = () => world.rows('harbours', 'UPDATE inbox_parked SET next_at = NOW(3)')
const isClaiming = async (): Promise<boolean> =>
  (await world.rows('harbours', "SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE inbox_parked SET attempts%'"))
    .length > 0

test('while a parked event is in its handler no other process can claim it, whatever the clock says, and it takes effect once', async () => {
  let arrived = () => {}
  let open = () => {}
  const inHandler = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const slow = processWith(() => {
    arrived()
    return gate
  })
  const other = processWith()
  await park(slow)
  const event = await slow.look()
  expect(await slow.parking.claim(event)).toBe(true)
  // Its claim has run out, as that of a process that was frozen.
  await makeDue()
  const seen = await other.look()

  const first = slow.consumer.retry(event, 1, signal)
  await inHandler
  let answered = false
  const second = other.parking.claim(seen).then(async (claimed) => {
    answered = true
    return claimed ? (await other.consumer.retry(seen, 2, signal)).kind : 'not claimed'
  })
  await until(async () => answered || (await isClaiming()), 'the other process to be refused or to wait')
  open()

  expect([(await first).kind, await second]).toEqual(['handled', 'not claimed'])
  expect(await world.rows('harbours', 'SELECT step FROM book')).toEqual([{ step: 1 }])
})

test('an attempt whose claim has passed to another process ends without an effect', async () => {
  const [frozen, other] = [processWith(), processWith()]
  await park(frozen)
  const event = await frozen.look()
  await frozen.parking.claim(event)
  await makeDue()
  const seen = await other.look()
  await other.parking.claim(seen)

  expect(await frozen.consumer.retry(event, 1, signal)).toEqual({ kind: 'overtaken' })
  expect(await other.consumer.retry(seen, 2, signal)).toEqual({ kind: 'handled' })
  expect(await world.rows('harbours', 'SELECT step FROM book')).toEqual([{ step: 1 }])
})

test('EV-08: an attempt is counted where the end of its process cannot undo it, before the handler begins', async () => {
  let seen: unknown
  const watched = processWith(async () => {
    ;[seen] = await world.rows('harbours', 'SELECT attempts, unfinished FROM inbox_parked')
  })
  await park(watched)
  const event = await watched.look()

  await watched.parking.claim(event)
  await watched.consumer.retry(event, 1, signal)

  expect(seen).toEqual({ attempts: 1, unfinished: 1 })
})

test('EV-08: an event that two processes left unfinished is given to no third', async () => {
  const third = processWith()
  await park(third)
  await world.rows('harbours', 'UPDATE inbox_parked SET attempts = 2, unfinished = 2')
  const event = await third.look()

  expect(await third.parking.claim(event)).toBe(false)
  expect(await third.parking.bury(event)).toBe(true)

  expect(await world.rows('harbours', 'SELECT next_at, error_code FROM inbox_parked')).toEqual([
    { next_at: null, error_code: 'PROCESS_DIED' },
  ])
})
