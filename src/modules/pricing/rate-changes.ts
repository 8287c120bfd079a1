import type { RateTable } from './rate-schemas.ts'

export interface RowChanges {
  added: number
  removed: number
  changed: number
  unchanged: number
}

/** Rows of two sets of rate tables, matched by service, zone and bounds; numbers as the database writes them, so equal values are equal texts. */
export function countRowChanges(old: readonly RateTable[], next: readonly RateTable[]): RowChanges {
  const before = rowsOf(old)
  const after = rowsOf(next)
  const matched = [...after].filter(([address]) => before.has(address))
  const unchanged = matched.filter(([address, content]) => before.get(address) === content).length
  return { added: after.size - matched.length, removed: before.size - matched.length, changed: matched.length - unchanged, unchanged }
}

/** The tables that differ, as they were and as they are: what an audit row needs of a document that may be large. */
export function changedTables(
  old: readonly RateTable[],
  next: readonly RateTable[],
): { before: { tables: RateTable[] }; after: { tables: RateTable[] } } {
  const without = (tables: readonly RateTable[], others: readonly RateTable[]): RateTable[] => {
    const known = new Set(others.map((table) => JSON.stringify(table)))
    return tables.filter((table) => !known.has(JSON.stringify(table)))
  }
  return { before: { tables: without(old, next) }, after: { tables: without(next, old) } }
}

/** What a row costs depends on the options of its table too. A table without rows is one row without bounds. */
function rowsOf(tables: readonly RateTable[]): Map<string, string> {
  const rows = new Map<string, string>()
  for (const table of tables) {
    const address = (from: string, to: string | null | undefined) => JSON.stringify([table.service, table.zone, from, to ?? '*'])
    if (!('breaks' in table)) {
      rows.set(address('0', null), JSON.stringify(table))
      continue
    }
    const { breaks, ...options } = table
    for (const row of breaks) rows.set(address(row.from, row.to), JSON.stringify([options, row]))
  }
  return rows
}
