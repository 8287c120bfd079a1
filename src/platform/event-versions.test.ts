import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Crew, HarbourTx, ShipTx } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'
import { createPublisher, defineEvents, type EventsOf, subscribe } from './events.ts'

/** Two releases of one publisher: within a version, the next one may only say more. */

const before = defineEvents('tug', { 'tug.towed': { version: 1, aggregate: 'tug', data: Type.Object({ step: Type.Integer() }) } })
const after = defineEvents('tug', {
  'tug.towed': { version: 1, aggregate: 'tug', data: Type.Object({ step: Type.Integer(), knots: Type.Optional(Type.Integer()) }) },
})

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

/** A process of the release that knows this contract; its handler writes down what it was given. */
async function consumerOf(contract: typeof before | typeof after): Promise<{ crew: Crew; heard: unknown[] }> {
  const heard: unknown[] = []
  const crew = world.crew({ pollMs: 20, idlePollMs: 50 })
  crew.events.register({ database: crew.ships, contract })
  crew.events.register({
    database: crew.harbours,
    subscriptions: [
      subscribe<EventsOf<typeof before>, HarbourTx>('harbour.tugs', {
        'tug.towed@1': async (tx, event) => {
          await tx.db.execute(
            sql`INSERT INTO book (event_id, subject, subject_seq, step) VALUES (${event.id}, ${event.subject}, ${event.subjectSeq}, 1)`,
          )
          heard.push(event.data)
        },
      }),
    ],
  })
  await crew.events.start()
  return { crew, heard }
}

const parked = () => world.rows('harbours', 'SELECT error FROM inbox_parked')

test('EV-21: a consumer of the release before handles what a publisher of the next one says', async () => {
  const { crew, heard } = await consumerOf(before)
  const publish = createPublisher(after, 'shared_user_db', crew.bell)

  await crew.ships.requests.withTx((tx: ShipTx) => publish(tx, 'tug.towed', 1, { step: 1, knots: 4 }))
  await until(() => heard.length === 1, 'the effect')

  expect(heard).toEqual([{ step: 1, knots: 4 }])
  expect(await parked()).toEqual([])
})

test('EV-21: a consumer of the next release handles what a publisher of the release before says', async () => {
  const { crew, heard } = await consumerOf(after)
  const publish = createPublisher(before, 'shared_user_db', crew.bell)

  await crew.ships.requests.withTx((tx: ShipTx) => publish(tx, 'tug.towed', 1, { step: 1 }))
  await until(() => heard.length === 1, 'the effect')

  expect(heard).toEqual([{ step: 1 }])
  expect(await parked()).toEqual([])
})

test('EV-21: a release that publishes more than it has declared is stopped at the publisher, not at its consumers', async () => {
  const { crew, heard } = await consumerOf(after)
  const publish = createPublisher(before, 'shared_user_db', crew.bell)
  const undeclared: { step: number } = JSON.parse('{"step":1,"knots":4}')

  const published = crew.ships.requests.withTx((tx: ShipTx) => publish(tx, 'tug.towed', 1, undeclared))

  await expect(published).rejects.toMatchObject({ code: 'EVENT_INVALID' })
  expect(heard).toEqual([])
})
