import { type SQL, sql } from 'drizzle-orm'
import { fromDatabaseInstant } from './columns.ts'
import type { Queries } from './databases.ts'

/** Statements of the event machinery: their results are unknown until read, column by column. */

export type Row = Readonly<Record<string, unknown>>

export async function selectRows(db: Queries, statement: SQL): Promise<readonly Row[]> {
  const [result]: readonly unknown[] = await db.execute(statement)
  if (!Array.isArray(result)) throw new TypeError('the statement answered no rows')
  return result
}

/** The number of rows the statement *matched*: the driver does not count the changed ones. */
export async function matchedRows(db: Queries, statement: SQL): Promise<number> {
  const [result] = await db.execute(statement)
  return result.affectedRows
}

/** 64-bit numbers arrive as text; those of events stay far below 2^53. */
export function numberOf(row: Row, column: string): number {
  const value = Number(row[column])
  if (!Number.isSafeInteger(value)) throw new TypeError(`${column} is not an exact integer`)
  return value
}

export function textOf(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`${column} is not text`)
  return value
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : textOf(row, column)
}

export const instantOf = (row: Row, column: string): string => fromDatabaseInstant(textOf(row, column))

export function instantOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : instantOf(row, column)
}

/** JSON comes parsed or as text, by server and driver. */
export function jsonOf(row: Row, column: string): unknown {
  const value = row[column]
  return typeof value === 'string' ? JSON.parse(value) : value
}

const listSizes = [1, 4, 16, 64, 256]

/** Repeats the last value up to the next of a few sizes: as many statements are prepared as sizes, not as many as lengths. */
export function padded<V>(values: readonly V[]): readonly V[] {
  const size = listSizes.find((candidate) => candidate >= values.length) ?? values.length
  return values.concat(Array.from({ length: size - values.length }, () => values.slice(-1)).flat())
}

/** `a, b, c`, each as a parameter. */
export const listOf = (values: readonly (string | number)[]): SQL =>
  sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )

/** The database's clock in ms. As a generation it is a time and no counter: the same backup restored twice makes two lives. */
export const databaseMilliseconds = sql`CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)`
