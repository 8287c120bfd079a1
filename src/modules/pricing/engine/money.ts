import currencyCodes from 'currency-codes'
import { type Exact, exact, isPositive, parseDecimal, placePoint, typedDigits } from './decimal.ts'
import { EngineRefusal } from './refusal.ts'
import { isRoundingMode, roundToInteger } from './rounding.ts'
import type { Money, MoneyRounding } from './types.ts'

/** Amounts inside the engine: integers of the minor unit. */
export type Minor = bigint

export interface Currency {
  code: string
  digits: number
  /** Minor units in one unit. */
  scale: bigint
}

/** ISO 4217 gives these "N.A." as minor unit; the package below turns that into 0. Nothing can be priced in them. */
const WITHOUT_MINOR_UNIT = new Set(['XAG', 'XAU', 'XBA', 'XBB', 'XBC', 'XBD', 'XDR', 'XPD', 'XPT', 'XSU', 'XTS', 'XUA', 'XXX'])
/** In the standard since the package's list was made: the Caribbean guilder, amendment 176. */
const NEWER_THAN_THE_PACKAGE: [string, number][] = [['XCG', 2]]

const CURRENCIES: ReadonlyMap<string, Currency> = new Map(
  [...currencyCodes.data.map(({ code, digits }): [string, number] => [code, digits]), ...NEWER_THAN_THE_PACKAGE]
    .filter(([code]) => !WITHOUT_MINOR_UNIT.has(code))
    .map(([code, digits]): [string, Currency] => [code, { code, digits, scale: 10n ** BigInt(digits) }]),
)

const LARGEST: Minor = 10n ** 15n

export function requireCurrency(code: string, path?: string): Currency {
  const currency = CURRENCIES.get(code)
  if (!currency) throw new EngineRefusal('UNKNOWN_CURRENCY', { ...(path && { path }), value: String(code) })
  return currency
}

export function checkedMinor(minor: Minor, currency: Currency, path?: string): Minor {
  if (minor > LARGEST || minor < -LARGEST) {
    throw new EngineRefusal('OUT_OF_RANGE', {
      ...(path && { path }),
      limit: formatMinor(LARGEST, currency),
      value: formatMinor(minor, currency),
    })
  }
  return minor
}

export interface MoneyReading {
  path?: string | undefined
  /** Most money may not be below zero. */
  sign?: 'any' | 'not_negative'
}

/** Reads an amount: at most the digits of the currency, counted as typed. */
export function parseMoney(text: unknown, currency: Currency, { path, sign = 'not_negative' }: MoneyReading = {}): Minor {
  const value = parseDecimal(text, path)
  if (typedDigits(String(text)) > currency.digits) {
    throw new EngineRefusal('TOO_MANY_DECIMALS', { ...(path && { path }), limit: String(currency.digits), value: String(text) })
  }
  const minor = value.s * value.n * (currency.scale / value.d)
  if (sign === 'not_negative' && minor < 0n)
    throw new EngineRefusal('OUT_OF_RANGE', { ...(path && { path }), limit: '0', value: String(text) })
  return checkedMinor(minor, currency, path)
}

/** Exactly the digits of the currency; zero has no sign. */
export function formatMinor(minor: Minor, currency: Currency): string {
  return minor < 0n ? `-${placePoint(-minor, currency.digits)}` : placePoint(minor, currency.digits)
}

export const money = (minor: Minor, currency: Currency): Money => ({ amount: formatMinor(minor, currency), currency: currency.code })

export const inUnits = (minor: Minor, currency: Currency): Exact => exact(minor, currency.scale)

/** Rounds an exact amount in units of the currency to a line's amount. */
export type MoneyRounder = (value: Exact) => Minor

export function moneyRounder(currency: Currency, rounding?: MoneyRounding | null, path?: string): MoneyRounder {
  const mode: unknown = rounding?.mode ?? 'half_up'
  if (!isRoundingMode(mode) || mode === 'none') {
    throw new EngineRefusal('INVALID_ROUNDING', { ...(path && { path: `${path}/mode` }), value: String(mode) })
  }
  const increment = minorIncrement(currency, rounding?.increment, path)
  const step = exact(currency.scale, increment)
  return (value) => checkedMinor(roundToInteger(value.mul(step), mode) * increment, currency)
}

function minorIncrement(currency: Currency, increment: string | null | undefined, path?: string): Minor {
  if (increment == null) return 1n
  const minor = parseDecimal(increment, path && `${path}/increment`).mul(exact(currency.scale))
  if (!isPositive(minor) || minor.d !== 1n)
    throw new EngineRefusal('INVALID_ROUNDING', { ...(path && { path: `${path}/increment` }), value: increment })
  return minor.n
}
