import { type SQL, sql } from 'drizzle-orm'
import type { Connection, DatabaseName, Queries } from './databases.ts'
import type { Envelope } from './event-contracts.ts'
import { isActive, type Line } from './event-positions.ts'
import { processDied, type Verdict } from './event-retries.ts'
import { jsonOf, listOf, matchedRows, numberOf, padded, type Row, selectRows, textOf } from './event-statements.ts'

/**
 * Where events wait that could not be handled, each with those of its subject behind it. The position has passed them, so
 * nothing else waits. Rows are added under the position's lock only, and leave in the transaction of their effect.
 */
export interface Parking {
  /** Those of the subjects that have events waiting. Read after the step of the position, in the same transaction. */
  blocked(db: Queries, line: Line, subjects: readonly string[]): Promise<ReadonlySet<string>>
  add(db: Queries, line: Line, seq: number, event: Envelope, verdict: Verdict): Promise<void>
  /** Heads of subjects whose time has come. */
  due(consumers: readonly string[], limit: number): Promise<readonly ParkedEvent[]>
  /** The head of the same subject, when its time has come. */
  head(subject: Pick<ParkedEvent, 'line' | 'subject'>): Promise<ParkedEvent | undefined>
  /** Counts the attempt before it begins, so that the count outlives the process; false when another process was first. */
  claim(event: ParkedEvent): Promise<boolean>
  /** Ends the attempts at an event that its processes did not survive; false when it is no longer as it was seen. */
  bury(event: ParkedEvent): Promise<boolean>
  /** Locks the head of the subject; undefined unless it is this event in the attempt of this number. */
  lock(db: Queries, event: ParkedEvent, attempts: number): Promise<{ envelope: Envelope; replay: boolean } | undefined>
  remove(db: Queries, event: ParkedEvent): Promise<void>
  exists(event: ParkedEvent): Promise<boolean>
  /** Takes back what `claim` counted; the verdict holds unless somebody else has tried since. */
  settle(event: ParkedEvent, attempts: number, verdict: Verdict | undefined): Promise<void>
  count(consumers: readonly string[]): Promise<readonly ParkedCount[]>
}

export interface ParkedEvent {
  readonly line: Line
  readonly seq: number
  readonly subject: string
  readonly eventId: string
  readonly type: string
  readonly attempts: number
  readonly unfinished: number
}

export interface ParkedCount {
  readonly consumer: string
  readonly parked: number
  /** Subjects that wait. */
  readonly subjects: number
  /** Subjects whose head is a dead letter. */
  readonly dead: number
}

/** Longer than any handler may take, so that only a dead or frozen process loses its claim; others are to take over within 15 s. */
const claimSeconds = 12
/** With so many attempts left unfinished an event counts as the killer of its processes. */
export const deathsOfParked = 2

export function createParking({ db }: Connection<DatabaseName>): Parking {
  const inLine = ({ consumer, source }: Line, subject: string) =>
    sql`consumer = ${consumer} AND source = ${source} AND subject = ${subject}`
  const key = ({ line, seq }: ParkedEvent) =>
    sql`consumer = ${line.consumer} AND source = ${line.source} AND part = ${line.part} AND pub_seq = ${seq}`

  return {
    async blocked(transaction, { consumer, source }, subjects) {
      if (subjects.length === 0) return new Set()
      // One dive into the index per subject, however many events wait in it.
      const rows = await selectRows(
        transaction,
        sql`SELECT subject FROM inbox_parked FORCE INDEX (line)
            WHERE consumer = ${consumer} AND source = ${source} AND subject IN (${listOf(padded(subjects))}) GROUP BY subject`,
      )
      return new Set(rows.map((row) => textOf(row, 'subject')))
    },

    async add(transaction, { consumer, source, part }, seq, event, { attempts, nextMs, code, message }) {
      await matchedRows(
        transaction,
        sql`INSERT INTO inbox_parked
              (consumer, source, part, pub_seq, subject, event_id, type, envelope, attempts, next_at, error_code, error, first_at, last_at)
            VALUES (${consumer}, ${source}, ${part}, ${seq}, ${event.subject}, ${event.id}, ${event.type}, ${JSON.stringify(event)},
              ${attempts}, ${after(nextMs)}, ${code}, ${message}, NOW(3), NOW(3))`,
      )
    },

    async due(consumers, limit) {
      const rows = await selectRows(
        db,
        sql`SELECT ${parkedColumns} FROM (${headsOf(consumers)}) AS heads
            STRAIGHT_JOIN inbox_parked p FORCE INDEX (line) ON ${isHead}
            STRAIGHT_JOIN inbox_consumer c FORCE INDEX (PRIMARY) ON c.consumer = p.consumer AND c.source = p.source AND c.state = 'active'
            WHERE p.next_at <= NOW(3) LIMIT ${limit}`,
      )
      return rows.map(parkedEventOf)
    },

    async head({ line, subject }) {
      const [row] = await selectRows(
        db,
        sql`SELECT ${parkedColumns}, p.next_at <= NOW(3) AS due FROM inbox_parked p FORCE INDEX (line)
            WHERE ${inLine(line, subject)} ORDER BY p.pub_seq LIMIT 1`,
      )
      return row && Number(row.due) === 1 ? parkedEventOf(row) : undefined
    },

    async claim(event) {
      const matched = await matchedRows(
        db,
        sql`UPDATE inbox_parked SET attempts = attempts + 1, unfinished = unfinished + 1, next_at = NOW(3) + INTERVAL ${claimSeconds} SECOND
            WHERE ${key(event)} AND attempts = ${event.attempts} AND unfinished < ${deathsOfParked} AND next_at <= NOW(3) AND ${isActive(event.line)}`,
      )
      return matched === 1
    },

    async bury(event) {
      const matched = await matchedRows(
        db,
        sql`UPDATE inbox_parked SET next_at = NULL, error_code = ${processDied.code}, error = ${processDied.message}, last_at = NOW(3)
            WHERE ${key(event)} AND attempts = ${event.attempts} AND unfinished >= ${deathsOfParked} AND next_at <= NOW(3)`,
      )
      return matched === 1
    },

    async lock(transaction, event, attempts) {
      const [row] = await selectRows(
        transaction,
        sql`SELECT pub_seq, attempts, replay_id, envelope FROM inbox_parked FORCE INDEX (line)
            WHERE ${inLine(event.line, event.subject)} ORDER BY pub_seq LIMIT 1 FOR UPDATE`,
      )
      if (!row || numberOf(row, 'pub_seq') !== event.seq || numberOf(row, 'attempts') !== attempts) return undefined
      // Written by `add` of this very file.
      return { envelope: jsonOf(row, 'envelope') as Envelope, replay: row.replay_id !== null }
    },

    async remove(transaction, event) {
      await matchedRows(transaction, sql`DELETE FROM inbox_parked WHERE ${key(event)}`)
    },

    async exists(event) {
      return (await selectRows(db, sql`SELECT pub_seq FROM inbox_parked WHERE ${key(event)}`)).length > 0
    },

    async settle(event, attempts, verdict) {
      const unfinished = sql`unfinished = IF(unfinished > 0, unfinished - 1, 0)`
      if (!verdict) {
        await matchedRows(db, sql`UPDATE inbox_parked SET ${unfinished} WHERE ${key(event)}`)
        return
      }
      const own = (value: SQL, otherwise: SQL) => sql`IF(attempts = ${attempts}, ${value}, ${otherwise})`
      await matchedRows(
        db,
        sql`UPDATE inbox_parked SET ${unfinished},
              next_at = ${own(after(verdict.nextMs), sql`next_at`)},
              error_code = ${own(sql`COALESCE(${verdict.code}, error_code)`, sql`error_code`)},
              error = ${own(sql`COALESCE(${verdict.message}, error)`, sql`error`)},
              last_at = ${own(sql`NOW(3)`, sql`last_at`)}
            WHERE ${key(event)}`,
      )
    },

    async count(consumers) {
      // Both read the index only, and a blocked subject's head; a dead letter that a replay has put others before is no head.
      const totals = await selectRows(
        db,
        sql`SELECT consumer, COUNT(*) AS parked FROM inbox_parked FORCE INDEX (line)
            WHERE consumer IN (${listOf(consumers)}) GROUP BY consumer`,
      )
      const heads = await selectRows(
        db,
        sql`SELECT p.consumer, COUNT(*) AS subjects, COUNT(*) - COUNT(p.next_at) AS dead FROM (${headsOf(consumers)}) AS heads
            STRAIGHT_JOIN inbox_parked p FORCE INDEX (line) ON ${isHead} GROUP BY p.consumer ORDER BY NULL`,
      )
      const parkedOf = new Map(totals.map((row) => [textOf(row, 'consumer'), numberOf(row, 'parked')]))
      const headsBy = new Map(heads.map((row) => [textOf(row, 'consumer'), row]))
      return consumers.map((consumer) => {
        const row = headsBy.get(consumer)
        const [subjects, dead] = row ? [numberOf(row, 'subjects'), numberOf(row, 'dead')] : [0, 0]
        return { consumer, parked: parkedOf.get(consumer) ?? 0, subjects, dead }
      })
    },
  }
}

/** One index dive per blocked subject, however long its line. MariaDB would sort the groups of a derived table for nothing. */
const headsOf = (consumers: readonly string[]): SQL =>
  sql`SELECT consumer, source, subject, MIN(pub_seq) AS pub_seq FROM inbox_parked FORCE INDEX (line)
      WHERE consumer IN (${listOf(consumers)}) GROUP BY consumer, source, subject ORDER BY NULL`

const isHead = sql`p.consumer = heads.consumer AND p.source = heads.source AND p.subject = heads.subject AND p.pub_seq = heads.pub_seq`

const parkedColumns = sql`p.consumer, p.source, p.part, p.pub_seq, p.subject, p.event_id, p.type, p.attempts, p.unfinished`

const parkedEventOf = (row: Row): ParkedEvent => ({
  line: { consumer: textOf(row, 'consumer'), source: textOf(row, 'source'), part: numberOf(row, 'part') },
  seq: numberOf(row, 'pub_seq'),
  subject: textOf(row, 'subject'),
  eventId: textOf(row, 'event_id'),
  type: textOf(row, 'type'),
  attempts: numberOf(row, 'attempts'),
  unfinished: numberOf(row, 'unfinished'),
})

/** The database's clock alone says when. */
const after = (ms: number | null): SQL => (ms === null ? sql`NULL` : sql`NOW(3) + INTERVAL ${ms * 1_000} MICROSECOND`)
