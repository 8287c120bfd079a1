import { and, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm'
import { toDatabaseInstant } from '#platform/columns.ts'
import type { Connection, DatabaseName } from '#platform/databases.ts'
import type { Envelope } from '#platform/event-contracts.ts'
import { envelopeOf } from '#platform/event-sources.ts'
import { selectRows } from '#platform/event-statements.ts'
import type { HostedSource } from '#platform/events.ts'
import { keyset } from '#platform/lists.ts'
import { outbox } from '#platform/tables.ts'
import type { ListEvents } from './schemas.ts'
import { holds } from './search-repository.ts'

/** The log of a source, read by operators. */

export interface LoggedEvent {
  readonly envelope: Envelope
  readonly part: number
  /** Null until the relay has given it a number. */
  readonly seq: number | null
}

/** Newest first. The same for every source, so that pages of several can be put together. */
export const eventKeyset = (query: ListEvents) => keyset({ query: { ...query, sort: '-id' }, sorts: {}, id: outbox.eventId })

export interface LogFilter {
  query: ListEvents
  /** `type@version`; absent: all. */
  keys?: readonly string[]
  /** What the source publishes, by `type@version`. */
  declarations: HostedSource['declarations']
}

export async function listLog(
  { db }: Connection<DatabaseName>,
  source: string,
  { query, keys, declarations }: LogFilter,
): Promise<LoggedEvent[]> {
  const { where, orderBy, limit } = eventKeyset(query)
  const rows = await db
    .select({
      event_id: outbox.eventId,
      part: outbox.part,
      pub_seq: outbox.pubSeq,
      subject: outbox.subject,
      subject_seq: outbox.subjectSeq,
      type: outbox.type,
      version: outbox.version,
      meta: outbox.meta,
      data: sql`NULL`,
      occurred_at: outbox.occurredAt,
    })
    .from(outbox)
    .where(
      and(
        where,
        query.type === undefined ? undefined : eq(outbox.type, query.type),
        query.subject === undefined ? undefined : eq(outbox.subject, query.subject),
        keys && inArray(sql`CONCAT(${outbox.type}, '@', ${outbox.version})`, [...keys]),
        ...rangeOf(query),
        query.text === undefined ? undefined : holds(query.text, declarations),
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return rows.map(({ event_id, part, pub_seq, ...row }) => ({
    envelope: envelopeOf({ ...row, event_id, occurred_at: toDatabaseInstant(row.occurred_at) }, source),
    part,
    seq: pub_seq,
  }))
}

/** Ids begin with the time at which a process made them: so far may its clock be from that of the database. */
const clocksDifferBy = 24 * 3_600_000

function rangeOf({ since, until, text }: ListEvents): SQL[] {
  const conditions: SQL[] = []
  if (since !== undefined)
    conditions.push(gte(outbox.occurredAt, since), gte(outbox.eventId, firstIdOf(Date.parse(since) - clocksDifferBy)))
  if (until !== undefined) conditions.push(lt(outbox.occurredAt, until), lt(outbox.eventId, firstIdOf(Date.parse(until) + clocksDifferBy)))
  if (text !== undefined && since === undefined && until === undefined)
    conditions.push(
      sql`${outbox.occurredAt} >= NOW(3) - INTERVAL 24 HOUR`,
      gte(outbox.eventId, firstIdOf(Date.now() - 24 * 3_600_000 - clocksDifferBy)),
    )
  return conditions
}

/** The lowest UUIDv7 of a millisecond. */
function firstIdOf(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

export async function findLogged({ db }: Connection<DatabaseName>, source: string, eventId: string): Promise<LoggedEvent | undefined> {
  const [row] = await selectRows(
    db,
    sql`SELECT event_id, part, pub_seq, subject, subject_seq, type, version, data, meta, occurred_at FROM outbox WHERE event_id = ${eventId}`,
  )
  return row && { envelope: envelopeOf(row, source), part: Number(row.part), seq: row.pub_seq === null ? null : Number(row.pub_seq) }
}

/** The last number of each partition, with the life of the log they belong to. */
export async function headsOf({ db }: Connection<DatabaseName>): Promise<{ generation: number; heads: ReadonlyMap<number, number> }> {
  const rows = await selectRows(db, sql`SELECT s.part, s.next_seq, g.generation FROM outbox_sequence s JOIN event_source g ON g.id = 1`)
  return {
    generation: Number(rows[0]?.generation ?? 0),
    heads: new Map(rows.map((row) => [Number(row.part), Number(row.next_seq) - 1])),
  }
}
