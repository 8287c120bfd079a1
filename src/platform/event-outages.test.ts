import Type from 'typebox'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bookkeeping, type Crew, createCrew, type HarbourTx, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { DependencyUnavailable } from './dependency-errors.ts'
import { createPublisher, defineEvents, type EventsOf, type Subscriptions, subscribe } from './events.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const quick = { pollMs: 50, idlePollMs: 200 }

function deliverer(before?: Parameters<typeof bookkeeping>[0]): Crew {
  const crew = world.crew(quick)
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping(before)] })
  return crew
}

const steps = async () => (await world.rows('harbours', 'SELECT step FROM book ORDER BY id')).map(({ step }) => Number(step))
const messagesOf = ({ log }: Crew, message: string) => log.filter((line) => line.message === message)

it('a source that is away at boot holds up none of the consumers that hear others', async () => {
  const pierEvents = defineEvents('pier', {
    'pier.built': { version: 1, aggregate: 'pier', data: Type.Object({ pierId: Type.Integer() }) },
  })
  const crew = createCrew({ ...world.settings, ships: { ...world.settings.ships, port: 1 } }, quick)
  const built: number[] = []
  let failures = 1
  const hearing: Subscriptions<EventsOf<typeof pierEvents>, HarbourTx>[number] = subscribe('harbour.piers', {
    'pier.built@1': async (_tx, event) => {
      if (failures-- > 0) throw new Error('not yet')
      built.push(event.data.pierId)
    },
  })
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, contract: pierEvents, subscriptions: [bookkeeping()] })
  crew.events.register({ database: crew.harbours, subscriptions: [hearing] })
  try {
    await crew.events.start()
    const publish = createPublisher(pierEvents, 'customer_service_db', crew.bell)
    await crew.harbours.requests.withTx((tx) => publish(tx, 'pier.built', 1, { pierId: 1 }))

    await until(() => built.length === 1, 'the pier is heard of, at the second attempt', 5_000)
  } finally {
    await crew.close()
  }
})

it('what one process cannot read another one delivers, and the log says once which database is away', async () => {
  const [blind, seeing] = [deliverer(), deliverer()]
  const execute = blind.ships.events.db.execute.bind(blind.ships.events.db)
  /** Reads of a line. */
  let refused = 0
  let away = false
  const refusing = ((statement: Parameters<typeof execute>[0]) => {
    if (!away) return execute(statement)
    if (String(JSON.stringify(statement)).includes('pub_seq >=')) refused += 1
    return Promise.reject(DependencyUnavailable({ dependency: 'shared_user_db' }))
  }) as typeof execute
  Object.assign(blind.ships.events.db, { execute: refusing })

  await blind.events.start()
  await blind.sail(1, 1)
  await until(async () => (await steps()).length === 1, 'the first is delivered')
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'paused'")
  await blind.sail(1, 2)
  await until(async () => (await world.rows('ships', 'SELECT id FROM outbox WHERE pub_seq IS NULL')).length === 0, 'the second is numbered')

  away = true
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'active'")
  await until(() => refused > 4, 'the blind one has tried again and again')
  const waiting = messagesOf(blind, 'events wait for a database')
  expect(waiting.map(({ fields }) => fields.database)).toEqual(['shared_user_db'])
  expect(messagesOf(blind, 'events go on')).toEqual([])

  await seeing.events.start()
  await until(async () => (await steps()).length === 2, 'the other one delivers', 10_000)
  expect(messagesOf(seeing, 'a process ended with this line of events in its hands')).toEqual([])
  away = false
  await until(() => messagesOf(blind, 'events go on').length === 1, 'the source is back')
})

it('a process that works long at a batch is not taken for dead by one that waits for the line', async () => {
  const slow = async (_ship: number, step: number) => {
    if (step === 2) await new Promise((resolve) => setTimeout(resolve, 3_500))
  }
  const [one, other] = [deliverer(slow), deliverer(slow)]
  await one.events.start()
  await one.sail(1, 1)
  await until(async () => (await steps()).length === 1, 'the first is delivered')
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'paused'")
  for (let step = 2; step <= 60; step += 1) await one.sail(1, step)
  await other.events.start()
  await world.rows('harbours', "UPDATE inbox_consumer SET state = 'active'")

  await until(async () => (await steps()).length === 60, 'all are delivered')
  expect(faultsOf(await world.rows('harbours', 'SELECT * FROM book ORDER BY id'))).toEqual({ duplicates: 0, inversions: 0 })
  const deaths = [one, other].flatMap((crew) => messagesOf(crew, 'a process ended with this line of events in its hands'))
  expect(deaths).toEqual([])
})

it('is looked at once more, however often a look was asked for meanwhile', async () => {
  const crew = deliverer()
  await crew.events.start()
  const execute = crew.ships.events.db.execute.bind(crew.ships.events.db)
  let statements = 0
  const counting = ((statement: Parameters<typeof execute>[0]) => {
    statements += 1
    return execute(statement)
  }) as typeof execute
  Object.assign(crew.ships.events.db, { execute: counting })

  for (let times = 0; times < 200; times += 1) crew.events.look()
  await crew.events.stop()

  expect(statements).toBeGreaterThan(0)
  expect(statements).toBeLessThan(20)
})
