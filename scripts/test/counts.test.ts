import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CheckResult } from './checks.ts'
import { countTests } from './counts.ts'
import { summary } from './summary.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function report(testResults: unknown[]): string {
  const file = join(folder, 'report.json')
  writeFileSync(file, JSON.stringify({ testResults }))
  return file
}
const test = (fullName: string, status: string) => ({ fullName, status })

describe('the result of a test run', () => {
  it('counts tests by their outcome', () => {
    const file = report([
      { name: 'a.test.ts', status: 'failed', assertionResults: [test('one', 'passed'), test('two', 'failed'), test('three', 'pending')] },
    ])

    expect(countTests(file, { ok: false })).toEqual({ passed: 1, failed: 1, skipped: 1, files: 1, failures: ['two'] })
  })

  it('counts a file that does not load as a failure', () => {
    const file = report([{ name: 'broken.test.ts', status: 'failed', assertionResults: [] }])

    expect(countTests(file, { ok: false }).failures).toEqual(['broken.test.ts could not be run'])
  })

  it('counts an error outside of the tests as a failure although every test passed', () => {
    const file = report([{ name: 'a.test.ts', status: 'passed', assertionResults: [test('one', 'passed')] }])

    expect(countTests(file, { ok: false })).toMatchObject({ passed: 1, failed: 1 })
  })

  it('is a failure when there is no report at all', () => {
    expect(countTests(join(folder, 'none.json'), { ok: false })).toMatchObject({ passed: 0, failed: 1 })
  })
})

describe('the summary', () => {
  const result = (name: string, ok: boolean, output = ''): CheckResult => ({ name, ok, seconds: 1, output })
  const counts = { passed: 3, failed: 0, skipped: 0, files: 1, failures: [] }

  it('ends with the line that programs read', () => {
    const text = summary({ passed: 4, failed: 0, seconds: 1, counts, others: [result('types', true)], testRun: result('tests', true) })

    expect(text.trimEnd().split('\n').at(-1)).toBe('4 passed, 0 failed')
  })

  it('shows what a failed check said', () => {
    const text = summary({
      passed: 3,
      failed: 1,
      seconds: 1,
      counts,
      others: [result('types', false, 'a.ts: TS2322')],
      testRun: result('tests', true),
    })

    expect(text).toContain('── types ──\na.ts: TS2322')
    expect(text.trimEnd().split('\n').at(-1)).toBe('3 passed, 1 failed')
  })
})
