import { sql } from 'drizzle-orm'
import type { Connection, Database, DatabaseName, Queries } from './databases.ts'
import { partitions } from './event-partitions.ts'
import { listOf, matchedRows, numberOf, type Row, selectRows, textOf } from './event-statements.ts'

/**
 * How long a log is kept: until its events are old and every expected consumer has passed them. What is known of a consumer is
 * a lower bound of its position, so being late with it is safe; one never heard of holds everything. Disk is spent before
 * events are lost.
 */
export interface Retention {
  /** Makes the claims of consumers that are expected. From then on nothing is purged that they have not passed. */
  expect(consumers: readonly string[]): Promise<void>
  /** Notes how far consumers are that this process hosts, and drops the claims of retired ones. */
  acknowledge(heard: Heard): Promise<void>
  /** Deletes what nobody claims and is old enough, until nothing is left or `stopping` says so. Answers how many events. */
  purge(stopping: () => boolean): Promise<number>
  /** Consumers because of which old events stay, and those not seen for as long as events are kept. */
  blocking(): Promise<readonly string[]>
}

export interface Heard {
  readonly positions: readonly { readonly consumer: string; readonly part: number; readonly seq: number }[]
  readonly retired: readonly string[]
}

/** What the consumers of a database say about one source. Positions in another of its lives cannot be compared and are left out. */
export async function hearConsumers(
  { db }: Connection<DatabaseName>,
  source: string,
  { generation, hosted }: { generation: number; hosted: ReadonlySet<string> },
): Promise<Heard> {
  const rows = await selectRows(
    db,
    sql`SELECT c.consumer, c.state, p.part, p.generation, p.last_seq
        FROM inbox_consumer c JOIN inbox_cursor p ON p.consumer = c.consumer AND p.source = c.source WHERE c.source = ${source}`,
  )
  const isRetired = (row: Row): boolean => textOf(row, 'state') === 'retired'
  return {
    positions: rows
      .filter((row) => !isRetired(row) && numberOf(row, 'generation') === generation && hosted.has(textOf(row, 'consumer')))
      .map((row) => ({ consumer: textOf(row, 'consumer'), part: numberOf(row, 'part'), seq: numberOf(row, 'last_seq') })),
    retired: [...new Set(rows.filter(isRetired).map((row) => textOf(row, 'consumer')))],
  }
}

/** Consumers of a database that are given up, and whose events they heard. */
export async function retiredConsumers({ db }: Connection<DatabaseName>): Promise<readonly { consumer: string; source: string }[]> {
  const rows = await selectRows(db, sql`SELECT consumer, source FROM inbox_consumer WHERE state = 'retired'`)
  return rows.map((row) => ({ consumer: textOf(row, 'consumer'), source: textOf(row, 'source') }))
}

/** Rows per statement: the most, and how many at first. A chunk that held its lock too long makes the next one smaller. */
const mostRows = 1_000
const firstRows = 200
const longLockMs = 50

export function createRetention(database: Database<DatabaseName>, days: number): Retention {
  const { db, withTx } = database.events
  const tooYoung = sql`NOW(3) - INTERVAL ${days} DAY`

  /** The oldest rows of a partition that are old enough, without the newest of all, which stays as the proof of its number. */
  async function candidates(part: number, rows: number): Promise<readonly number[]> {
    const found = await selectRows(
      db,
      sql`SELECT pub_seq, occurred_at < ${tooYoung} AS old FROM outbox FORCE INDEX (outbox_position)
          WHERE part = ${part} AND pub_seq IS NOT NULL ORDER BY pub_seq LIMIT ${rows + 1}`,
    )
    const old = found.findIndex((row) => Number(row.old) !== 1)
    return found.slice(0, Math.min(old < 0 ? found.length : old, found.length - 1)).map((row) => numberOf(row, 'pub_seq'))
  }

  /** One chunk. The lock keeps a consumer from registering between the look at the claims and the deletion. */
  async function purgeChunk(part: number, numbers: readonly number[]): Promise<number> {
    const [first] = numbers
    const last = numbers.at(-1)
    if (first === undefined || last === undefined) return 0
    return withTx(async (tx) => {
      await lockSequences(tx.db, [part])
      const [claims] = await selectRows(
        tx.db,
        sql`SELECT MIN(COALESCE(acked_seq, 0)) AS lowest FROM outbox_ack WHERE part = ${part} HAVING COUNT(*) > 0`,
      )
      // The lowest acknowledged event stays: its consumer reads from it on, to see that the log is the one it knows.
      const end = claims ? Math.min(last, numberOf(claims, 'lowest') - 1) : last
      if (end < first) return 0
      return matchedRows(tx.db, sql`DELETE FROM outbox WHERE part = ${part} AND pub_seq BETWEEN ${first} AND ${end}`)
    })
  }

  async function purgePart(part: number, stopping: () => boolean): Promise<number> {
    let purged = 0
    let rows = firstRows
    while (!stopping()) {
      const numbers = await candidates(part, rows)
      const started = performance.now()
      const deleted = await purgeChunk(part, numbers)
      purged += deleted
      if (deleted < rows) break
      rows = performance.now() - started > longLockMs ? Math.max(1, Math.floor(rows / 2)) : Math.min(mostRows, rows * 2)
    }
    return purged
  }

  /** By partition, the oldest event, where it is old enough to go and not the only one. */
  async function overdue(): Promise<ReadonlyMap<number, number>> {
    const rows = await selectRows(
      db,
      sql`SELECT s.part, o.pub_seq FROM outbox_sequence s JOIN outbox o ON o.part = s.part
            AND o.pub_seq = (SELECT f.pub_seq FROM outbox f FORCE INDEX (outbox_position)
                             WHERE f.part = s.part AND f.pub_seq IS NOT NULL ORDER BY f.pub_seq LIMIT 1)
          WHERE o.pub_seq < s.next_seq - 1 AND o.occurred_at < ${tooYoung}`,
    )
    return new Map(rows.map((row) => [numberOf(row, 'part'), numberOf(row, 'pub_seq')]))
  }

  return {
    async expect(consumers) {
      if (consumers.length === 0) return
      const known = await selectRows(
        db,
        sql`SELECT consumer FROM outbox_ack WHERE consumer IN (${listOf(consumers)}) GROUP BY consumer HAVING COUNT(*) = ${partitions}`,
      )
      const names = new Set(known.map((row) => textOf(row, 'consumer')))
      const missing = consumers.filter((consumer) => !names.has(consumer))
      if (missing.length === 0) return
      const rows = missing.flatMap((consumer) => Array.from({ length: partitions }, (_, part) => sql`(${consumer}, ${part}, NULL, NOW(3))`))
      await withTx(async (tx) => {
        await lockSequences(tx.db)
        await matchedRows(
          tx.db,
          sql`INSERT INTO outbox_ack (consumer, part, acked_seq, seen_at) VALUES ${sql.join(rows, sql`, `)}
              ON DUPLICATE KEY UPDATE part = outbox_ack.part`,
        )
      })
    },

    async acknowledge({ positions, retired }) {
      if (retired.length > 0) await matchedRows(db, sql`DELETE FROM outbox_ack WHERE consumer IN (${listOf(retired)})`)
      if (positions.length === 0) return
      // It may go down, when a consumer's database was restored: the last word counts.
      await matchedRows(
        db,
        sql`INSERT INTO outbox_ack (consumer, part, acked_seq, seen_at) VALUES ${sql.join(
          positions.map(({ consumer, part, seq }) => sql`(${consumer}, ${part}, ${seq}, NOW(3))`),
          sql`, `,
        )} ON DUPLICATE KEY UPDATE acked_seq = VALUES(acked_seq), seen_at = VALUES(seen_at)`,
      )
    },

    async purge(stopping) {
      let purged = 0
      for (const part of (await overdue()).keys()) purged += await purgePart(part, stopping)
      return purged
    },

    async blocking() {
      const left = await overdue()
      const claims = await selectRows(db, sql`SELECT consumer, part, acked_seq, seen_at < ${tooYoung} AS silent FROM outbox_ack`)
      const holds = (row: Row): boolean => {
        const oldest = left.get(numberOf(row, 'part'))
        return oldest !== undefined && (row.acked_seq === null || numberOf(row, 'acked_seq') <= oldest)
      }
      return [...new Set(claims.filter((row) => Number(row.silent) === 1 || holds(row)).map((row) => textOf(row, 'consumer')))]
    },
  }
}

async function lockSequences(db: Queries, parts?: readonly number[]): Promise<void> {
  const of = parts ? sql`WHERE part IN (${listOf(parts)})` : sql``
  await selectRows(db, sql`SELECT part FROM outbox_sequence ${of} ORDER BY part FOR UPDATE`)
}
