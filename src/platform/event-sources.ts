import { sql } from 'drizzle-orm'
import { fromDatabaseInstant } from './columns.ts'
import type { Database, DatabaseName } from './databases.ts'
import type { Envelope } from './event-contracts.ts'
import { partitions } from './event-publisher.ts'
import { jsonOf, matchedRows, numberOf, type Row, selectRows, textOf } from './event-statements.ts'
import type { ActorRef } from './principal.ts'

/** A source is a database that publishes. Its log is the outbox, read by number from a consumer's position on. */

export const sourceOf = (database: DatabaseName): string => database.replace(/(_service)?_db$/, '')

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
}

export interface PartitionState {
  readonly part: number
  /** The newest number given. */
  readonly head: number
  /** Age of the oldest event that has no number yet, in seconds; undefined when there is none. */
  readonly waitedSeconds: number | undefined
}

export interface EventSource {
  readonly name: string
  readonly database: DatabaseName
  /** Makes the source's rows when they are missing. Answers its generation. */
  prepare(): Promise<number>
  partitions(): Promise<readonly PartitionState[]>
  countPending(): Promise<number>
  /** Events from the number `from` on, in order, at most `limit`. */
  read(part: number, from: number, limit: number): Promise<LogWindow>
  /** The newest numbered event of a partition. */
  newest(part: number): Promise<{ seq: number; eventId: string } | undefined>
}

export function createEventSource(database: Database<DatabaseName>): EventSource {
  const { db } = database.events
  const name = sourceOf(database.name)

  return {
    name,
    database: database.name,

    async prepare() {
      await matchedRows(
        db,
        sql`INSERT INTO event_source (id, source, partitions, generation) VALUES (1, ${name}, ${partitions}, ${Date.now()})
            ON DUPLICATE KEY UPDATE id = id`,
      )
      const rows = sql.join(
        Array.from({ length: partitions }, (_, part) => sql`(${part}, '', NOW(3))`),
        sql`, `,
      )
      await matchedRows(
        db,
        sql`INSERT INTO outbox_sequence (part, owner, until) VALUES ${rows} ON DUPLICATE KEY UPDATE part = outbox_sequence.part`,
      )
      const [row] = await selectRows(db, sql`SELECT source, partitions, generation FROM event_source WHERE id = 1`)
      if (!row || textOf(row, 'source') !== name || numberOf(row, 'partitions') !== partitions)
        throw new TypeError(`${database.name} was created for other events than ${name} in ${partitions} partitions`)
      return numberOf(row, 'generation')
    },

    async partitions() {
      // Left alone, the optimiser takes (part, pub_seq) with a filesort, or reads the whole index.
      const rows = await selectRows(
        db,
        sql`SELECT s.part, s.next_seq,
              (SELECT TIMESTAMPDIFF(MICROSECOND, o.occurred_at, NOW(3)) FROM outbox o FORCE INDEX (pending)
               WHERE o.pub_seq IS NULL AND o.part = s.part ORDER BY o.id LIMIT 1) AS waited
            FROM outbox_sequence s`,
      )
      return rows.map((row) => ({
        part: numberOf(row, 'part'),
        head: numberOf(row, 'next_seq') - 1,
        waitedSeconds: row.waited === null ? undefined : numberOf(row, 'waited') / 1e6,
      }))
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

    async newest(part) {
      const [row] = await selectRows(
        db,
        sql`SELECT pub_seq, event_id FROM outbox WHERE part = ${part} AND pub_seq IS NOT NULL ORDER BY pub_seq DESC LIMIT 1`,
      )
      return row && { seq: numberOf(row, 'pub_seq'), eventId: textOf(row, 'event_id') }
    },
  }
}

interface Meta {
  correlationId: string
  causationId: string
  actor: ActorRef
  traceparent: string | null
  versions?: readonly number[]
}

function envelopeOf(row: Row, source: string): Envelope {
  // Written by the publisher of this very house, in the same table.
  const meta = jsonOf(row, 'meta') as Meta
  return {
    id: textOf(row, 'event_id'),
    type: textOf(row, 'type'),
    version: numberOf(row, 'version'),
    ...(meta.versions ? { versions: meta.versions } : {}),
    source,
    occurredAt: fromDatabaseInstant(textOf(row, 'occurred_at')),
    subject: textOf(row, 'subject'),
    subjectSeq: numberOf(row, 'subject_seq'),
    correlationId: meta.correlationId,
    causationId: meta.causationId,
    actor: meta.actor,
    traceparent: meta.traceparent,
    data: jsonOf(row, 'data'),
  }
}
