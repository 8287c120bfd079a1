import { sql } from 'drizzle-orm'
import { audit } from './audit.ts'
import type { Connection, Database, DatabaseName } from './databases.ts'
import type { Line, Position } from './event-positions.ts'
import { databaseMilliseconds, matchedRows, numberOf, selectRows } from './event-statements.ts'

/**
 * Lives of a log. A database that was restored hands out the same numbers for other events: a new generation says from which
 * number on, and every consumer goes back to there before it reads on. Without one, the inclusive read stops the consumer.
 */

/**
 * Begins a new life of the log after its database was restored: whatever consumers have taken above the numbers that are
 * there now, they take again. Numbering goes on. One audit row, by whoever the context names.
 */
export async function newGeneration(
  database: Database<DatabaseName>,
  { reason, actor }: { reason: string; actor: string },
): Promise<{ generation: number }> {
  return database.requests.withTx(async (tx) => {
    const [before] = await selectRows(tx.db, sql`SELECT source, generation FROM event_source WHERE id = 1 FOR UPDATE`)
    if (!before) throw new TypeError(`${database.name} publishes no events`)
    // Nothing is numbered while the bases are read.
    await selectRows(tx.db, sql`SELECT part FROM outbox_sequence ORDER BY part FOR UPDATE`)
    await matchedRows(tx.db, sql`UPDATE event_source SET generation = GREATEST(${databaseMilliseconds}, generation + 1) WHERE id = 1`)
    await matchedRows(
      tx.db,
      sql`INSERT INTO event_generation (generation, part, base_seq, reason, actor, at)
          SELECT g.generation, s.part, s.next_seq - 1, ${reason}, ${actor}, NOW(3) FROM event_source g JOIN outbox_sequence s WHERE g.id = 1`,
    )
    const [after] = await selectRows(tx.db, sql`SELECT generation FROM event_source WHERE id = 1`)
    const generation = after ? numberOf(after, 'generation') : 0
    await audit(tx, {
      action: 'event.generation_begun',
      subject: `event_source/${String(before.source)}`,
      before: { generation: numberOf(before, 'generation') },
      after: { generation },
      reason,
    })
    return { generation }
  })
}

/**
 * Up to which number the lives a consumer knows are still true in the newest one; undefined when no newer life says so.
 * Several restores in a row: the lowest counts.
 */
export async function trueUpTo({ db }: Connection<DatabaseName>, part: number, known: number): Promise<number | undefined> {
  const [row] = await selectRows(
    db,
    sql`SELECT MIN(base_seq) AS base, COUNT(*) AS lives FROM event_generation WHERE part = ${part} AND generation > ${known}`,
  )
  return row && numberOf(row, 'lives') > 0 ? numberOf(row, 'base') : undefined
}

/** What a consumer gave up when it followed a source into a new life. */
export interface Followed {
  /** Numbers it had settled whose events the publisher has lost: their effects stay. */
  readonly ahead: number
  /** Parked events of those numbers, dropped because the numbers are given again. */
  readonly dropped: number
}

const perDeletion = 1_000

/** Takes a consumer's line into the source's new life. Undefined when another process has moved it meanwhile. */
export async function followGeneration(
  consumers: Connection<DatabaseName>,
  line: Line,
  from: Position,
  to: { generation: number; base: number },
): Promise<Followed | undefined> {
  const { consumer, source, part } = line
  const { generation, base } = to
  const where = sql`consumer = ${consumer} AND source = ${source} AND part = ${part}`
  return consumers.withTx(async (tx) => {
    // SET goes from left to right: the event is forgotten while the old number can still be seen.
    const moved = await matchedRows(
      tx.db,
      sql`UPDATE inbox_cursor SET last_event_id = IF(last_seq > ${base}, NULL, last_event_id),
            last_seq = LEAST(last_seq, ${base}), generation = ${generation}
          WHERE ${where} AND generation = ${from.generation} AND last_seq = ${from.seq}`,
    )
    if (moved === 0) return undefined
    let dropped = 0
    for (let deleted = perDeletion; deleted === perDeletion; dropped += deleted)
      deleted = await matchedRows(
        tx.db,
        sql`DELETE FROM inbox_parked WHERE ${where} AND pub_seq > ${base} ORDER BY pub_seq LIMIT ${perDeletion}`,
      )
    const ahead = Math.max(0, from.seq - base)
    if (ahead > 0 || dropped > 0)
      await audit(tx, {
        action: 'event.generation_followed',
        subject: `event_consumer/${consumer}`,
        before: { source, part, generation: from.generation, lastSeq: from.seq },
        after: { source, part, generation, lastSeq: Math.min(from.seq, base), droppedParkedEvents: dropped },
      })
    return { ahead, dropped }
  })
}
