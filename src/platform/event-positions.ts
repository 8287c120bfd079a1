import { type SQL, sql } from 'drizzle-orm'
import type { Connection, DatabaseName, Queries } from './databases.ts'
import { partitions } from './event-partitions.ts'
import type { Beginning } from './event-sources.ts'
import { jsonOf, listOf, matchedRows, numberOf, type Row, selectRows, textOf, textOrNull } from './event-statements.ts'

/** How far the consumers of a database are. The position moves in the transaction of the effect, so both happen or neither. */

export interface Position {
  readonly generation: number
  /** The last number that is settled; 0 before the first. */
  readonly seq: number
  /** The event that had it; null when none has been settled in this generation. */
  readonly eventId: string | null
}

export interface Line {
  readonly consumer: string
  readonly source: string
  readonly part: number
}

export const lineName = ({ consumer, source, part }: Line): string => `${consumer}/${source}/${part}`

export interface Registration {
  consumer: string
  source: string
  keys: readonly string[]
  start: 'beginning' | 'now'
  generation: number
  /** Where to begin, by partition; asked for when the consumer has no position yet. */
  beginnings(start: 'beginning' | 'now'): Promise<ReadonlyMap<number, Beginning>>
}

/** Where a consumer stands, as others may read it without a lock. */
export interface Standing extends Position {
  /** False while an operator has paused or retired the consumer. */
  readonly active: boolean
  /** True when it was given up for ever. */
  readonly retired: boolean
  /** True when events of this line are parked. */
  readonly parked: boolean
}

/** What a lease tells about those who had it before. */
export interface LeaseState {
  /** True when this very lease was taken from a process that did not give it back. */
  readonly counted: boolean
  /** Processes that ended with this lease in hand, without a step in between. */
  readonly deaths: number
  /** The position at which the last one ended; undefined when none did. */
  readonly deathAt: number | undefined
}

export interface Positions {
  register(registration: Registration): Promise<void>
  readAll(consumers: readonly string[]): Promise<ReadonlyMap<string, Standing>>
  read(line: Line): Promise<Position | undefined>
  /** Undefined when another process has it, or the consumer is not active. */
  lease(line: Line): Promise<LeaseState | undefined>
  release(line: Line): Promise<void>
  /** In a transaction that has taken long: its lease begins anew at its end. */
  prolong(db: Queries, line: Line): Promise<void>
  /** Compare-and-set, first statement of the effect's transaction: false when another process has moved the position. */
  step(db: Queries, line: Line, from: Position, to: { seq: number; eventId: string }, options: { release: boolean }): Promise<boolean>
}

const leaseSeconds = 3

export function createPositions({ db }: Connection<DatabaseName>, owner: string): Positions {
  const where = ({ consumer, source, part }: Line) => sql`consumer = ${consumer} AND source = ${source} AND part = ${part}`

  return {
    async register({ consumer, source, keys, start, generation, beginnings }) {
      const [known] = await selectRows(db, sql`SELECT types FROM inbox_consumer WHERE consumer = ${consumer} AND source = ${source}`)
      const types = JSON.stringify(keys)
      if (!known || JSON.stringify(jsonOf(known, 'types')) !== types)
        await matchedRows(
          db,
          sql`INSERT INTO inbox_consumer (consumer, source, state, types, start, changed_by, changed_at)
              VALUES (${consumer}, ${source}, 'active', ${types}, ${start}, 'system', NOW(3))
              ON DUPLICATE KEY UPDATE types = ${types}`,
        )
      const [cursors] = await selectRows(
        db,
        sql`SELECT COUNT(*) AS cursors FROM inbox_cursor WHERE consumer = ${consumer} AND source = ${source}`,
      )
      if (cursors && numberOf(cursors, 'cursors') === partitions) return
      const begin = await beginnings(start)
      const rows = Array.from({ length: partitions }, (_, part) => {
        const { seq, eventId } = begin.get(part) ?? { seq: 0, eventId: null }
        return sql`(${consumer}, ${source}, ${part}, ${generation}, ${seq}, ${eventId}, '', NOW(3))`
      })
      await matchedRows(
        db,
        sql`INSERT INTO inbox_cursor (consumer, source, part, generation, last_seq, last_event_id, owner, until)
            VALUES ${sql.join(rows, sql`, `)} ON DUPLICATE KEY UPDATE part = inbox_cursor.part`,
      )
    },

    async readAll(consumers) {
      const rows = await selectRows(
        db,
        sql`SELECT p.consumer, p.source, p.part, p.generation, p.last_seq, p.last_event_id, c.state,
              EXISTS (SELECT 1 FROM inbox_parked k FORCE INDEX (PRIMARY)
                      WHERE k.consumer = p.consumer AND k.source = p.source AND k.part = p.part) AS parked
            FROM inbox_consumer c FORCE INDEX (PRIMARY)
            JOIN inbox_cursor p FORCE INDEX (PRIMARY) ON p.consumer = c.consumer AND p.source = c.source
            WHERE c.consumer IN (${listOf(consumers)})`,
      )
      return new Map(
        rows.map((row) => [
          lineName({ consumer: textOf(row, 'consumer'), source: textOf(row, 'source'), part: numberOf(row, 'part') }),
          {
            ...positionOf(row),
            active: textOf(row, 'state') === 'active',
            retired: textOf(row, 'state') === 'retired',
            parked: Number(row.parked) === 1,
          },
        ]),
      )
    },

    async read(line) {
      const [row] = await selectRows(db, sql`SELECT generation, last_seq, last_event_id FROM inbox_cursor WHERE ${where(line)}`)
      return row && positionOf(row)
    },

    async lease(line) {
      // Taking over a lease that ran out counts a death. SET goes from left to right: each assignment sees the ones before it,
      // so the owner changes last. LAST_INSERT_ID brings the count along with the answer, and in its lowest bit whether it rose.
      const [leased] = await db.execute(sql`
        UPDATE inbox_cursor SET
          crashes = LAST_INSERT_ID(
            IF(owner IN ('', ${owner}), crashes * 2, IF(crash_seq = last_seq, crashes + 1, 1) * 2 + 1)
          ) DIV 2,
          crash_seq = IF(owner IN ('', ${owner}), crash_seq, last_seq),
          until = NOW(3) + INTERVAL ${leaseSeconds} SECOND, owner = ${owner}
        WHERE ${where(line)} AND (owner IN ('', ${owner}) OR until < NOW(3)) AND ${isActive(line)}`)
      if (leased.affectedRows === 0) return undefined
      const told = Number(leased.insertId)
      const deaths = Math.floor(told / 2)
      if (deaths === 0) return { counted: false, deaths, deathAt: undefined }
      const [row] = await selectRows(db, sql`SELECT crash_seq FROM inbox_cursor WHERE ${where(line)}`)
      return { counted: told % 2 === 1, deaths, deathAt: row && numberOf(row, 'crash_seq') }
    },

    async release(line) {
      await matchedRows(db, sql`UPDATE inbox_cursor SET owner = '' WHERE ${where(line)} AND owner = ${owner}`)
    },

    async prolong(transaction, line) {
      const until = sql`until = NOW(3) + INTERVAL ${leaseSeconds} SECOND`
      await matchedRows(transaction, sql`UPDATE inbox_cursor SET ${until} WHERE ${where(line)} AND owner = ${owner}`)
    },

    async step(transaction, line, from, to, { release }) {
      const next = release ? '' : owner
      const matched = await matchedRows(
        transaction,
        sql`UPDATE inbox_cursor SET
              until = IF(owner = ${owner}, NOW(3) + INTERVAL ${leaseSeconds} SECOND, until),
              owner = IF(owner = ${owner}, ${next}, owner),
              last_event_id = ${to.eventId}, last_seq = ${to.seq}
            WHERE ${where(line)} AND last_seq = ${from.seq} AND generation = ${from.generation}`,
      )
      return matched === 1
    },
  }
}

const positionOf = (row: Row): Position => ({
  generation: numberOf(row, 'generation'),
  seq: numberOf(row, 'last_seq'),
  eventId: textOrNull(row, 'last_event_id'),
})

/** Part of the statement that begins work, so that a pause holds in every process at once, whatever it has heard of it. */
export const isActive = ({ consumer, source }: Line): SQL =>
  sql`EXISTS (SELECT 1 FROM inbox_consumer c WHERE c.consumer = ${consumer} AND c.source = ${source} AND c.state = 'active')`
