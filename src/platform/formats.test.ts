import Type from 'typebox'
import { expect, test } from 'vitest'
import { validatorOf } from './validation.ts'

const accepts = (format: string, value: string) => validatorOf(Type.String({ format }))(value)

test.each([
  ['date', '2024-02-29', true],
  ['date', '9999-12-31', true],
  ['date', '2025-02-29', false],
  ['date', '2026-13-01', false],
  ['date', '0000-01-01', false],
  ['date', '2026-3-1', false],
  ['date-time', '2026-03-29T02:30:00.123Z', true],
  ['date-time', '2026-03-29T02:30:00+05:45', true],
  ['date-time', '2016-12-31T23:59:60Z', false],
  ['date-time', '2026-02-30T00:00:00Z', false],
  ['date-time', '2026-03-29T02:30:00.1234Z', false],
  ['date-time', '2026-03-29T24:00:00Z', false],
  ['date-time', '9999-12-31T23:59:59-00:01', false],
  ['date-time', '0000-01-01T00:00:00Z', false],
  ['date-time', '2026-03-29 02:30:00Z', false],
  ['time-zone', 'Europe/Berlin', true],
  ['time-zone', 'UTC', true],
  ['time-zone', 'Europe/Atlantis', false],
  ['currency-code', 'HUF', true],
  ['currency-code', 'XQZ', false],
  ['email-address', 'Ada@Example.com', true],
  ['email-address', 'ada@example', false],
])('%s: %s is accepted: %s', (format, value, expected) => {
  expect(accepts(format, value)).toBe(expected)
})
