import { compareTexts } from './conditions.ts'
import { type DecimalRange, type Exact, exact, HUNDRED, inRange, NOT_NEGATIVE, parseDecimal, ZERO } from './decimal.ts'
import { type Currency, type Minor, parseMoney } from './money.ts'
import { EngineRefusal } from './refusal.ts'
import type { SurchargeBasis } from './types.ts'

/** A discount as written, its amounts in the currency it is read with. */
export interface DiscountText {
  code: string
  percent?: string | null
  amount?: string | null
  appliesTo?: readonly string[] | null
  sequence?: number | null
}

/** A surcharge as written. Units already counted may be exact. */
export interface SurchargeText {
  code: string
  amount?: string | null
  percent?: string | null
  basis?: SurchargeBasis | null
  perUnit?: string | null
  units?: string | Exact | null
  min?: string | null
  max?: string | null
  fuelable?: boolean | null
  group?: string | null
  sequence?: number | null
}

export interface Discount {
  code: string
  worth: { percent: Exact } | { amount: Minor }
  appliesTo: readonly string[]
  sequence: number | null
}

export type Basis = 'gross' | 'net' | 'net+fuelable' | 'subtotal' | 'declaredValue' | { codes: readonly string[] }

export interface Surcharge {
  code: string
  charge: { amount: Minor } | { percent: Exact; basis: Basis } | { perUnit: Exact; units: Exact }
  min: Minor | null
  max: Minor | null
  isFuelable: boolean
  group: string | null
  sequence: number | null
}

export const BASE = 'BASE'
const NET = 'NET'
/** Names of lines and of bases: no rule may take one. */
const RESERVED: ReadonlySet<string> = new Set([BASE, NET, 'MIN_NET', 'MIN_TOTAL', 'MAX_TOTAL'])

const DISCOUNT_PERCENT: DecimalRange = { min: ZERO, max: HUNDRED }
const SURCHARGE_PERCENT: DecimalRange = { above: HUNDRED.neg(), max: exact(1000n) }

export const invalidRule = (path: string) => new EngineRefusal('INVALID_RULE', { path })

export function requireFreeCode(code: string, path: string): void {
  if (RESERVED.has(code)) throw invalidRule(path)
}

const given = (...values: unknown[]): number => values.filter((value) => value != null).length

export function readDiscount(text: DiscountText, currency: Currency, path: string): Discount {
  const { code, percent, amount, appliesTo, sequence } = text
  requireFreeCode(code, `${path}/code`)
  if (given(percent, amount) !== 1) throw invalidRule(path)
  return {
    code,
    worth:
      percent == null
        ? { amount: parseMoney(amount, currency, { path: `${path}/amount` }) }
        : { percent: parseDecimal(percent, `${path}/percent`, DISCOUNT_PERCENT) },
    appliesTo: appliesTo ?? [BASE],
    sequence: sequence ?? null,
  }
}

export function readSurcharge(text: SurchargeText, currency: Currency, path: string): Surcharge {
  const { code, min, max, fuelable, group, sequence } = text
  requireFreeCode(code, `${path}/code`)
  const surcharge: Surcharge = {
    code,
    charge: readCharge(text, currency, path),
    min: min == null ? null : parseMoney(min, currency, { path: `${path}/min`, sign: 'any' }),
    max: max == null ? null : parseMoney(max, currency, { path: `${path}/max`, sign: 'any' }),
    isFuelable: fuelable ?? false,
    group: group ?? null,
    sequence: sequence ?? null,
  }
  if (surcharge.min !== null && surcharge.max !== null && surcharge.min > surcharge.max) throw invalidRule(`${path}/min`)
  if (isDependent(surcharge) && (surcharge.isFuelable || surcharge.group !== null)) throw invalidRule(path)
  return surcharge
}

function readCharge({ amount, percent, basis, perUnit, units }: SurchargeText, currency: Currency, path: string): Surcharge['charge'] {
  if (given(amount, percent, perUnit) !== 1 || given(perUnit) !== given(units) || (basis != null && percent == null))
    throw invalidRule(path)
  if (amount != null) return { amount: parseMoney(amount, currency, { path: `${path}/amount` }) }
  if (percent != null) return { percent: parseDecimal(percent, `${path}/percent`, SURCHARGE_PERCENT), basis: basis ?? 'net' }
  return {
    perUnit: parseDecimal(perUnit, `${path}/perUnit`, NOT_NEGATIVE),
    units:
      typeof units === 'string'
        ? parseDecimal(units, `${path}/units`, NOT_NEGATIVE)
        : inRange(units ?? ZERO, NOT_NEGATIVE, `${path}/units`),
  }
}

/** Computed from other surcharges, and therefore after them. */
export function isDependent({ charge }: Surcharge): boolean {
  if (!('basis' in charge)) return false
  return charge.basis === 'net+fuelable' || charge.basis === 'subtotal' || typeof charge.basis === 'object'
}

interface Ordered {
  code: string
  sequence: number | null
}

/** By sequence, then code, when every rule of the list has one; as listed when none has. */
export function inOrder<Rule extends Ordered>(rules: readonly Rule[], path: string): Rule[] {
  const sequenced = rules.filter(({ sequence }) => sequence !== null).length
  if (sequenced === 0) return [...rules]
  if (sequenced !== rules.length) throw invalidRule(path)
  return [...rules].sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0) || compareTexts(a.code, b.code))
}

/** What only the whole list can break. Answers the surcharges in their order. */
export function orderSurcharges(surcharges: readonly Surcharge[]): Surcharge[] {
  const ordered = inOrder(surcharges, '/surcharges')
  const dependent = new Set(ordered.filter(isDependent).map(({ code }) => code))
  let hasSubtotal = false
  for (const { code, charge } of ordered) {
    if (!('basis' in charge)) continue
    if (charge.basis === 'subtotal') hasSubtotal = true
    if (typeof charge.basis === 'object' && charge.basis.codes.some((named) => dependent.has(named)))
      throw invalidRule(`/surcharges/${code}/basis`)
  }
  const sequences = ordered.flatMap(({ sequence }) => (sequence === null ? [] : [sequence]))
  if (hasSubtotal && new Set(sequences).size !== sequences.length) throw invalidRule('/surcharges')
  return ordered
}

/** One code, one line: among everything that can write one. */
export function requireDistinctCodes(rules: readonly { code: string }[]): void {
  const seen = new Set<string>()
  for (const { code } of rules) {
    if (seen.has(code)) throw invalidRule(`/${code}`)
    seen.add(code)
  }
}
