import { sql } from 'drizzle-orm'
import { audit } from '#platform/audit.ts'
import type { Connection, DatabaseName, Queries } from '#platform/databases.ts'
import { instantOf, jsonOf, matchedRows, numberOf, type Row, selectRows, textOf, textOrNull } from '#platform/event-statements.ts'
import type { consumerStates } from './schemas.ts'

/** Consumers of a database and how far they are, read and steered by operators. */

export type ConsumerState = (typeof consumerStates)[number]

export interface ConsumerRow {
  readonly consumer: string
  readonly source: string
  readonly state: ConsumerState
  readonly types: readonly string[]
  readonly start: 'beginning' | 'now'
  readonly changedAt: string
  readonly changedBy: string
  readonly reason: string | null
}

export async function consumerRows(db: Queries, consumer?: string): Promise<readonly ConsumerRow[]> {
  const rows = await selectRows(
    db,
    sql`SELECT consumer, source, state, types, start, changed_by, changed_at, reason FROM inbox_consumer
        ${consumer === undefined ? sql`` : sql`WHERE consumer = ${consumer}`} ORDER BY consumer, source`,
  )
  return rows.map(consumerRowOf)
}

const consumerRowOf = (row: Row): ConsumerRow => ({
  consumer: textOf(row, 'consumer'),
  source: textOf(row, 'source'),
  // Written by the platform and by `changeState`, both typed.
  state: textOf(row, 'state') as ConsumerState,
  types: jsonOf(row, 'types') as readonly string[],
  start: textOf(row, 'start') as 'beginning' | 'now',
  changedAt: instantOf(row, 'changed_at'),
  changedBy: textOf(row, 'changed_by'),
  reason: textOrNull(row, 'reason'),
})

export interface CursorRow {
  readonly consumer: string
  readonly source: string
  readonly part: number
  readonly generation: number
  readonly seq: number
}

export async function cursorRows({ db }: Connection<DatabaseName>): Promise<readonly CursorRow[]> {
  const rows = await selectRows(db, sql`SELECT consumer, source, part, generation, last_seq FROM inbox_cursor`)
  return rows.map((row) => ({
    consumer: textOf(row, 'consumer'),
    source: textOf(row, 'source'),
    part: numberOf(row, 'part'),
    generation: numberOf(row, 'generation'),
    seq: numberOf(row, 'last_seq'),
  }))
}

/** Locks the consumer's rows and changes its state as `next` decides from the present one, with one audit row; undefined leaves it as it is. */
export async function changeState(
  connection: Connection<DatabaseName>,
  consumer: string,
  { by, reason, action }: { by: string; reason: string; action: string },
  next: (state: ConsumerState) => ConsumerState | undefined,
): Promise<void> {
  await connection.withTx(async (tx) => {
    await selectRows(tx.db, sql`SELECT source FROM inbox_consumer WHERE consumer = ${consumer} ORDER BY source FOR UPDATE`)
    const before = stateOf(await consumerRows(tx.db, consumer))
    const after = next(before)
    if (after === undefined) return
    await matchedRows(
      tx.db,
      sql`UPDATE inbox_consumer SET state = ${after}, changed_by = ${by}, reason = ${reason}, changed_at = NOW(3) WHERE consumer = ${consumer}`,
    )
    await audit(tx, {
      action: `event_consumer.${action}`,
      subject: `event_consumer/${consumer}`,
      before: { state: before },
      after: { state: after },
      reason,
    })
  })
}

/** A consumer is as far out of work as its least active source. */
export function stateOf(rows: readonly ConsumerRow[]): ConsumerState {
  if (rows.some(({ state }) => state === 'retired')) return 'retired'
  return rows.some(({ state }) => state === 'paused') ? 'paused' : 'active'
}
