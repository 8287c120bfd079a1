import { expect, test } from 'vitest'
import { accountNumberOf, idOfAccountNumber, isReservedForm } from './account-numbers.ts'

test.each([
  [42, 'C-000042'],
  [1_234_567, 'C-1234567'],
])('customer %i is known as %s', (id, number) => {
  expect(accountNumberOf(id)).toBe(number)
  expect(idOfAccountNumber(number)).toBe(id)
  expect(isReservedForm(number)).toBe(true)
})

test.each(['C-', 'C-0', 'C-9999999999', 'D-000042', 'C-42x'])('%s leads to no customer', (text) => {
  expect(idOfAccountNumber(text)).toBeUndefined()
})
