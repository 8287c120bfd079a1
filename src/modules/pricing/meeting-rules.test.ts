import { expect, test } from 'vitest'
import { thatCouldMeet } from './meeting-rules.ts'
import type { RuleRow } from './rule-repository.ts'

const at = '2026-01-01T00:00:00.000Z'
const rule = (over: Partial<RuleRow>): RuleRow => ({
  id: 1,
  code: 'FUEL',
  kind: 'surcharge',
  name: null,
  tariffVersionId: null,
  customerId: null,
  conditions: null,
  action: { percent: '1' },
  sequence: null,
  priority: 0,
  effectiveFrom: '2026-01-01',
  effectiveTo: null,
  enabled: true,
  number: 1,
  version: 1,
  createdAt: at,
  updatedAt: at,
  ...over,
})
const leaf = (attribute: string, op: string, value: unknown) => ({ attribute, op, value })
const market = { carrierCode: 'fast', serviceCodes: ['GND', 'AIR'] }
const forAll = { scope: 'public' as const, customerId: null, serviceCodes: [] }
const forSeven = { scope: 'customer' as const, customerId: 7, serviceCodes: ['AIR'] }

test.each<[string, Partial<RuleRow>, typeof forAll | typeof forSeven, boolean]>([
  ['a rule for everything', {}, forAll, true],
  ['a rule of the carrier', { conditions: [leaf('carrier.code', 'eq', 'fast')] }, forAll, true],
  ['a rule of another carrier', { conditions: [leaf('carrier.code', 'eq', 'slow')] }, forAll, false],
  ['a rule of some carriers', { conditions: { all: [leaf('carrier.code', 'in', ['slow', 'fast'])] } }, forAll, true],
  ['a rule that names another carrier among alternatives', { conditions: { any: [leaf('carrier.code', 'eq', 'slow')] } }, forAll, true],
  ['a rule of a service of the carrier', { conditions: [leaf('service.code', 'eq', 'GND')] }, forAll, true],
  ['a rule of a service that the tariff leaves out', { conditions: [leaf('service.code', 'eq', 'GND')] }, forSeven, false],
  ['a contract meets the public tariff', { customerId: 8 }, forAll, true],
  ['a contract meets no other contract', { customerId: 8 }, forSeven, false],
  ['a contract meets the tariff of its customer', { customerId: 7 }, forSeven, true],
])('%s', (_what, over, tariff, meets) => {
  expect(thatCouldMeet([rule(over)], tariff, market)).toHaveLength(meets ? 1 : 0)
})
