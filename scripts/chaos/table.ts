import { alignedTable } from '../tables.ts'
import type { Measured } from './results.ts'

type Column = readonly [heading: string, value: (of: Measured) => string]

const columns: readonly Column[] = [
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

export const rowsOf = (measured: readonly Measured[]): string[][] => [
  columns.map(([heading]) => heading),
  ...measured.map((one) => columns.map(([, value]) => value(one))),
]

/** For the terminal; what did not hold stands below it. */
export function resultTable(measured: readonly Measured[]): string {
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
  return `${alignedTable(rowsOf(measured))}\n\n${details.join('\n')}\n`
}
