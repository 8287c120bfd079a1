import { sql } from 'drizzle-orm'
import { sourceOf } from './database-names.ts'
import type { Database, DatabaseName } from './databases.ts'
import type { Envelope } from './event-contracts.ts'
import { partitions } from './event-partitions.ts'
import {
  databaseMilliseconds,
  instantOf,
  jsonOf,
  matchedRows,
  numberOf,
  type Row,
  selectRows,
  textOf,
  textOrNull,
} from './event-statements.ts'
import type { ActorRef } from './principal.ts'

/** A source is a database that publishes. Its log is the outbox, read by number from a consumer's position on. */

export interface LoggedEvent {
  readonly seq: number
  readonly envelope: Envelope
  /** `performance.now()` at which the event was published, reckoned by the database's clock only. */
  readonly publishedAt: number
}

export interface LogWindow {
  /** Undefined when the window is empty. */
  readonly generation: number | undefined
  readonly events: readonly LoggedEvent[]
  /** A copy that does not hold the wanted number yet, or no more: it will. */
  readonly isBehind?: true
  /** The log begins here: nothing was kept of what came before. For those only who have not settled anything. */
  readonly begins?: number
}

export interface PartitionState {
  readonly part: number
  /** The newest number given. */
  readonly head: number
  /** Age of the oldest event that has no number yet, in seconds; undefined when there is none. */
  readonly waitedSeconds: number | undefined
}

export interface SourceState {
  readonly generation: number
  /** The heads are those of a copy, which may end before the log does. */
  readonly isCopy?: true
  readonly partitions: readonly PartitionState[]
}

/** Where a consumer begins. Without an event the first one it reads is the next number, whatever came before. */
export interface Beginning {
  readonly seq: number
  readonly eventId: string | null
}

export interface LogBounds {
  /** The lowest number that is kept; `next` when there is none. */
  readonly first: number
  /** The number that will be given next. */
  readonly next: number
  readonly newestId: string | null
}

/** What a line reads from: the outbox itself, or a copy of it. */
export type ReadableSource = Pick<EventSource, 'name' | 'read'>

export interface EventSource {
  readonly name: string
  readonly database: DatabaseName
  /** Makes the source's rows when they are missing. Answers its generation. */
  prepare(): Promise<number>
  state(): Promise<SourceState>
  countPending(): Promise<number>
  /** By partition: before the oldest event that is kept, or at the newest. */
  beginnings(start: 'beginning' | 'now'): Promise<ReadonlyMap<number, Beginning>>
  /** Events from the number `from` on, in order, at most `limit`. */
  read(part: number, from: number, limit: number): Promise<LogWindow>
  /** What is kept of a partition at this moment. */
  bounds(part: number): Promise<LogBounds & { generation: number }>
}

export function createEventSource(database: Database<DatabaseName>): EventSource {
  const { db } = database.events
  const name = sourceOf(database.name)

  return {
    name,
    database: database.name,

    async prepare() {
      await createSource(database, name)
      const [row] = await selectRows(db, sql`SELECT source, partitions, generation FROM event_source WHERE id = 1`)
      if (!row || textOf(row, 'source') !== name || numberOf(row, 'partitions') !== partitions)
        throw new TypeError(`${database.name} was created for other events than ${name} in ${partitions} partitions`)
      return numberOf(row, 'generation')
    },

    async state() {
      // Left alone, the optimiser takes (part, pub_seq) with a filesort, or reads the whole index.
      const rows = await selectRows(
        db,
        sql`SELECT s.part, s.next_seq, g.generation,
              (SELECT TIMESTAMPDIFF(MICROSECOND, o.occurred_at, NOW(3)) FROM outbox o FORCE INDEX (pending)
               WHERE o.pub_seq IS NULL AND o.part = s.part ORDER BY o.id LIMIT 1) AS waited
            FROM event_source g JOIN outbox_sequence s WHERE g.id = 1`,
      )
      const [first] = rows
      if (!first) throw new TypeError(`${database.name} has lost the rows of its source`)
      return {
        generation: numberOf(first, 'generation'),
        partitions: rows.map((row) => ({
          part: numberOf(row, 'part'),
          head: numberOf(row, 'next_seq') - 1,
          waitedSeconds: row.waited === null ? undefined : numberOf(row, 'waited') / 1e6,
        })),
      }
    },

    async countPending() {
      const [row] = await selectRows(db, sql`SELECT COUNT(*) AS pending FROM outbox FORCE INDEX (pending) WHERE pub_seq IS NULL`)
      return row ? numberOf(row, 'pending') : 0
    },

    async read(part, from, limit) {
      const rows = await selectRows(
        db,
        sql`SELECT pub_seq, event_id, subject, subject_seq, type, version, data, meta, occurred_at,
              TIMESTAMPDIFF(MICROSECOND, occurred_at, NOW(3)) AS age, (SELECT generation FROM event_source WHERE id = 1) AS generation
            FROM outbox WHERE part = ${part} AND pub_seq >= ${from} ORDER BY pub_seq LIMIT ${limit}`,
      )
      const now = performance.now()
      const [first] = rows
      return {
        generation: first && numberOf(first, 'generation'),
        events: rows.map((row) => ({
          seq: numberOf(row, 'pub_seq'),
          envelope: envelopeOf(row, name),
          publishedAt: now - numberOf(row, 'age') / 1_000,
        })),
      }
    },

    async beginnings(start) {
      const rows = await selectRows(
        db,
        sql`SELECT s.part, s.next_seq,
              (SELECT o.pub_seq FROM outbox o WHERE o.part = s.part AND o.pub_seq IS NOT NULL ORDER BY o.pub_seq LIMIT 1) AS oldest,
              (SELECT o.event_id FROM outbox o WHERE o.part = s.part AND o.pub_seq = s.next_seq - 1) AS newest_id
            FROM outbox_sequence s`,
      )
      return new Map(
        rows.map((row) => {
          const head = numberOf(row, 'next_seq') - 1
          const beforeOldest = row.oldest === null ? head : numberOf(row, 'oldest') - 1
          return [
            numberOf(row, 'part'),
            start === 'now' ? { seq: head, eventId: textOrNull(row, 'newest_id') } : { seq: beforeOldest, eventId: null },
          ]
        }),
      )
    },

    async bounds(part) {
      const [row] = await selectRows(
        db,
        sql`SELECT s.next_seq, g.generation,
              (SELECT o.pub_seq FROM outbox o WHERE o.part = s.part AND o.pub_seq IS NOT NULL ORDER BY o.pub_seq LIMIT 1) AS oldest,
              (SELECT o.event_id FROM outbox o WHERE o.part = s.part AND o.pub_seq = s.next_seq - 1) AS newest_id
            FROM event_source g JOIN outbox_sequence s WHERE g.id = 1 AND s.part = ${part}`,
      )
      if (!row) throw new TypeError(`${database.name} has lost the rows of its source`)
      const next = numberOf(row, 'next_seq')
      return {
        generation: numberOf(row, 'generation'),
        first: row.oldest === null ? next : numberOf(row, 'oldest'),
        next,
        newestId: textOrNull(row, 'newest_id'),
      }
    },
  }
}

/** Which source this is, its first life, and a row for the numbers of each partition: together, or not at all. */
async function createSource(database: Database<DatabaseName>, name: string): Promise<void> {
  const { db, withTx } = database.events
  const [known] = await selectRows(
    db,
    sql`SELECT COUNT(*) AS parts, (SELECT COUNT(*) FROM event_source WHERE id = 1) AS sources FROM outbox_sequence`,
  )
  if (known && numberOf(known, 'parts') === partitions && numberOf(known, 'sources') === 1) return
  await withTx(async (tx) => {
    await matchedRows(
      tx.db,
      sql`INSERT INTO event_source (id, source, partitions, generation) VALUES (1, ${name}, ${partitions}, ${databaseMilliseconds})
          ON DUPLICATE KEY UPDATE id = event_source.id`,
    )
    const parts = Array.from({ length: partitions }, (_, part) => part)
    await matchedRows(
      tx.db,
      sql`INSERT INTO outbox_sequence (part, owner, until) VALUES ${sql.join(
        parts.map((part) => sql`(${part}, '', NOW(3))`),
        sql`, `,
      )} ON DUPLICATE KEY UPDATE part = outbox_sequence.part`,
    )
    await matchedRows(
      tx.db,
      sql`INSERT INTO event_generation (generation, part, base_seq, reason, actor, at)
          SELECT g.generation, s.part, s.next_seq - 1, 'created', 'system', NOW(3) FROM event_source g JOIN outbox_sequence s WHERE g.id = 1
          ON DUPLICATE KEY UPDATE part = event_generation.part`,
    )
  })
}

interface Meta {
  correlationId: string
  causationId: string
  actor: ActorRef
  traceparent: string | null
  versions?: readonly number[]
}

export function envelopeOf(row: Row, source: string): Envelope {
  // Written by the publisher of this very house, in the same table.
  const meta = jsonOf(row, 'meta') as Meta
  return {
    id: textOf(row, 'event_id'),
    type: textOf(row, 'type'),
    version: numberOf(row, 'version'),
    ...(meta.versions ? { versions: meta.versions } : {}),
    source,
    occurredAt: instantOf(row, 'occurred_at'),
    subject: textOf(row, 'subject'),
    subjectSeq: numberOf(row, 'subject_seq'),
    correlationId: meta.correlationId,
    causationId: meta.causationId,
    actor: meta.actor,
    traceparent: meta.traceparent,
    data: jsonOf(row, 'data'),
  }
}
