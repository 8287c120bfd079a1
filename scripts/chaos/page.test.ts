import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nameOf } from '../../tests/faults/harness/scenario.ts'
import { scenarios } from '../../tests/faults/scenarios.ts'
import { reliabilityPage } from './page.ts'
import type { Measured, Measurements } from './results.ts'

const kills: Measured = {
  name: 'EV-03',
  claim: 'processes are killed at any moment',
  seed: 4_711,
  loadBefore: 0.25,
  at: '2026-03-04T05:06:07.000Z',
  events: 10_040,
  faults: 50,
  lost: 0,
  duplicates: 0,
  inversions: 0,
  executions: 11_234,
  seconds: 41.26,
  more: { 'row lock waits': 1_017 },
  held: ['no event is lost'],
  broken: [],
}
const stops: Measured = {
  ...kills,
  name: 'EV-04 stopped in a handler',
  events: 2_500,
  faults: 7,
  lost: 3,
  duplicates: 2,
  inversions: 1,
  held: [],
  broken: ['another process takes over within 15 s'],
}
const machine = { processors: '2 × Abacus', memory: '4 GiB', system: 'Linux 6.1.0', node: 'v24.21.0', database: 'MariaDB 10.11.6' }

describe('the page about reliability', () => {
  const page = reliabilityPage({ machine, measured: [kills, stops] })
  const rowOf = (name: string) => page.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? ''

  it('shows the figures of each scenario in its row', () => {
    expect(rowOf('EV-03').split(' | ')).toEqual(
      expect.arrayContaining(['| EV-03', '10,040', '50', '0', '0', '0', '11,234', '41.3', '243', '0.3', '4711 |']),
    )
    expect(rowOf('EV-04 stopped in a handler')).toContain('| 2,500 | 7 | 3 | 2 | 1 |')
  })

  it('adds the figures up where the reader looks first', () => {
    expect(page).toContain(
      '12,540 events went through 2 scenarios with 57 faults made on purpose: **3 lost,\n2 took effect twice, 1 out of order.**',
    )
  })

  it('says of each promise whether it held', () => {
    expect(page).toContain('Held: no event is lost.')
    expect(page).toContain('**Did not hold: another process takes over within 15 s.**')
    expect(page).not.toContain('Every promise that was put to the test held.')
    expect(reliabilityPage({ machine, measured: [kills] })).toContain('Every promise that was put to the test held.')
  })

  it('shows the further figures of a scenario, what it does and when it was measured', () => {
    expect(page).toContain('Processes are killed at any moment.')
    expect(page).toContain('row lock waits: 1,017 · measured on 2026-03-04')
  })

  it('names the machine and the versions', () => {
    for (const value of Object.values(machine)) expect(page).toContain(value)
  })

  it('says what is promised, what is not, and how to measure again', () => {
    for (const heading of ['What is promised', 'What is not promised', 'How it is measured', 'Measure it yourself'])
      expect(page).toContain(`## ${heading}\n`)
    expect(page).toContain('npm run chaos -- --scenario EV-03 --seed 42')
  })
})

it('the committed page says what the committed figures say, of every scenario there is', () => {
  const docs = resolve(import.meta.dirname, '../../docs')
  const measurements: Measurements = JSON.parse(readFileSync(join(docs, 'reliability.json'), 'utf8'))

  expect(readFileSync(join(docs, 'reliability.md'), 'utf8')).toBe(reliabilityPage(measurements))
  expect(measurements.measured.map(({ name }) => name)).toEqual(scenarios.map(nameOf))
})
