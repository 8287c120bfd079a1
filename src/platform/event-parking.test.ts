import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, type Crew, type HarbourTx, type ShipEvents, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { partitionOf } from './event-partitions.ts'
import { type Envelope, type HandlerRun, subscribe } from './events.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const book = () => world.rows('harbours', 'SELECT * FROM book ORDER BY id')
const parked = () => world.rows('harbours', 'SELECT * FROM inbox_parked ORDER BY part, pub_seq')
const booked = (count: number) => until(async () => (await book()).length >= count, `${count} effects`)

type Sailed = Envelope<'ship.sailed', ShipEvents['ship.sailed']>

/** Books each sailing after `before`, which may throw. */
const booking = (before: (event: Sailed, run: HandlerRun, tx: HarbourTx) => unknown) =>
  subscribe<ShipEvents, HarbourTx>('harbour.book', {
    'ship.sailed@1': async (tx, event, run) => {
      await before(event, run, tx)
      await bookkeeping().handle('ship.sailed@1', tx, event, run)
    },
  })

function register(crew: Crew, subscription = bookkeeping()): Crew {
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [subscription] })
  return crew
}

/** What an operator's retry does to the head of a line. */
const makeDue = () => world.rows('harbours', 'UPDATE inbox_parked SET attempts = 0, unfinished = 0, next_at = NOW(3) WHERE attempts > 0')

test('EV-06: a failing subject holds back itself alone; after the fix and one retry its events arrive in order', async () => {
  let mended = false
  const crew = register(
    world.crew(),
    booking(({ data }) => {
      if (data.shipId === 1 && !mended) throw Object.assign(new Error('no such berth'), { code: 'NO_BERTH', retryable: false })
    }),
  )
  const ships = Array.from({ length: 100 }, (_, index) => index + 1)
  for (let step = 1; step <= 10; step += 1)
    for (let first = 0; first < ships.length; first += 5)
      await Promise.all(ships.slice(first, first + 5).map((ship) => crew.sail(ship, step)))

  await crew.events.start()
  await booked(990)
  await until(async () => (await parked()).length === 10, 'the line of the subject')

  expect((await book()).filter(({ subject }) => subject === 'ship/1')).toEqual([])
  expect((await parked()).map(({ subject, attempts, next_at, error_code }) => [subject, attempts, next_at === null, error_code])).toEqual([
    ['ship/1', 1, true, 'NO_BERTH'],
    ...Array.from({ length: 9 }, () => ['ship/1', 0, false, null]),
  ])
  const metrics = await crew.metrics.registry.metrics()
  expect(metrics).toContain('bulkhead_event_parked{consumer="harbour.book"} 10')
  expect(metrics).toContain('bulkhead_event_blocked_subjects{consumer="harbour.book"} 1')
  expect(metrics).toContain('bulkhead_event_dead{consumer="harbour.book"} 1')
  expect(crew.log).toContainEqual(
    expect.objectContaining({ level: 'error', message: 'dead letter: this event is no longer retried by itself' }),
  )

  mended = true
  await makeDue()
  crew.events.look()
  await booked(1_000)

  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
  expect((await book()).filter(({ subject }) => subject === 'ship/1').map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(await parked()).toEqual([])
})

test('an event that fails is tried again by itself until its handler works, with the number of the attempt', async () => {
  const attempts: number[] = []
  const crew = register(
    world.crew(),
    booking((_event, run) => {
      attempts.push(run.attempt)
      if (run.attempt < 3) throw new Error('rough sea')
    }),
  )
  await crew.events.start()

  await crew.sail(1, 1)
  await booked(1)

  expect(attempts).toEqual([1, 2, 3])
  expect(await parked()).toEqual([])
})

test('an event that fails for ever is dead after its twelfth attempt, and is not tried again', async () => {
  let attempts = 0
  const crew = register(
    world.crew({ pollMs: 20, idlePollMs: 20 }),
    booking(() => {
      attempts += 1
      throw new Error('rough sea')
    }),
  )
  await crew.sail(1, 1)
  await crew.events.start()

  await until(async () => {
    await world.rows('harbours', 'UPDATE inbox_parked SET next_at = NOW(3) WHERE unfinished = 0 AND next_at IS NOT NULL')
    return (await parked())[0]?.next_at === null
  }, 'the death')

  expect(await parked()).toMatchObject([{ attempts: 12, unfinished: 0, error_code: 'HANDLER_FAILED', error: 'Error: rough sea' }])
  expect(attempts).toBe(12)
})

test('EV-22: an unknown version and data that do not fit are dead letters with their reason; others flow', async () => {
  const crew = register(world.crew())
  for (const ship of [1, 2, 3]) await crew.sail(ship, 1)
  await world.rows('ships', "UPDATE outbox SET version = 7 WHERE subject = 'ship/1'")
  await world.rows('ships', `UPDATE outbox SET data = '{"shipId":"two"}' WHERE subject = 'ship/2'`)

  await crew.events.start()
  await booked(1)
  await until(async () => (await parked()).length === 2, 'both dead letters')

  expect((await book()).map(({ subject }) => subject)).toEqual(['ship/3'])
  const dead = await parked()
  expect(dead.map(({ next_at, attempts }) => [next_at, attempts])).toEqual([
    [null, 1],
    [null, 1],
  ])
  const reasonOf = (subject: string) => dead.find((row) => row.subject === subject)
  expect(reasonOf('ship/1')).toMatchObject({ error_code: 'EVENT_INVALID', error: expect.stringContaining('version 7') })
  expect(reasonOf('ship/2')).toMatchObject({ error_code: 'EVENT_INVALID', error: expect.stringContaining('shipId') })
})

test('of a batch only the failing event is parked: the others take effect once, though their batch was rolled back', async () => {
  const runs = new Map<string, number>()
  const crew = register(
    world.crew(),
    booking(({ id, data }) => {
      runs.set(id, (runs.get(id) ?? 0) + 1)
      if (data.shipId === 5) throw Object.assign(new Error('never'), { retryable: false })
    }),
  )
  for (let ship = 1; ship <= 30; ship += 1) await crew.sail(ship, 1)

  await crew.events.start()
  await booked(29)

  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
  expect(Math.max(...runs.values())).toBeLessThanOrEqual(3)
})

test('an event that fails costs its neighbours in the batch one repeat together, not a transaction each', async () => {
  const transactions = new Set<HarbourTx>()
  const neighbours = Array.from({ length: 1_000 }, (_, index) => index + 1).filter((ship) => partitionOf(`ship/${ship}`) === 0)
  const ships = neighbours.slice(0, 40)
  const failing = ships[30]
  const crew = register(
    world.crew(),
    booking(({ data }, _run, tx) => {
      transactions.add(tx)
      if (data.shipId === failing) throw Object.assign(new Error('never'), { retryable: false })
    }),
  )
  for (const ship of ships) await crew.sail(ship, 1)

  await crew.events.start()
  await booked(39)

  // All of them, those before it, it alone, those behind it.
  expect(transactions.size).toBe(4)
  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
})

test('a live event waits behind the parked one that is being handled at that moment, and runs after it', async () => {
  let arrived = () => {}
  let open = () => {}
  const inRetry = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const crew = register(
    world.crew(),
    booking(async ({ data }, run) => {
      if (data.step !== 1) return
      if (run.attempt === 1) throw new Error('once')
      arrived()
      await gate
    }),
  )
  await crew.events.start()
  await crew.sail(1, 1)
  await inRetry
  // The parked event is in its handler, not committed; what comes now must line up.
  await crew.sail(1, 2)
  await until(async () => (await parked()).length === 2, 'the second in line')
  expect(await book()).toEqual([])
  open()

  await booked(2)
  expect((await book()).map(({ step }) => step)).toEqual([1, 2])
  expect(await parked()).toEqual([])
})

test('a line that empties between the look and the insert leaves the new event at its head, due at once', async () => {
  const crew = register(world.crew({ pollMs: 20, idlePollMs: 50 }))
  await crew.sail(1, 1)
  const [row] = await world.rows('ships', 'SELECT part FROM outbox')
  await crew.events.start()
  await booked(1)
  // A row in the line that nobody will ever handle here, removed only after the next event has lined up behind it.
  await world.rows(
    'harbours',
    `INSERT INTO inbox_parked (consumer, source, part, pub_seq, subject, event_id, type, envelope, attempts, next_at, first_at, last_at)
     VALUES ('harbour.book', 'shared_user', ${row?.part}, 0, 'ship/1', 'x', 'ship.sailed', '{}', 1, NULL, NOW(3), NOW(3))`,
  )
  await crew.sail(1, 2)
  await until(async () => (await parked()).length === 2, 'the second in line')

  await world.rows('harbours', 'DELETE FROM inbox_parked WHERE pub_seq = 0')

  await booked(2)
  expect((await book()).map(({ step }) => step)).toEqual([1, 2])
})

test('EV-04: a process that is frozen in the handler of a parked event longer than its claim takes no effect twice', async () => {
  const frozen = world.crew()
  const other = world.crew({ pollMs: 20, idlePollMs: 50 })
  let arrived = () => {}
  let thaw = () => {}
  const inRetry = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const ice = new Promise<void>((resolve) => {
    thaw = resolve
  })
  let wakings = 0
  register(
    frozen,
    booking(async (_event, run) => {
      if (run.attempt === 1) throw new Error('once')
      wakings += 1
      arrived()
      await ice
    }),
  )
  await frozen.events.start()
  await frozen.sail(1, 1)
  await inRetry
  // Its claim has run out, and the server has taken its transaction from it.
  await world.rows('harbours', 'UPDATE inbox_parked SET next_at = NOW(3) - INTERVAL 1 SECOND').catch(() => {})
  const [open] = await world.rows(
    'harbours',
    'SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx WHERE trx_tables_locked > 0 AND trx_rows_locked > 0 ORDER BY trx_started LIMIT 1',
  )
  await world.rows('harbours', `KILL ${open?.id}`)
  await world.rows('harbours', 'UPDATE inbox_parked SET next_at = NOW(3) - INTERVAL 1 SECOND')
  register(other)
  await other.events.start()
  await booked(1)
  thaw()
  await frozen.close()

  expect(wakings).toBe(1)
  expect((await book()).length).toBe(1)
  expect(await parked()).toEqual([])
})

test('EV-30: a paused consumer is tried neither in the main loop nor in its lines, and goes on where it stood', async () => {
  const crew = register(
    world.crew({ pollMs: 20, idlePollMs: 20 }),
    booking((_event, run) => {
      if (run.attempt === 1) throw new Error('once')
    }),
  )
  await crew.events.start()
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'paused'")
  await crew.sail(1, 1)
  const lag = 'bulkhead_event_lag{consumer="harbour.book"} 1'
  await until(async () => (await crew.metrics.registry.metrics()).includes(lag), 'the event to be seen and left alone')
  expect(await book()).toEqual([])

  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'active'")
  await booked(1)
  expect(await parked()).toEqual([])
})

test('the effect and the removal of a parked event commit together', async () => {
  let fails = true
  const crew = register(
    world.crew({ pollMs: 20, idlePollMs: 50 }),
    booking(async (_event, run, tx) => {
      if (run.attempt === 1) throw new Error('once')
      if (!fails) return
      fails = false
      await tx.db.execute(sql`INSERT INTO book (event_id, subject, subject_seq, step) VALUES ('half', 'ship/1', 0, 0)`)
      throw new Error('after half of the effect')
    }),
  )
  await crew.events.start()
  await crew.sail(1, 1)

  await booked(1)
  await until(async () => (await parked()).length === 0, 'the end of the line')
  expect((await book()).map(({ event_id }) => event_id)).not.toContain('half')
})
