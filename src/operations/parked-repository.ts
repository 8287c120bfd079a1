import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import { type AuditEntry, audit } from '#platform/audit.ts'
import type { Connection, DatabaseName, Queries } from '#platform/databases.ts'
import type { Envelope } from '#platform/event-contracts.ts'
import {
  instantOf,
  instantOrNull,
  jsonOf,
  listOf,
  matchedRows,
  numberOf,
  type Row,
  selectRows,
  textOf,
  textOrNull,
} from '#platform/event-statements.ts'
import { keyset } from '#platform/lists.ts'
import { inboxParked } from '#platform/tables.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterGroup, EventAtConsumer, ListDeadLetters } from './schemas.ts'

/** Parked events of the consumers of a database, read and mended by operators. */

/** Newest first; an event may be dead at several consumers. */
export const deadKeyset = (query: ListDeadLetters) =>
  keyset({
    query: { ...query, sort: '-eventId,-id' },
    sorts: { eventId: inboxParked.eventId },
    id: inboxParked.consumer,
    idMember: 'consumer',
  })

const isDead = ({ consumer, type, subject, errorCode }: DeadLetterFilter, consumers: readonly string[]): SQL | undefined =>
  and(
    inArray(inboxParked.consumer, consumer === undefined ? [...consumers] : consumers.filter((name) => name === consumer).concat('')),
    isNull(inboxParked.nextAt),
    type === undefined ? undefined : eq(inboxParked.type, type),
    subject === undefined ? undefined : eq(inboxParked.subject, subject),
    errorCode === undefined ? undefined : eq(inboxParked.errorCode, errorCode),
  )

export async function listDead(
  { db }: Connection<DatabaseName>,
  consumers: readonly string[],
  query: ListDeadLetters,
): Promise<DeadLetter[]> {
  const { where, orderBy, limit } = deadKeyset(query)
  return db
    .select({
      eventId: inboxParked.eventId,
      consumer: inboxParked.consumer,
      source: inboxParked.source,
      subject: inboxParked.subject,
      type: inboxParked.type,
      attempts: inboxParked.attempts,
      errorCode: inboxParked.errorCode,
      error: inboxParked.error,
      firstAt: inboxParked.firstAt,
      lastAt: inboxParked.lastAt,
    })
    .from(inboxParked)
    .where(and(where, isDead(query, consumers)))
    .orderBy(...orderBy)
    .limit(limit)
}

export async function groupDead(
  { db }: Connection<DatabaseName>,
  consumers: readonly string[],
  filter: DeadLetterFilter,
): Promise<DeadLetterGroup[]> {
  const rows = await selectRows(
    db,
    sql`SELECT consumer, type, error_code, COUNT(*) AS dead, MIN(first_at) AS first_at, MAX(last_at) AS last_at, MAX(event_id) AS event_id
        FROM ${inboxParked} WHERE ${isDead(filter, consumers)} GROUP BY consumer, type, error_code`,
  )
  return rows.map((row) => ({
    consumer: textOf(row, 'consumer'),
    type: textOf(row, 'type'),
    errorCode: textOrNull(row, 'error_code'),
    count: numberOf(row, 'dead'),
    firstAt: instantOf(row, 'first_at'),
    lastAt: instantOf(row, 'last_at'),
    eventId: textOf(row, 'event_id'),
  }))
}

export async function countDead({ db }: Connection<DatabaseName>, consumers: readonly string[], filter: DeadLetterFilter): Promise<number> {
  const [row] = await selectRows(db, sql`SELECT COUNT(*) AS dead FROM ${inboxParked} WHERE ${isDead(filter, consumers)}`)
  return row ? numberOf(row, 'dead') : 0
}

/** So many at once; a call that leaves some says so. */
const mostAtOnce = 10_000

/** Makes dead letters due again, at most so many at once, with one audit row when there were any. Answers how many. */
export async function reviveDead(
  connection: Connection<DatabaseName>,
  consumers: readonly string[],
  filter: DeadLetterFilter,
  reason: string,
): Promise<number> {
  return connection.withTx(async (tx) => {
    const retried = await matchedRows(
      tx.db,
      sql`UPDATE ${inboxParked} SET attempts = 0, unfinished = 0, next_at = NOW(3)
          WHERE ${isDead(filter, consumers)} ORDER BY consumer, source, part, pub_seq LIMIT ${mostAtOnce}`,
    )
    if (retried > 0) await audit(tx, { action: 'dead_letter.retried', subject: 'dead_letter', after: { ...filter, retried }, reason })
    return retried
  })
}

/** An event where it is parked, whatever has become of it at the source. */
export interface ParkedRow extends EventAtConsumer {
  readonly source: string
  readonly part: number
  readonly seq: number
  readonly envelope: Envelope
}

const parkedColumns = sql`p.consumer, p.source, p.part, p.pub_seq, p.subject, p.type, p.attempts, p.next_at, p.error_code, p.error, p.first_at, p.last_at, p.envelope`
const headOfLine = sql`(SELECT h.event_id FROM inbox_parked h FORCE INDEX (line)
  WHERE h.consumer = p.consumer AND h.source = p.source AND h.subject = p.subject ORDER BY h.pub_seq LIMIT 1)`

export async function findParked(db: Queries, consumers: readonly string[], eventId: string): Promise<readonly ParkedRow[]> {
  if (consumers.length === 0) return []
  const rows = await selectRows(
    db,
    sql`SELECT ${parkedColumns}, ${headOfLine} AS head FROM inbox_parked p FORCE INDEX (inbox_parked_event)
        WHERE p.event_id = ${eventId} AND p.consumer IN (${listOf(consumers)}) ORDER BY p.consumer`,
  )
  return rows.map((row) => parkedRowOf(row, eventId))
}

function parkedRowOf(row: Row, eventId: string): ParkedRow {
  const head = textOf(row, 'head')
  return {
    consumer: textOf(row, 'consumer'),
    source: textOf(row, 'source'),
    part: numberOf(row, 'part'),
    seq: numberOf(row, 'pub_seq'),
    state: row.next_at === null ? 'dead' : 'parked',
    attempts: numberOf(row, 'attempts'),
    nextAt: instantOrNull(row, 'next_at'),
    errorCode: textOrNull(row, 'error_code'),
    error: textOrNull(row, 'error'),
    firstAt: instantOf(row, 'first_at'),
    lastAt: instantOf(row, 'last_at'),
    blockedBy: head === eventId ? null : head,
    // Written by the platform's parking.
    envelope: jsonOf(row, 'envelope') as Envelope,
  }
}

/**
 * Locks the event wherever it is parked, after a running attempt at it has ended, and does to it what `act` says; one audit
 * row for all of it. Nothing is there any more: an empty list.
 */
export async function intervene<R>(
  connection: Connection<DatabaseName>,
  consumers: readonly string[],
  eventId: string,
  act: (rows: readonly ParkedRow[], line: Interventions) => Promise<R>,
): Promise<R> {
  return connection.withTx(async (tx) => {
    await selectRows(
      tx.db,
      sql`SELECT consumer FROM inbox_parked FORCE INDEX (inbox_parked_event)
          WHERE event_id = ${eventId} AND consumer IN (${listOf(consumers)}) ORDER BY consumer FOR UPDATE`,
    )
    return act(await findParked(tx.db, consumers, eventId), {
      retry: (row) => matchedRows(tx.db, sql`UPDATE inbox_parked SET attempts = 0, unfinished = 0, next_at = NOW(3) WHERE ${key(row)}`),
      remove: (row) => matchedRows(tx.db, sql`DELETE FROM inbox_parked WHERE ${key(row)}`),
      audit: (entry) => audit(tx, entry),
    })
  })
}

export interface Interventions {
  retry(row: ParkedRow): Promise<number>
  remove(row: ParkedRow): Promise<number>
  audit(entry: AuditEntry): Promise<void>
}

const key = ({ consumer, source, part, seq }: ParkedRow): SQL =>
  sql`consumer = ${consumer} AND source = ${source} AND part = ${part} AND pub_seq = ${seq}`
