import { type Exact, isZero } from './decimal.ts'
import { EngineRefusal } from './refusal.ts'
import type { BreakMode } from './types.ts'

export interface Break {
  from: Exact
  /** Null: open. */
  to: Exact | null
}

export interface BreakTable<Row extends Break> {
  /** Ascending and without gaps. */
  rows: readonly Row[]
  first: Row
  last: Row
  find(value: Exact): Row | 'below' | 'above'
}

/** Rows in any order become a table, or are refused: contiguous, and only the last may be open. */
export function breakTable<Row extends Break>(unsorted: readonly Row[], mode: BreakMode, path = '/breaks'): BreakTable<Row> {
  const rows = [...unsorted].sort((a, b) => a.from.compare(b.from))
  const first = rows[0]
  const last = rows.at(-1)
  if (!first || !last) throw new EngineRefusal('INVALID_TABLE', { path })
  for (const [index, row] of rows.entries()) {
    const next = rows[index + 1]
    if (row.to && row.to.compare(row.from) <= 0) throw new EngineRefusal('INVALID_TABLE', { path })
    if (next && !row.to?.equals(next.from)) throw new EngineRefusal('INVALID_TABLE', { path })
  }
  const begins =
    mode === 'lower_inclusive'
      ? (row: Row, value: Exact) => row.from.compare(value) <= 0
      : (row: Row, value: Exact) => row.from.compare(value) < 0
  const isPast =
    mode === 'lower_inclusive' ? (to: Exact, value: Exact) => value.compare(to) >= 0 : (to: Exact, value: Exact) => value.compare(to) > 0
  return {
    rows,
    first,
    last,
    find(value) {
      const row = lastBegun(rows, (candidate) => begins(candidate, value))
      if (!row) return mode === 'upper_inclusive' && isZero(value) && isZero(first.from) ? first : 'below'
      return row.to && isPast(row.to, value) ? 'above' : row
    },
  }
}

/** Binary search: the rows that have begun come before those that have not. */
function lastBegun<Row>(rows: readonly Row[], hasBegun: (row: Row) => boolean): Row | undefined {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row !== undefined && hasBegun(row)) low = middle + 1
    else high = middle
  }
  return rows[low - 1]
}
