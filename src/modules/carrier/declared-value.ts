import currencyCodes from 'currency-codes'
import { TooManyDecimals } from '#platform/http-errors.ts'
import type { Money } from '#platform/schemas.ts'

/** Money between its text and its whole number of minor units. No JavaScript number carries an amount. */

const digitsOf = (currency: string): number => currencyCodes.code(currency)?.digits ?? 2

export function toMinorUnits({ amount, currency }: Money, path: string): string {
  const digits = digitsOf(currency)
  const [whole = '0', fraction = ''] = amount.split('.')
  if (fraction.replace(/0+$/, '').length > digits) {
    const { code } = TooManyDecimals
    throw TooManyDecimals(
      { path, currency, digits },
      { faults: [{ in: 'body', path, code, message: 'has too many decimals', value: amount, limit: String(digits) }] },
    )
  }
  return BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0')).toString()
}

export function fromMinorUnits(minor: string, currency: string): Money {
  const digits = digitsOf(currency)
  if (digits === 0) return { amount: minor, currency }
  const padded = minor.padStart(digits + 1, '0')
  return { amount: `${padded.slice(0, -digits)}.${padded.slice(-digits)}`, currency }
}

/** With exactly the decimals of its currency: equal values are equal texts. */
export const canonicalMoney = (money: Money, path: string): Money => fromMinorUnits(toMinorUnits(money, path), money.currency)
