import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { type Database, type DatabaseSettings, openDatabase, type Tx } from '#platform/databases.ts'
import {
  type Bell,
  createBell,
  createEventStreams,
  createEvents,
  createPublisher,
  defineEvents,
  type Events,
  type EventsOf,
  type Publisher,
  type Subscriptions,
} from '#platform/events.ts'
import { createMetrics, type Metrics } from '#platform/metrics.ts'
import type { Redis } from '#platform/redis.ts'

/** A publisher and a consumer on a real server, and as many processes of them as a test wants. */

export const shipEvents = defineEvents('ship', {
  'ship.sailed': { version: 1, aggregate: 'ship', data: Type.Object({ shipId: Type.Integer(), step: Type.Integer() }) },
  'ship.sunk': { version: 1, aggregate: 'ship', data: Type.Object({ shipId: Type.Integer() }) },
})
export type ShipEvents = EventsOf<typeof shipEvents>
export type ShipTx = Tx<'shared_user_db'>
export type HarbourTx = Tx<'customer_service_db'>

export interface WorldSettings {
  ships: DatabaseSettings
  harbours: DatabaseSettings
}

export interface Crew {
  readonly bell: Bell
  readonly ships: Database<'shared_user_db'>
  readonly harbours: Database<'customer_service_db'>
  readonly events: Events
  readonly metrics: Metrics
  readonly publish: Publisher<ShipEvents, ShipTx>
  readonly log: LogLine[]
  /** Publishes in a transaction of its own. */
  sail(shipId: number, step: number): Promise<void>
  close(): Promise<void>
}

export interface LogLine {
  level: 'info' | 'warn' | 'error'
  fields: Record<string, unknown>
  message: string
}

/** What one process has: connections, bell and the machinery, not yet started. */
export function createCrew(
  { ships, harbours }: WorldSettings,
  timings: { pollMs?: number; idlePollMs?: number; sweepMs?: number; stopMs?: number } = {},
  { redis, retentionDays }: { redis?: Redis; retentionDays?: number } = {},
): Crew {
  const log: LogLine[] = []
  const write = (level: LogLine['level']) => (fields: object, message: string) => void log.push({ level, fields: { ...fields }, message })
  const logger = { info: write('info'), warn: write('warn'), error: write('error') }
  const shipsDatabase = openDatabase('shared_user_db', ships, { log: logger })
  const harboursDatabase = openDatabase('customer_service_db', harbours, { log: logger })
  const bell = createBell()
  const metrics = createMetrics({ process: false })
  const far = redis && { redis, streams: createEventStreams(redis.forModule('ev')) }
  const events = createEvents({ bell, metrics, log: logger, timings, ...far, ...(retentionDays === undefined ? {} : { retentionDays }) })
  const publish = createPublisher(shipEvents, 'shared_user_db', bell)
  return {
    bell,
    ships: shipsDatabase,
    harbours: harboursDatabase,
    events,
    metrics,
    publish,
    log,
    sail: (shipId, step) => shipsDatabase.requests.withTx((tx) => publish(tx, 'ship.sailed', shipId, { shipId, step })),
    async close() {
      await events.stop()
      await Promise.all([shipsDatabase.close(), harboursDatabase.close()])
    },
  }
}

/** Writes each sailing into the harbour's book, once per run of the handler. */
export const bookkeeping = (
  before: (shipId: number, step: number) => Promise<void> | void = () => {},
): Subscriptions<ShipEvents, HarbourTx>[number] => ({
  consumer: 'harbour.book',
  start: 'beginning',
  replayable: false,
  keys: ['ship.sailed@1'],
  async handle(_key, tx, event) {
    const { shipId, step } = event.data as { shipId: number; step: number }
    await before(shipId, step)
    await tx.db.execute(
      sql`INSERT INTO book (event_id, subject, subject_seq, step) VALUES (${event.id}, ${event.subject}, ${event.subjectSeq}, ${step})`,
    )
  },
})
