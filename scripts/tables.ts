/** Rows of figures, headings first: names on the left, numbers on the right. */
type Rows = readonly (readonly string[])[]

/** For the terminal, each column as wide as it must be. */
export function alignedTable(rows: Rows): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join('  ')
  return rows.map(line).join('\n')
}

export function markdownTable([headings = [], ...rows]: Rows): string {
  const alignments = headings.map((_, index) => (index === 0 ? '---' : '---:'))
  return [headings, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
