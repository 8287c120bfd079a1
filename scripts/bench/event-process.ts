import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { subscribe } from '#platform/events.ts'
import { createCrew, type HarbourTx, type ShipEvents, shipEvents, type WorldSettings } from '#support/event-crew.ts'

/** A process of the event benchmarks: does what its task says with the machinery that production runs, reports, and waits to be ended. */
export interface EventTask {
  settings: WorldSettings
  /** Numbers what is published, and delivers it to a consumer whose handler writes a row, or does nothing. */
  runs: { relay: boolean; consumer?: 'writes a row' | 'does nothing' }
  /** False: the rings after commit and after numbering are lost, and only looking around finds the events. */
  nudges?: boolean
  publishes?: { perSecond: number; seconds: number; warmUpSeconds: number }
}

export type EventReport =
  /** Before the events are started, and after. */
  | { kind: 'starting' }
  | { kind: 'ready' }
  /** Of the transactions that published: how long each took, and how long after its commit the effect was committed, in ms. */
  | { kind: 'published'; transactions: number[]; effects: number[] }

const task: EventTask = JSON.parse(process.argv[2] ?? '')
const say = (report: EventReport): void => void process.send?.(report)
process.once('disconnect', () => process.exit(0))

const crew = createCrew(task.settings)
const committedAt = new Map<number, number>()
const effects: number[] = []
let last = 0
const atOnce = 6

if (task.nudges === false) Object.assign(crew.bell, { ringCommitted: () => {}, ringNumbered: () => {} })
if (task.runs.relay) crew.events.register({ database: crew.ships, contract: shipEvents })
const { consumer } = task.runs
if (consumer) {
  const bookkeeping = subscribe<ShipEvents, HarbourTx>('harbour.book', {
    'ship.sailed@1': async (tx, { id, data: { step } }) => {
      if (consumer === 'does nothing') return
      await tx.db.execute(sql`INSERT INTO book (event_id) VALUES (${id})`)
      tx.afterCommit(() => {
        const committed = committedAt.get(step)
        if (committed !== undefined) effects.push(performance.now() - committed)
        committedAt.delete(step)
      })
    },
  })
  crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping] })
}
say({ kind: 'starting' })
if (task.runs.relay) await crew.events.start()
say({ kind: 'ready' })
if (task.publishes) await publish(task.publishes)

/** At a steady pace, whatever single transactions take: a slow one makes others wait, and that is measured. */
async function publish({ perSecond, seconds, warmUpSeconds }: NonNullable<EventTask['publishes']>): Promise<void> {
  await paced(perSecond, warmUpSeconds)
  await settled()
  effects.length = 0
  const transactions = await paced(perSecond, seconds)
  await settled()
  say({ kind: 'published', transactions, effects })
}

async function paced(perSecond: number, seconds: number): Promise<number[]> {
  const times: number[] = []
  const began = performance.now()
  const under = new Set<Promise<void>>()
  for (let number = 0; number < perSecond * seconds; number += 1) {
    const due = began + (number * 1_000) / perSecond
    await pause(Math.max(0, due - performance.now()))
    // Not more at once than the pool has connections: beyond that a caller would be refused.
    while (under.size >= atOnce) await Promise.race(under)
    const one: Promise<void> = change().then((ms) => {
      times.push(ms)
      under.delete(one)
    })
    under.add(one)
  }
  await Promise.all(under)
  return times
}

async function change(): Promise<number> {
  last += 1
  const step = last
  const started = performance.now()
  await crew.ships.requests.withTx(async (tx) => {
    const [made] = await tx.db.execute(sql`INSERT INTO ship (step) VALUES (${step})`)
    if (consumer) tx.afterCommit(() => void committedAt.set(step, performance.now()))
    // A thousand subjects, as a busy system has them.
    await crew.publish(tx, 'ship.sailed', Number(made.insertId) % 1_000, { shipId: 1, step })
  })
  return performance.now() - started
}

async function settled(): Promise<void> {
  while (committedAt.size > 0) await pause(5)
}
