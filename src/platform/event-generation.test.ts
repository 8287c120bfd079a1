import { afterEach, beforeEach, expect, test } from 'vitest'
import { bookkeeping, type Crew, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { newGeneration } from './event-generation.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const steps = async () => (await world.rows('harbours', 'SELECT * FROM book ORDER BY id')).map(({ step }) => step)
const crewOf = (): Crew => {
  const crew = world.crew({ pollMs: 20, idlePollMs: 50 })
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping()] })
  return crew
}
const conflicts = async (crew: Crew): Promise<number> =>
  Number(/bulkhead_generation_conflicts\{[^}]*\} (\d+)/.exec(await crew.metrics.registry.metrics())?.[1])

/** The publisher's database as it was after so many events, as an import of an older backup leaves it. */
async function restoreTo(events: number): Promise<void> {
  for (const statement of [
    `DELETE FROM outbox WHERE pub_seq > ${events}`,
    `UPDATE outbox_subject SET last_seq = ${events}`,
    `UPDATE outbox_sequence SET next_seq = ${events + 1}, owner = '' WHERE next_seq > ${events + 1}`,
  ])
    await world.rows('ships', statement)
}

/** Five events of one ship have taken effect; then the publisher is set back to its third. */
async function setBack(): Promise<void> {
  const before = crewOf()
  await before.events.start()
  for (let step = 1; step <= 5; step += 1) await before.sail(1, step)
  await until(async () => (await steps()).length === 5, 'five effects')
  await before.close()
  await restoreTo(3)
}

test('EV-15: a publisher that was set back without a new generation is noticed, and nothing of it is applied', async () => {
  await setBack()
  const crew = crewOf()
  await crew.events.start()
  await until(async () => (await conflicts(crew)) === 1, 'the conflict')

  for (let step = 11; step <= 14; step += 1) await crew.sail(1, step)
  await until(async () => (await world.rows('ships', 'SELECT id FROM outbox WHERE pub_seq IS NULL')).length === 0, 'the numbers')

  expect(await steps()).toEqual([1, 2, 3, 4, 5])
  expect(crew.log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    'event log does not fit the position, partition stopped',
  ])
})

test('EV-15: after a new generation the consumer goes back to what the publisher still has and goes on from there, once each', async () => {
  await setBack()
  const crew = crewOf()
  await crew.events.start()
  await until(async () => (await conflicts(crew)) === 1, 'the conflict')

  await newGeneration(crew.ships, { reason: 'restored from the backup of Monday', actor: 'system' })
  for (let step = 11; step <= 14; step += 1) await crew.sail(1, step)
  await until(async () => (await steps()).length === 9, 'the survivors and what follows')

  expect(await steps()).toEqual([1, 2, 3, 4, 5, 11, 12, 13, 14])
  expect(faultsOf(await world.rows('harbours', 'SELECT * FROM book WHERE step > 5 ORDER BY id'))).toEqual({ duplicates: 0, inversions: 0 })
  expect(await conflicts(crew)).toBe(0)
  expect(await world.rows('ships', "SELECT action, reason FROM audit_log WHERE action = 'event.generation_begun'")).toEqual([
    { action: 'event.generation_begun', reason: 'restored from the backup of Monday' },
  ])
  expect(await world.rows('harbours', "SELECT subject FROM audit_log WHERE action = 'event.generation_followed'")).toEqual([
    { subject: 'event_consumer/harbour.book' },
  ])
})

test('EV-15: parked events whose numbers are given again go with the old generation', async () => {
  await setBack()
  const [row] = await world.rows('ships', 'SELECT part FROM outbox LIMIT 1')
  await world.rows(
    'harbours',
    `INSERT INTO inbox_parked (consumer, source, part, pub_seq, subject, event_id, type, envelope, attempts, next_at, first_at, last_at)
     VALUES ('harbour.book', 'shared_user', ${row?.part}, 2, 'ship/8', 'old', 'ship.sailed', '{}', 1, NULL, NOW(3), NOW(3)),
            ('harbour.book', 'shared_user', ${row?.part}, 5, 'ship/9', 'lost', 'ship.sailed', '{}', 1, NULL, NOW(3), NOW(3))`,
  )
  const crew = crewOf()
  await newGeneration(crew.ships, { reason: 'restored', actor: 'system' })
  await crew.events.start()
  await crew.sail(1, 11)
  await until(async () => (await steps()).length === 6, 'the first event of the new generation')

  expect((await world.rows('harbours', 'SELECT event_id FROM inbox_parked')).map(({ event_id }) => event_id)).toEqual(['old'])
})

test('EV-15: the same backup restored twice makes two generations, however the clock stands', async () => {
  const crew = crewOf()
  await crew.events.start()
  const first = await newGeneration(crew.ships, { reason: 'restored', actor: 'system' })
  await world.rows('ships', `UPDATE event_source SET generation = ${first.generation + 3_600_000}`)

  const second = await newGeneration(crew.ships, { reason: 'restored again', actor: 'system' })

  expect(second.generation).toBe(first.generation + 3_600_001)
})
