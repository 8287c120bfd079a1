import { expect, test } from 'vitest'
import { canonicalMoney, fromMinorUnits, toMinorUnits } from './declared-value.ts'

test.each([
  ['1000', 'USD', '100000', '1000.00'],
  ['0.5', 'EUR', '50', '0.50'],
  ['1000', 'JPY', '1000', '1000'],
  ['1.2345', 'CLF', '12345', '1.2345'],
  ['7.5', 'KWD', '7500', '7.500'],
  ['12.30', 'HUF', '1230', '12.30'],
  ['90071992547409.93', 'USD', '9007199254740993', '90071992547409.93'],
])('%s %s is stored as %s and shown as %s', (amount, currency, minor, shown) => {
  expect(toMinorUnits({ amount, currency }, '/x')).toBe(minor)
  expect(fromMinorUnits(minor, currency)).toEqual({ amount: shown, currency })
})

test('decimals a currency does not have are refused, unless they are zeros', () => {
  expect(() => toMinorUnits({ amount: '1.5', currency: 'JPY' }, '/x')).toThrow(expect.objectContaining({ code: 'TOO_MANY_DECIMALS' }))
  expect(canonicalMoney({ amount: '1.0', currency: 'JPY' }, '/x')).toEqual({ amount: '1', currency: 'JPY' })
})
