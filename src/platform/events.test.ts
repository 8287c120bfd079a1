import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, type Crew, type HarbourTx, type ShipEvents, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { currentContext, runInContext } from './context.ts'
import type { Tx } from './databases.ts'
import { createPublisher, defineEvents, type Envelope, subscribe } from './events.ts'
import { anonymous, system } from './principal.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const book = () => world.rows('harbours', 'SELECT * FROM book ORDER BY id')
const booked = (count: number) => until(async () => (await book()).length >= count, `${count} effects`)

function register(crew: Crew, subscriptions = [bookkeeping()]): Crew {
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions })
  return crew
}

test('EV-24: events published before a subscriber exists reach it when it starts, and registering later is refused', async () => {
  const publisher = world.crew()
  for (let step = 1; step <= 100; step += 1) await publisher.sail(step % 7, step)
  const crew = register(world.crew())

  await crew.events.start()

  await booked(100)
  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
  expect(() => crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping()] })).toThrow(
    'register publishers and consumers before',
  )
})

test('a table that is locked while the process starts is waited for, and the process starts', async () => {
  const crew = register(world.crew({ pollMs: 20, idlePollMs: 50 }))
  await world.rows('ships', 'LOCK TABLES event_source READ')

  await crew.events.start()
  await world.rows('ships', 'UNLOCK TABLES')

  await crew.sail(1, 1)
  await booked(1)
})

test('EV-01: an event is there exactly when its change is, whatever rolls back', async () => {
  const crew = world.crew()
  await inLanes(200, (ship) =>
    crew.ships.requests
      .withTx(async (tx) => {
        if (ship % 4 === 1) throw new Error('before the change')
        await tx.db.execute(sql`INSERT INTO ship (id, step) VALUES (${ship}, 1)`)
        if (ship % 4 === 2) throw new Error('between the change and the event')
        await crew.publish(tx, 'ship.sailed', ship, { shipId: ship, step: 1 })
        if (ship % 4 === 3) throw new Error('after the event')
      })
      .catch(onlyExpected),
  )

  const ships = await world.rows('ships', "SELECT CONCAT('ship/', id) AS subject FROM ship")
  const events = await world.rows('ships', 'SELECT subject FROM outbox')

  expect(ships).toHaveLength(50)
  expect(events.map(({ subject }) => subject).toSorted()).toEqual(ships.map(({ subject }) => subject).toSorted())
})

test('EV-02: data that do not fit the schema roll the change back', async () => {
  const crew = world.crew()
  const change = crew.ships.requests.withTx(async (tx) => {
    await tx.db.execute(sql`INSERT INTO ship (id, step) VALUES (1, 1)`)
    const data: ShipEvents['ship.sailed'] = JSON.parse('{"shipId":1,"step":"one","captain":"Ahab"}')
    await crew.publish(tx, 'ship.sailed', 1, data)
  })

  await expect(change).rejects.toMatchObject({ code: 'EVENT_INVALID', message: expect.stringMatching(/additional properties.*integer/) })
  expect(await world.rows('ships', 'SELECT id FROM ship')).toEqual([])
})

test('EV-02: publishing throws after the transaction has ended and in a transaction of another database', async () => {
  const crew = world.crew()
  let kept: Tx<'shared_user_db'> | undefined
  await crew.ships.requests.withTx(async (tx) => {
    kept = tx
  })
  if (!kept) throw new Error('no transaction')
  await expect(crew.publish(kept, 'ship.sunk', 1, { shipId: 1 })).rejects.toThrow('is over')

  const elsewhere = crew.harbours.requests.withTx((tx) =>
    // @ts-expect-error the transaction of another database
    crew.publish(tx, 'ship.sunk', 1, { shipId: 1 }),
  )
  await expect(elsewhere).rejects.toThrow('not in a transaction of customer_service_db')
  expect(await world.rows('ships', 'SELECT id FROM outbox')).toEqual([])
})

test('subjects count from 1 without a gap when transactions publish side by side and some roll back', async () => {
  const crew = world.crew()
  await inLanes(120, (step) =>
    crew.ships.requests
      .withTx(async (tx) => {
        await crew.publish(tx, 'ship.sailed', step % 3, { shipId: step % 3, step })
        if (step % 5 === 0) throw new Error('rolled back')
      })
      .catch(onlyExpected),
  )

  const rows = await world.rows('ships', 'SELECT subject, COUNT(*) AS events, MAX(subject_seq) AS newest FROM outbox GROUP BY subject')

  expect(rows).toHaveLength(3)
  for (const { events, newest } of rows) expect(newest).toBe(events)
})

test('two processes share the work: each event takes effect once, in order per subject', async () => {
  const crews = [register(world.crew({ pollMs: 20 })), register(world.crew({ pollMs: 20 }))]
  await Promise.all(crews.map((crew) => crew.events.start()))

  await Promise.all(
    crews.map(async (crew, side) => {
      for (let step = 0; step < 150; step += 1) await crew.sail(step % 23, step * 2 + side)
    }),
  )

  await booked(300)
  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
  const numbers = await world.rows('ships', 'SELECT part, COUNT(*) AS events, MAX(pub_seq) AS newest FROM outbox GROUP BY part')
  for (const { events, newest } of numbers) expect(newest).toBe(events)
})

test('EV-15: what was taken from another life of the log is not applied', async () => {
  const crew = register(world.crew())
  await crew.sail(1, 1)
  await crew.events.start()
  await booked(1)
  await crew.close()
  for (const statement of ['DELETE FROM outbox', 'DELETE FROM outbox_subject', 'UPDATE outbox_sequence SET next_seq = 1'])
    await world.rows('ships', statement)
  const second = register(world.crew())
  for (let step = 10; step < 13; step += 1) await second.sail(1, step)

  await second.events.start()
  await until(() => second.log.some(({ level }) => level === 'error'), 'the conflict')

  expect((await book()).map(({ step }) => step)).toEqual([1])
  expect(await second.metrics.registry.metrics()).toContain('bulkhead_generation_conflicts{consumer="harbour.book"} 1')
})

test('EV-28: observers see events; one that throws, rejects or never ends disturbs nobody', async () => {
  const crew = register(world.crew())
  const seen: string[] = []
  crew.events.observe('ship.*', () => {
    throw new Error('thrown')
  })
  crew.events.observe('**', async () => {
    throw new Error('rejected')
  })
  crew.events.observe('ship.sailed', () => new Promise(() => {}))
  const end = crew.events.observe('ship.sailed', (event) => seen.push(event.subject))

  await crew.events.start()
  await crew.sail(7, 1)
  await booked(1)
  await until(
    () => seen.length === 1 && crew.log.filter(({ message }) => message === 'an observer of events failed').length === 2,
    'both faults',
  )
  end()
  await crew.sail(8, 1)
  await booked(2)

  expect(seen).toEqual(['ship/7'])
})

test('a handler works as the system under the request that caused the event, and what it publishes names its cause', async () => {
  const greetings = defineEvents('harbour', { 'harbour.greeted': { version: 1, aggregate: 'harbour', data: Type.Object({}) } })
  const crew = world.crew()
  const greet = createPublisher(greetings, 'customer_service_db', crew.bell)
  let heard: Envelope | undefined
  let principal: unknown
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({
    database: crew.harbours,
    contract: greetings,
    subscriptions: [
      subscribe<ShipEvents, HarbourTx>('harbour.greeter', {
        'ship.sailed@1': async (tx, event) => {
          heard = event
          principal = currentContext().principal
          await greet(tx, 'harbour.greeted', 'pier', {})
        },
      }),
    ],
  })
  await crew.events.start()
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

  await runInContext({ requestId: 'request-1', principal: { ...anonymous, kind: 'user', userId: 5 }, traceparent }, () => crew.sail(1, 1))
  await until(async () => (await world.rows('harbours', 'SELECT id FROM outbox')).length === 1, 'the greeting')

  expect(heard).toMatchObject({
    type: 'ship.sailed',
    version: 1,
    source: 'shared_user',
    subject: 'ship/1',
    subjectSeq: 1,
    correlationId: 'request-1',
    causationId: 'request-1',
    actor: { kind: 'user', id: 5 },
    traceparent,
    occurredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    data: { shipId: 1, step: 1 },
  })
  expect(principal).toEqual(system)
  const [greeting] = await world.rows('harbours', 'SELECT meta FROM outbox')
  expect(JSON.parse(String(greeting?.meta))).toMatchObject({
    correlationId: 'request-1',
    causationId: heard?.id,
    actor: { kind: 'system' },
  })
})

test('EV-25: stopping lets the handler under way end and gives the leases back', async () => {
  let entered = false
  let leave = () => {}
  const door = new Promise<void>((resolve) => {
    leave = resolve
  })
  const slow = bookkeeping(() => {
    entered = true
    return door
  })
  const crew = register(world.crew(), [slow])
  await crew.events.start()
  await crew.sail(1, 1)
  await until(() => entered, 'the handler')

  const stopped = crew.events.stop()
  leave()
  await stopped

  expect(await book()).toHaveLength(1)
  expect(await world.rows('harbours', "SELECT * FROM inbox_cursor WHERE owner <> ''")).toEqual([])
  expect(await world.rows('ships', "SELECT * FROM outbox_sequence WHERE owner <> ''")).toEqual([])
})

test('EV-25: stopping while the start is under way waits for it and gives every lease back', async () => {
  const crew = register(world.crew())
  for (const ship of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) await crew.sail(ship, 1)

  let isStarted = false
  void crew.events.start().then(() => {
    isStarted = true
  })
  await crew.events.stop()

  expect(isStarted).toBe(true)
  expect(await world.rows('harbours', "SELECT * FROM inbox_cursor WHERE owner <> ''")).toEqual([])
  expect(await world.rows('ships', "SELECT * FROM outbox_sequence WHERE owner <> ''")).toEqual([])
  expect(crew.log.filter(({ level }) => level !== 'info')).toEqual([])
})

test('EV-25: what was stopped before it was started does not begin', async () => {
  const crew = register(world.crew())
  await crew.sail(1, 1)

  await crew.events.stop()
  await crew.events.start()

  expect(await world.rows('harbours', 'SELECT * FROM inbox_cursor')).toEqual([])
  expect(await book()).toEqual([])
})

test('EV-25: stopping rolls a handler back that does not end, and the next process handles the event', async () => {
  let entered = false
  const endless = bookkeeping(() => {
    entered = true
    return new Promise(() => {})
  })
  const crew = register(world.crew({ stopMs: 50 }), [endless])
  await crew.events.start()
  await crew.sail(1, 1)
  await until(() => entered, 'the handler')
  await crew.events.stop()
  expect(await book()).toEqual([])
  const [cursor] = await world.rows('harbours', 'SELECT SUM(crashes) AS deaths, SUM(last_seq) AS settled FROM inbox_cursor')
  expect(cursor).toMatchObject({ deaths: '0', settled: '0' })

  await register(world.crew()).events.start()

  await booked(1)
})

test('EV-29: a consumer that starts now hears nothing of what was before', async () => {
  const first = register(world.crew())
  await first.events.start()
  await first.sail(1, 1)
  await booked(1)
  await first.events.stop()
  const second = register(world.crew(), [{ ...bookkeeping(), consumer: 'harbour.news', start: 'now' }])

  await second.events.start()
  await second.sail(1, 2)
  await booked(2)

  expect((await book()).map(({ step }) => step)).toEqual([1, 2])
})

test('a subscription to what nobody publishes refuses to start', async () => {
  const crew = world.crew()
  crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping()] })

  await expect(crew.events.start()).rejects.toThrow('nobody publishes what is subscribed: harbour.book: ship.sailed@1')
})

test('EV-23: a look around an idle process costs one statement for each role of a database', async () => {
  const crew = world.crew({ pollMs: 1, idlePollMs: 1 })
  const counts = { ships: 0, harbours: 0 }
  const counting = (name: keyof typeof counts, database: Crew['ships'] | Crew['harbours']) => {
    const execute = database.events.db.execute.bind(database.events.db)
    Object.assign(database.events.db, {
      execute: (...statement: Parameters<typeof execute>) => {
        counts[name] += 1
        return execute(...statement)
      },
    })
  }
  await register(crew).events.start()
  counting('ships', crew.ships)
  counting('harbours', crew.harbours)

  await until(() => counts.harbours >= 20, '20 looks')

  // Positions there, pending events here; parked ones are asked for when there are any.
  expect(Math.abs(counts.ships - counts.harbours)).toBeLessThanOrEqual(2)
})

/** Calls the work with 0, 1, 2 …, as many at a time as the pool has connections. */
async function inLanes(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 6 }, lane))
}

/** Lets the failures through that a test makes itself. */
function onlyExpected(error: unknown): void {
  if (!/^(before|between|after|rolled)/.test(String(error instanceof Error ? error.message : error))) throw error
}
