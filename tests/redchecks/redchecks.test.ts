import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { fits } from '../../scripts/redchecks/copy.ts'
import { type Findings, withTable } from '../../scripts/redchecks/page.ts'
import { commandOf, parseRedCheck, readRedChecks } from '../../scripts/redchecks/patches.ts'
import { nameOf } from '../faults/harness/scenario.ts'
import { scenarios } from '../faults/scenarios.ts'

const root = resolve(import.meta.dirname, '../..')
const checks = readRedChecks(root)

const isTestCalled = (title: string) => (line: string) => line.startsWith("test('") && line.includes(title)

test.each(checks)('the patch $name still takes its guard out of the source', ({ path }) => {
  expect(fits(root, path), 'the code has changed under it: see tests/redchecks/README.md').toBe(true)
})

test('every test that a patch names exists, and is one', () => {
  const missing = checks.flatMap(({ name, failures }) =>
    failures.flatMap(({ test: named }) => {
      const exists =
        named.tool === 'vitest'
          ? readFileSync(join(root, named.file), 'utf8').split('\n').filter(isTestCalled(named.title)).length === 1
          : scenarios.some((scenario) => [scenario.id, nameOf(scenario)].includes(named.scenario))
      return exists ? [] : [`${name}: ${commandOf(named)}`]
    }),
  )

  expect(missing).toEqual([])
})

test('for every patch the page says what was measured, and each of its tests has noticed', () => {
  const { findings }: Findings = JSON.parse(readFileSync(join(import.meta.dirname, 'measured.json'), 'utf8'))
  const noticed = new Set(findings.flatMap((finding) => (finding.noticed ? [`${finding.name}: ${finding.command}`] : [])))
  const wanted = checks.flatMap(({ name, failures }) => failures.map(({ test: named }) => `${name}: ${commandOf(named)}`))
  const page = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')

  expect(
    wanted.filter((one) => !noticed.has(one)),
    'npm run redchecks -- --only <name> measures it',
  ).toEqual([])
  expect(page).toBe(withTable(page, checks, findings))
})

test('a header that leaves something out is refused', () => {
  const whole = 'guard: a\nwithout: b\nfails: chaos EV-03\nsays: c\n\ndiff --git a/x b/x\n'

  expect(parseRedCheck('whole', 'x', whole).failures).toEqual([
    { test: { tool: 'chaos', scenario: 'EV-03', options: ['--short'] }, says: 'c' },
  ])
  for (const line of ['guard: a\n', 'without: b\n', 'says: c\n', 'fails: chaos EV-03\nsays: c\n'])
    expect(() => parseRedCheck('less', 'x', whole.replace(line, '')), line).toThrow('less')
  expect(() => parseRedCheck('odd', 'x', whole.replace('chaos EV-03', 'mocha EV-03'))).toThrow('neither')
})
