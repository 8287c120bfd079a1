import { readFileSync } from 'node:fs'
import type { CheckResult, TestCounts } from './checks.ts'

interface Report {
  testResults: { name: string; status: string; message?: string; assertionResults: { fullName: string; status: string }[] }[]
}

/** Counts from vitest's report. What failed without being a test (a file that does not load, an error after the end) counts as one failure each. */
export function countTests(reportFile: string, run: Pick<CheckResult, 'ok'>): TestCounts {
  const counts: TestCounts = { passed: 0, failed: 0, skipped: 0, files: 0, failures: [] }
  const fail = (title: string): void => {
    counts.failed += 1
    counts.failures.push(title)
  }
  for (const { name, status, assertionResults } of readReport(reportFile)?.testResults ?? []) {
    counts.files += 1
    const before = counts.failed
    for (const { fullName, status: outcome } of assertionResults) {
      if (outcome === 'passed') counts.passed += 1
      else if (outcome === 'failed') fail(fullName)
      else counts.skipped += 1
    }
    if (status === 'failed' && counts.failed === before) fail(`${name} could not be run`)
  }
  if (!run.ok && counts.failed === 0) fail('the test run ended with an error outside of the tests')
  return counts
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
