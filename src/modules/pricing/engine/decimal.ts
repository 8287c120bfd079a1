import Fraction from 'fraction.js'
import { EngineRefusal } from './refusal.ts'

/** An exact number. All arithmetic between two rounding points is done on these. */
export type Exact = Fraction

const DECIMAL = /^(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,10}))?$/
const PRINTED_DIGITS = 6
const PRINTED_SCALE = 10n ** BigInt(PRINTED_DIGITS)

export const ZERO = new Fraction(0n, 1n)
export const ONE = new Fraction(1n, 1n)
export const HUNDRED = new Fraction(100n, 1n)

export interface DecimalRange {
  /** Inclusive lower bound. */
  min?: Exact
  /** Exclusive lower bound. */
  above?: Exact
  /** Inclusive upper bound. */
  max?: Exact
}

export const NOT_NEGATIVE: DecimalRange = { min: ZERO }
export const POSITIVE: DecimalRange = { above: ZERO }

export const exact = (numerator: bigint, denominator = 1n): Exact => new Fraction(numerator, denominator)

/** The digits after the point as typed: trailing zeros count. */
export function typedDigits(text: string): number {
  const point = text.indexOf('.')
  return point < 0 ? 0 : text.length - point - 1
}

/** Reads a decimal as it enters the engine. Anything but the one written form is refused, a JSON number included. */
export function parseDecimal(text: unknown, path?: string, range?: DecimalRange): Exact {
  const parts = typeof text === 'string' ? DECIMAL.exec(text) : null
  if (!parts) throw new EngineRefusal('INVALID_DECIMAL', { ...(path && { path }), value: String(text) })
  const [, sign, whole = '0', fraction = ''] = parts
  const magnitude = BigInt(whole + fraction)
  const value = new Fraction(sign === '-' ? -magnitude : magnitude, 10n ** BigInt(fraction.length))
  return range ? inRange(value, range, path) : value
}

export function inRange(value: Exact, { min, above, max }: DecimalRange, path?: string): Exact {
  const refuse = (limit: Exact) =>
    new EngineRefusal('OUT_OF_RANGE', { ...(path && { path }), limit: printDecimal(limit), value: printDecimal(value) })
  if (min && value.compare(min) < 0) throw refuse(min)
  if (above && value.compare(above) <= 0) throw refuse(above)
  if (max && value.compare(max) > 0) throw refuse(max)
  return value
}

/** The nearest integer to |n/d| with ties away from zero, signed. */
function nearest(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator)
}

/** Digits of an integer with the point put `digits` from the right. */
export function placePoint(magnitude: bigint, digits: number): string {
  if (digits === 0) return magnitude.toString()
  const padded = magnitude.toString().padStart(digits + 1, '0')
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}

const withoutTrailingZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** A decimal that is not money, for people and for answers: at most six fraction digits. Never feed the result back into a calculation. */
export function printDecimal(value: Exact): string {
  const scaled = nearest(value.n * PRINTED_SCALE, value.d)
  const text = withoutTrailingZeros(placePoint(scaled, PRINTED_DIGITS))
  return value.s < 0n && scaled !== 0n ? `-${text}` : text
}

/** Every digit of the value, as a decimal where it ends and as `n/d` where it does not, so that a reader can compute on. */
export function exactText(value: Exact): string {
  const sign = value.s < 0n ? '-' : ''
  let rest = value.d
  let twos = 0
  let fives = 0
  for (; rest % 2n === 0n; rest /= 2n) twos += 1
  for (; rest % 5n === 0n; rest /= 5n) fives += 1
  if (rest !== 1n) return `${sign}${value.n}/${value.d}`
  const digits = Math.max(twos, fives)
  return `${sign}${placePoint((value.n * 10n ** BigInt(digits)) / value.d, digits)}`
}

// fraction.js gives zero the sign of a positive number.
export const isZero = (value: Exact): boolean => value.n === 0n
export const isPositive = (value: Exact): boolean => value.s > 0n && value.n !== 0n

export const larger = (a: Exact, b: Exact): Exact => (a.compare(b) >= 0 ? a : b)

export const sum = (values: Iterable<Exact>): Exact => {
  let total = ZERO
  for (const value of values) total = total.add(value)
  return total
}
