import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { performancePage } from './page.ts'
import type { Performance } from './results.ts'
import { isKept, promises } from './transports.ts'

const docs = resolve(import.meta.dirname, '../../docs')

test('the page of the performance says what was measured', () => {
  const measured: Performance = JSON.parse(readFileSync(`${docs}/performance.json`, 'utf8'))

  expect(readFileSync(`${docs}/performance.md`, 'utf8'), 'npm run bench writes both').toBe(performancePage(measured))
})

test('what was measured of events lies within what is promised', () => {
  const { events }: Performance = JSON.parse(readFileSync(`${docs}/performance.json`, 'utf8'))
  const [nudged = [], lost = []] = [true, false].map((nudges) => events?.latency.filter((one) => one.nudges === nudges))

  expect(Math.max(...nudged.map(({ p50 }) => p50))).toBeLessThanOrEqual(20)
  expect(Math.max(...nudged.map(({ p99 }) => p99))).toBeLessThanOrEqual(100)
  expect(Math.max(...lost.map(({ p99 }) => p99))).toBeLessThanOrEqual(2_500)
  for (const { perSecond, seconds, events: count } of events?.backlog ?? []) {
    expect(perSecond).toBeGreaterThanOrEqual(2_000)
    expect(count === 100_000 ? seconds : 0).toBeLessThanOrEqual(60)
  }
  expect(events?.publishing.ratioOfP99).toBeLessThanOrEqual(1.2)
})

test('TP-16: what was measured of transports and layouts lies within what is promised', () => {
  const { transports }: Performance = JSON.parse(readFileSync(`${docs}/performance.json`, 'utf8'))
  const promised = transports ? promises(transports) : []

  expect(promised.length).toBeGreaterThanOrEqual(7)
  expect(promised.filter((each) => !isKept(each))).toEqual([])
})
