import type { CheckResult, TestCounts } from './checks.ts'

interface Outcome {
  passed: number
  failed: number
  seconds: number
  counts: TestCounts
  others: readonly CheckResult[]
  testRun: CheckResult
}

/** What failed, in full; then one line per check; then the line that programs read. */
export function summary({ passed, failed, seconds, counts, others, testRun }: Outcome): string {
  const broken = others.filter(({ ok }) => !ok).map(({ name, output }) => `── ${name} ──\n${output.trimEnd()}\n`)
  const titles = counts.failures.map((title) => `  ✗ ${title}`)
  const row = (ok: boolean, name: string, what: string, took: number): string =>
    `${ok ? '✓' : '✗'} ${name.padEnd(12)}${what.padEnd(44)}${took.toFixed(1).padStart(6)} s`
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  const rows = [
    ...others.map(({ ok, name, seconds }) => row(ok, name, ok ? 'clean' : 'see above', seconds)),
    row(
      counts.failed === 0,
      'tests',
      `${counts.passed} passed, ${counts.failed} failed${skipped} in ${counts.files} files`,
      testRun.seconds,
    ),
    row(failed === 0, 'all', '', seconds),
  ]
  return ['', ...broken, ...titles, ...(titles.length > 0 ? [''] : []), ...rows, '', `${passed} passed, ${failed} failed`, ''].join('\n')
}
