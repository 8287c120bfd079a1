import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Difference, Recording } from './matrix-comparison.ts'

const folder = resolve(import.meta.dirname, '../../reports')

/** `reports/topology-matrix.json` for programs, and the same as a page for people. Returns the sentence that says it all. */
export function writeReport(recordings: readonly Recording[], differences: readonly Difference[]): string {
  mkdirSync(folder, { recursive: true })
  const summary = summaryOf(recordings, differences)
  writeFileSync(resolve(folder, 'topology-matrix.json'), `${JSON.stringify(reportOf(recordings, differences), null, 2)}\n`)
  writeFileSync(resolve(folder, 'topology-matrix.md'), pageOf(recordings, differences, summary))
  return summary
}

function reportOf(recordings: readonly Recording[], differences: readonly Difference[]) {
  return {
    topologies: recordings.map(({ topology }) => topology),
    tests: tableOf(recordings.map(({ topology, tests }) => [topology, tests.map(({ id, result }) => [id, result] as const)])),
    answers: Object.fromEntries(recordings.map(({ topology, tests }) => [topology, answersIn(tests)])),
    facts: tableOf(recordings.map(({ topology, facts }) => [topology, [...countKinds(facts)]])),
    differences,
  }
}

/** What is measured → the value in each topology. */
function tableOf<V>(columns: readonly (readonly [string, readonly (readonly [string, V])[]])[]): Record<string, Record<string, V>> {
  const table: Record<string, Record<string, V>> = {}
  for (const [topology, cells] of columns) for (const [row, value] of cells) table[row] = { ...table[row], [topology]: value }
  return table
}

const answersIn = (tests: Recording['tests']): number => tests.reduce((sum, { exchanges }) => sum + exchanges.length, 0)

/** How many of each type of event, and of each kind of audited action. */
function countKinds(facts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const fact of facts) {
    const { event, audited }: { event?: string; audited?: string } = JSON.parse(fact)
    const kind = event === undefined ? `audit ${audited}` : `event ${event}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return new Map([...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

function summaryOf(recordings: readonly Recording[], differences: readonly Difference[]): string {
  const [first] = recordings
  const names = recordings.map(({ topology }) => topology).join(', ')
  const seen = first
    ? `${first.tests.length} tests, ${answersIn(first.tests)} answers, ${first.facts.length} events and audit rows`
    : 'nothing'
  return `${differences.length === 0 ? 'The same' : `${differences.length} differences`} in ${names}: ${seen} in each.`
}

function pageOf(recordings: readonly Recording[], differences: readonly Difference[], summary: string): string {
  const names = recordings.map(({ topology }) => topology)
  const { tests, facts } = reportOf(recordings, differences)
  const head = (what: string) => [`| ${what} | ${names.join(' | ')} |`, `|---|${names.map(() => '---|').join('')}`]
  const row = (title: string, cells: Record<string, unknown>) => `| ${title} | ${names.map((name) => cells[name] ?? '').join(' | ')} |`
  const found = differences.map(({ kind, test, text }) => `- **${kind}** ${test ?? ''}\n\n  ${text.replaceAll('\n', '\n  ')}`)
  return [
    '# The topology matrix',
    '',
    summary,
    '',
    ...(found.length > 0 ? ['## Differences', '', ...found, ''] : []),
    ...head('test'),
    ...Object.entries(tests).map(([id, cells]) => row(id, cells)),
    '',
    ...head('in the databases afterwards'),
    ...Object.entries(facts).map(([kind, cells]) => row(kind, cells)),
    '',
  ].join('\n')
}
