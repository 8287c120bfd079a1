import { type Exact, exact, parseDecimal } from './decimal.ts'
import { EngineRefusal } from './refusal.ts'
import type { LengthUnit, WeightUnit } from './types.ts'

const POUND = parseDecimal('0.45359237')

const KILOGRAMS: Readonly<Record<WeightUnit, Exact>> = {
  kg: exact(1n),
  g: exact(1n, 1000n),
  t: exact(1000n),
  lb: POUND,
  oz: POUND.div(exact(16n)),
}

const CENTIMETRES: Readonly<Record<LengthUnit, Exact>> = {
  mm: exact(1n, 10n),
  cm: exact(1n),
  m: exact(100n),
  in: exact(254n, 100n),
  ft: exact(3048n, 100n),
}

const ratioOf =
  <Unit extends string>(table: Readonly<Record<Unit, Exact>>) =>
  (from: Unit, to: Unit): Exact => {
    if (!Object.hasOwn(table, from)) throw new EngineRefusal('INVALID_INPUT', { value: String(from) })
    if (!Object.hasOwn(table, to)) throw new EngineRefusal('INVALID_INPUT', { value: String(to) })
    return table[from].div(table[to])
  }

const weightRatio = ratioOf(KILOGRAMS)
const lengthRatio = ratioOf(CENTIMETRES)

/** Exact: units are changed before anything is rounded. */
export const convertWeight = (value: Exact, from: WeightUnit, to: WeightUnit): Exact =>
  from === to ? value : value.mul(weightRatio(from, to))

export const convertLength = (value: Exact, from: LengthUnit, to: LengthUnit): Exact =>
  from === to ? value : value.mul(lengthRatio(from, to))

export function convertVolume(value: Exact, from: LengthUnit, to: LengthUnit): Exact {
  const ratio = lengthRatio(from, to)
  return value.mul(ratio).mul(ratio).mul(ratio)
}
