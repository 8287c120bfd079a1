import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, type Crew, shipEvents } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const kept = async () =>
  (await world.rows('ships', 'SELECT pub_seq FROM outbox WHERE pub_seq IS NOT NULL ORDER BY pub_seq')).map(({ pub_seq }) => Number(pub_seq))
const steps = async () => (await world.rows('harbours', 'SELECT * FROM book ORDER BY id')).map(({ step }) => step)
const grow = () => world.rows('ships', 'UPDATE outbox SET occurred_at = NOW(3) - INTERVAL 8 DAY')
const blocked = async (crew: Crew): Promise<boolean> =>
  (await crew.metrics.registry.metrics()).includes('bulkhead_outbox_purge_blocked{source="shared_user",consumer="harbour.book"} 1')

function crewOf(subscriptions = [bookkeeping()], sweepMs = 30): Crew {
  const crew = world.crew({ pollMs: 20, idlePollMs: 50, sweepMs })
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions })
  return crew
}

test('EV-20: old events that every consumer has passed are purged; the last one a consumer has settled stays', async () => {
  const crew = crewOf()
  await crew.events.start()
  for (let step = 1; step <= 20; step += 1) await crew.sail(1, step)
  await until(async () => (await steps()).length === 20, 'the effects')
  await grow()

  await until(async () => (await kept()).length === 1, 'the purge')

  expect(await kept()).toEqual([20])
  await crew.sail(1, 21)
  await until(async () => (await steps()).length === 21, 'the event after the purge')
  expect(crew.log.filter(({ level }) => level === 'error')).toEqual([])
})

test('EV-20: what is younger than the time events are kept stays, and so does all behind it', async () => {
  const crew = crewOf()
  await crew.events.start()
  for (let step = 1; step <= 10; step += 1) await crew.sail(1, step)
  await until(async () => (await steps()).length === 10, 'the effects')
  await world.rows('ships', 'UPDATE outbox SET occurred_at = NOW(3) - INTERVAL 8 DAY WHERE pub_seq <> 5')

  await until(async () => (await kept()).length < 10, 'the purge')

  expect(await kept()).toEqual([5, 6, 7, 8, 9, 10])
})

test('EV-20: a consumer that is behind holds what it has not settled, and shows as the one that blocks', async () => {
  const crew = crewOf()
  await crew.events.start()
  for (let step = 1; step <= 5; step += 1) await crew.sail(1, step)
  await until(async () => (await steps()).length === 5, 'the effects')
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'paused'")
  for (let step = 6; step <= 10; step += 1) await crew.sail(1, step)
  await until(async () => (await kept()).length === 10, 'the numbers')
  await grow()

  await until(() => blocked(crew), 'the alarm')
  expect(await kept()).toEqual([5, 6, 7, 8, 9, 10])

  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'active'")
  await until(async () => (await kept()).length === 1, 'the rest of the purge')
  expect(await steps()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await until(async () => !(await blocked(crew)), 'the end of the alarm')
})

test('EV-20: a consumer never heard of holds everything; only retiring it gives its claim up', async () => {
  await world.crew().ships.requests.withTx(async () => {})
  const crew = crewOf()
  await crew.events.start()
  await world.rows(
    'ships',
    "INSERT INTO outbox_ack (consumer, part, acked_seq, seen_at) SELECT 'harbour.absent', part, NULL, NOW(3) FROM outbox_sequence",
  )
  for (let step = 1; step <= 5; step += 1) await crew.sail(1, step)
  await until(async () => (await steps()).length === 5, 'the effects')
  await grow()
  const alarm = 'bulkhead_outbox_purge_blocked{source="shared_user",consumer="harbour.absent"} 1'
  await until(async () => (await crew.metrics.registry.metrics()).includes(alarm), 'the alarm')
  expect((await kept()).length).toBe(5)

  await world.rows(
    'harbours',
    `INSERT INTO inbox_consumer (consumer, source, state, types, start, changed_by, changed_at)
     VALUES ('harbour.absent', 'shared_user', 'retired', '[]', 'beginning', 'system', NOW(3))`,
  )
  await world.rows(
    'harbours',
    `INSERT INTO inbox_cursor (consumer, source, part, generation, last_seq, owner, until) VALUES ('harbour.absent', 'shared_user', 0, 1, 0, '', NOW(3))`,
  )
  await until(async () => (await kept()).length === 1, 'the purge')
})

test('EV-20: a dead letter outlives its event in the log, and is retried with success', async () => {
  let mended = false
  const crew = crewOf([
    bookkeeping((ship) => {
      if (ship === 1 && !mended) throw Object.assign(new Error('no berth'), { retryable: false })
    }),
  ])
  await crew.events.start()
  await crew.sail(1, 1)
  await until(
    async () => (await world.rows('harbours', 'SELECT 1 FROM inbox_parked WHERE next_at IS NULL')).length === 1,
    'the dead letter',
  )
  for (let step = 2; step <= 3; step += 1) await crew.sail(1, step)
  await until(async () => (await world.rows('harbours', 'SELECT 1 FROM inbox_parked')).length === 3, 'its line')
  await grow()
  await until(async () => (await kept()).length === 1, 'the purge')

  mended = true
  await world.rows('harbours', 'UPDATE inbox_parked SET attempts = 0, unfinished = 0, next_at = NOW(3) WHERE next_at IS NULL')
  await until(async () => (await steps()).length === 3, 'the effects')

  expect(await steps()).toEqual([1, 2, 3])
  expect(await world.rows('harbours', 'SELECT 1 FROM inbox_parked')).toEqual([])
})

test('EV-29: a new consumer hears all that is kept, or none of it, as it asks; the others notice nothing', async () => {
  const first = crewOf([bookkeeping()], 60_000)
  await first.events.start()
  for (let step = 1; step <= 10; step += 1) await first.sail(1, step)
  await until(async () => (await steps()).length === 10, 'the effects')
  // The first four have been purged.
  await world.rows('ships', 'DELETE FROM outbox WHERE pub_seq <= 4')
  await first.close()
  const before = await world.rows('harbours', "SELECT part, last_seq FROM inbox_cursor WHERE consumer = 'harbour.book' ORDER BY part")

  const heard: Record<string, number[]> = { 'harbour.all': [], 'harbour.none': [] }
  const listening = (consumer: string, start: 'beginning' | 'now') => ({
    ...bookkeeping(),
    consumer,
    start,
    handle: async (_key: string, _tx: unknown, event: { data: unknown }) => {
      heard[consumer]?.push((event.data as { step: number }).step)
    },
  })
  const second = crewOf([bookkeeping(), listening('harbour.all', 'beginning'), listening('harbour.none', 'now')], 60_000)
  await second.events.start()
  await until(() => heard['harbour.all']?.length === 6, 'what is kept')
  const after = await world.rows('harbours', "SELECT part, last_seq FROM inbox_cursor WHERE consumer = 'harbour.book' ORDER BY part")
  expect(after).toEqual(before)
  await second.sail(1, 11)
  await until(() => heard['harbour.none']?.length === 1 && heard['harbour.all']?.length === 7, 'what is new')

  expect(heard).toEqual({ 'harbour.all': [5, 6, 7, 8, 9, 10, 11], 'harbour.none': [11] })
})
