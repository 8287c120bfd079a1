import type { Measured } from './results.ts'

type Column = readonly [heading: string, value: (of: Measured) => string]

export const columns: readonly Column[] = [
  ['scenario', ({ name }) => name],
  ['events', ({ events }) => count(events)],
  ['faults', ({ faults }) => count(faults)],
  ['lost', ({ lost }) => count(lost)],
  ['duplicates', ({ duplicates }) => count(duplicates)],
  ['inversions', ({ inversions }) => count(inversions)],
  ['executions', ({ executions }) => (executions === undefined ? '' : count(executions))],
  ['seconds', ({ seconds }) => seconds.toFixed(1)],
  ['events/s', ({ events, seconds }) => count(Math.round(events / seconds))],
  ['load before', ({ loadBefore }) => loadBefore.toFixed(1)],
  ['seed', ({ seed }) => String(seed)],
]

export const count = (value: number): string => value.toLocaleString('en')

/** For the terminal; what did not hold stands below it. */
export function resultTable(measured: readonly Measured[]): string {
  const rows = [columns.map(([heading]) => heading), ...measured.map((result) => columns.map(([, value]) => value(result)))]
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join('  ')
  const details = measured.flatMap(({ name, more, broken }) => [
    ...(Object.keys(more).length > 0
      ? [
          `${name}: ${Object.entries(more)
            .map(([what, value]) => `${what} ${count(value)}`)
            .join(', ')}`,
        ]
      : []),
    ...broken.map((promise) => `✗ ${name}: ${promise}`),
  ])
  return `${rows.map(line).join('\n')}\n\n${details.join('\n')}\n`
}
