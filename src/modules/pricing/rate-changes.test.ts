import { expect, test } from 'vitest'
import { changedTables, countRowChanges } from './rate-changes.ts'
import type { RateTable } from './rate-schemas.ts'

const steps = (service: string, prices: Record<string, string>, more: object = {}): RateTable => ({
  service,
  zone: '*',
  type: 'step',
  breaks: Object.entries(prices).map(([from, price]) => ({ from, price })),
  ...more,
})
const unit = (service: string, rate: string): RateTable => ({ service, zone: '*', type: 'per_unit', rate })

test.each<[string, RateTable[], RateTable[], number[]]>([
  ['the first version', [], [steps('GND', { 0: '1.00', 5: '2.00' }), unit('AIR', '3')], [3, 0, 0, 0]],
  [
    'the same in another order',
    [steps('GND', { 0: '1.00' }), unit('AIR', '3')],
    [unit('AIR', '3'), steps('GND', { 0: '1.00' })],
    [0, 0, 0, 2],
  ],
  ['another price', [steps('GND', { 0: '1.00', 5: '2.00' })], [steps('GND', { 0: '1.00', 5: '2.50' })], [0, 0, 1, 1]],
  ['another bound is another row', [steps('GND', { 0: '1.00' })], [steps('GND', { 1: '1.00' })], [1, 1, 0, 0]],
  [
    'an option of the table changes all of its rows',
    [steps('GND', { 0: '1.00', 5: '2.00' })],
    [steps('GND', { 0: '1.00', 5: '2.00' }, { minCharge: '5.00' })],
    [0, 0, 2, 0],
  ],
  ['a service that is gone', [unit('AIR', '3'), unit('SEA', '1')], [unit('AIR', '3')], [0, 1, 0, 1]],
])('rows are counted: %s', (_what, old, next, [added, removed, changed, unchanged]) => {
  expect(countRowChanges(old, next)).toEqual({ added, removed, changed, unchanged })
})

test('an audit row holds the tables that differ, and no others', () => {
  const [same, old, changed, fresh] = [unit('AIR', '3'), unit('SEA', '1'), unit('SEA', '2'), unit('ICE', '9')]

  expect(changedTables([same, old], [same, changed, fresh])).toEqual({ before: { tables: [old] }, after: { tables: [changed, fresh] } })
})
