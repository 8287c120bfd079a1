import { type SQL, sql } from 'drizzle-orm'
import { toDatabaseInstant } from '#platform/columns.ts'
import type { Connection, DatabaseName, Queries } from '#platform/databases.ts'
import type { Envelope } from '#platform/event-contracts.ts'
import { envelopeOf } from '#platform/event-sources.ts'
import { instantOf, jsonOf, listOf, matchedRows, numberOf, padded, type Row, selectRows, textOf } from '#platform/event-statements.ts'
import type { ReplayFilter } from './replay-schemas.ts'

/** What a replay reads from the log of a source and writes into the lines of a consumer. */

/** Where a log begins and which life it is in. */
export interface Extent {
  readonly part: number
  readonly generation: number
  /** The oldest event that is kept; null in an empty partition. */
  readonly oldest: { readonly seq: number; readonly at: string } | null
}

const oldestOf = (part: SQL): SQL =>
  sql`(SELECT o.pub_seq FROM outbox o FORCE INDEX (outbox_position)
       WHERE o.part = ${part} AND o.pub_seq IS NOT NULL ORDER BY o.pub_seq LIMIT 1)`

export async function extentsOf({ db }: Connection<DatabaseName>): Promise<readonly Extent[]> {
  const rows = await selectRows(
    db,
    sql`SELECT s.part, g.generation, k.pub_seq, k.occurred_at FROM outbox_sequence s JOIN event_source g ON g.id = 1
        LEFT JOIN outbox k ON k.part = s.part AND k.pub_seq = ${oldestOf(sql`s.part`)} ORDER BY s.part`,
  )
  return rows.map((row) => ({ part: numberOf(row, 'part'), generation: numberOf(row, 'generation'), oldest: keptOf(row) }))
}

const keptOf = (row: Row): Extent['oldest'] =>
  row.pub_seq === null ? null : { seq: numberOf(row, 'pub_seq'), at: instantOf(row, 'occurred_at') }

/** Events of a partition by number, and what they must be like. */
export interface Stretch {
  readonly part: number
  /** Exclusive. */
  readonly after: number
  /** Inclusive. */
  readonly to: number
  readonly filter: ReplayFilter
  /** Types the consumer hears, in whatever version. */
  readonly types: readonly string[]
}

function matching({ part, after, to, filter: { type, subject, since, until }, types }: Stretch): SQL {
  const conditions = [
    sql`part = ${part} AND pub_seq > ${after} AND pub_seq <= ${to}`,
    type === undefined ? sql`type IN (${listOf(padded(types))})` : sql`type = ${type}`,
    ...(subject === undefined ? [] : [sql`subject = ${subject}`]),
    ...(since === undefined ? [] : [sql`occurred_at >= ${toDatabaseInstant(since)}`]),
    ...(until === undefined ? [] : [sql`occurred_at < ${toDatabaseInstant(until)}`]),
  ]
  // A subject has few events, a partition many.
  const index = subject === undefined ? sql`outbox_position` : sql`outbox_subject_seq`
  return sql`FROM outbox FORCE INDEX (${index}) WHERE ${sql.join(conditions, sql` AND `)}`
}

export interface NumberedEvent {
  readonly seq: number
  readonly envelope: Envelope
}

export async function readStretch(
  { db }: Connection<DatabaseName>,
  source: string,
  stretch: Stretch,
  limit: number,
): Promise<readonly NumberedEvent[]> {
  const rows = await selectRows(
    db,
    sql`SELECT pub_seq, event_id, subject, subject_seq, type, version, data, meta, occurred_at ${matching(stretch)}
        ORDER BY pub_seq LIMIT ${limit}`,
  )
  return rows.map((row) => ({ seq: numberOf(row, 'pub_seq'), envelope: envelopeOf(row, source) }))
}

/** Events that are alike for a subscription. */
export interface CountedEvents extends Pick<Envelope, 'type' | 'version' | 'versions'> {
  readonly count: number
}

export async function countStretch({ db }: Connection<DatabaseName>, stretch: Stretch): Promise<readonly CountedEvents[]> {
  const rows = await selectRows(
    db,
    sql`SELECT type, version, JSON_EXTRACT(meta, '$.versions') AS versions, COUNT(*) AS events ${matching(stretch)}
        GROUP BY type, version, JSON_EXTRACT(meta, '$.versions')`,
  )
  return rows.map((row) => {
    // Written by the publisher.
    const versions = jsonOf(row, 'versions') as readonly number[] | null
    return {
      type: textOf(row, 'type'),
      version: numberOf(row, 'version'),
      count: numberOf(row, 'events'),
      ...(versions ? { versions } : {}),
    }
  })
}

/** A position of a consumer. */
export interface Standing {
  readonly source: string
  readonly part: number
  readonly generation: number
  readonly seq: number
  readonly state: string
}

export async function standingsOf({ db }: Connection<DatabaseName>, consumer: string): Promise<readonly Standing[]> {
  const rows = await selectRows(
    db,
    sql`SELECT p.source, p.part, p.generation, p.last_seq, c.state FROM inbox_cursor p
        JOIN inbox_consumer c ON c.consumer = p.consumer AND c.source = p.source WHERE p.consumer = ${consumer}`,
  )
  return rows.map((row) => ({
    source: textOf(row, 'source'),
    part: numberOf(row, 'part'),
    generation: numberOf(row, 'generation'),
    seq: numberOf(row, 'last_seq'),
    state: textOf(row, 'state'),
  }))
}

export interface Place {
  readonly consumer: string
  readonly source: string
  readonly part: number
}

const at = ({ consumer, source, part }: Place): SQL => sql`consumer = ${consumer} AND source = ${source} AND part = ${part}`

/** Holds the position, and with it every way into the lines of this partition, until the transaction ends. */
export async function lockPosition(db: Queries, place: Place): Promise<{ generation: number; seq: number } | undefined> {
  const [row] = await selectRows(db, sql`SELECT generation, last_seq FROM inbox_cursor WHERE ${at(place)} FOR UPDATE`)
  return row && { generation: numberOf(row, 'generation'), seq: numberOf(row, 'last_seq') }
}

/** An envelope has up to 64 KiB, a packet 16 MiB. */
const rowsPerInsert = 50

/** Puts events into the lines of their subjects, due at once, except those that are there. Answers how many it put. Under the position's lock. */
export async function putInLine(db: Queries, place: Place, events: readonly NumberedEvent[], job: string): Promise<number> {
  const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0]
  const there = await selectRows(
    db,
    sql`SELECT pub_seq FROM inbox_parked WHERE ${at(place)} AND pub_seq >= ${first} AND pub_seq <= ${last}`,
  )
  const waiting = new Set(there.map((row) => numberOf(row, 'pub_seq')))
  const missing = events.filter(({ seq }) => !waiting.has(seq))
  const { consumer, source, part } = place
  for (let from = 0; from < missing.length; from += rowsPerInsert) {
    const rows = missing.slice(from, from + rowsPerInsert).map(
      ({ seq, envelope }) =>
        sql`(${consumer}, ${source}, ${part}, ${seq}, ${envelope.subject}, ${envelope.id}, ${envelope.type}, ${JSON.stringify(envelope)},
            ${job}, 0, NOW(3), NOW(3), NOW(3))`,
    )
    await matchedRows(
      db,
      sql`INSERT INTO inbox_parked
            (consumer, source, part, pub_seq, subject, event_id, type, envelope, replay_id, attempts, next_at, first_at, last_at)
          VALUES ${sql.join(rows, sql`, `)}`,
    )
  }
  return missing.length
}

/** What a replay has put in line and is there still. */
export async function leftInLine(
  { db }: Connection<DatabaseName>,
  consumer: string,
  job: string,
): Promise<{ waiting: number; dead: number }> {
  const [row] = await selectRows(
    db,
    sql`SELECT COUNT(*) AS waiting, COUNT(*) - COUNT(next_at) AS dead FROM inbox_parked WHERE consumer = ${consumer} AND replay_id = ${job}`,
  )
  return row ? { waiting: numberOf(row, 'waiting'), dead: numberOf(row, 'dead') } : { waiting: 0, dead: 0 }
}
