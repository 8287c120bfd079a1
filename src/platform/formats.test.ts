import Type from 'typebox'
import { expect, test } from 'vitest'
import { validatorOf } from './validation.ts'

const accepts = (format: string, value: string) => validatorOf(Type.String({ format }))(value)

test.each([
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
