import { type Exact, exact, isPositive, ONE, parseDecimal } from './decimal.ts'
import { EngineRefusal } from './refusal.ts'
import type { MeasureRounding, RoundingMode } from './types.ts'

/** The integer a mode makes of a value. Modes are symmetric: the sign is put back after the magnitude is rounded. */
export function roundToInteger(value: Exact, mode: RoundingMode): bigint {
  const whole = value.n / value.d
  const rest = value.n % value.d
  return value.s < 0n ? -(whole + carry(whole, rest, value.d, mode)) : whole + carry(whole, rest, value.d, mode)
}

function carry(whole: bigint, rest: bigint, denominator: bigint, mode: RoundingMode): bigint {
  if (rest === 0n) return 0n
  switch (mode) {
    case 'up':
      return 1n
    case 'down':
      return 0n
    case 'half_up':
      return 2n * rest >= denominator ? 1n : 0n
    case 'half_even':
      return 2n * rest > denominator || (2n * rest === denominator && whole % 2n === 1n) ? 1n : 0n
  }
}

export const ceiling = (value: Exact): bigint => (value.s < 0n ? -(value.n / value.d) : (value.n + value.d - 1n) / value.d)

export type Rounder = (value: Exact) => Exact

const MODES: readonly string[] = ['half_up', 'half_even', 'up', 'down', 'none']

export function isRoundingMode(mode: unknown): mode is RoundingMode | 'none' {
  return typeof mode === 'string' && MODES.includes(mode)
}

/** Rounding of a size, a weight or an index input. `refusal` is the code for an increment that is not above zero. */
export function measureRounder(
  rounding: MeasureRounding | null | undefined,
  refusal: 'INVALID_ROUNDING' | 'INVALID_POLICY',
  path?: string,
): Rounder {
  if (!rounding) return (value) => value
  const { mode } = rounding
  if (!isRoundingMode(mode)) throw new EngineRefusal(refusal, { ...(path && { path: `${path}/mode` }), value: String(mode) })
  const increment = rounding.increment == null ? ONE : parseDecimal(rounding.increment, path && `${path}/increment`)
  if (!isPositive(increment))
    throw new EngineRefusal(refusal, { ...(path && { path: `${path}/increment` }), value: String(rounding.increment) })
  if (mode === 'none') return (value) => value
  return (value) => increment.mul(exact(roundToInteger(value.div(increment), mode)))
}
