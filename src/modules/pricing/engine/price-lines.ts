import { type Exact, exactText, HUNDRED, printDecimal } from './decimal.ts'
import { type Currency, checkedMinor, formatMinor, inUnits, type Minor, type MoneyRounder } from './money.ts'
import {
  BASE,
  type Basis,
  type Discount,
  inOrder,
  invalidRule,
  isDependent,
  orderSurcharges,
  requireDistinctCodes,
  requireFreeCode,
  type Surcharge,
} from './price-rules.ts'
import type { DiscountStacking, LineType } from './types.ts'

export interface PriceInput {
  currency: Currency
  round: MoneyRounder
  /** The base charge after its own minimum and maximum. */
  base: Minor
  override: { code: string; amount: Minor } | null
  stacking: DiscountStacking
  discounts: readonly Discount[]
  minNet: Minor | null
  surcharges: readonly Surcharge[]
  minTotal: Minor | null
  maxTotal: Minor | null
  declaredValue: Minor | null
}

export interface PriceLine {
  type: LineType
  code: string
  amount: Minor
  of?: string
  /** What the amount was computed from. */
  calc: Record<string, string>
  /** Before rounding, bounds and the limit of a discount. */
  raw: Exact
}

export interface Price {
  lines: PriceLine[]
  total: Minor
  gross: Minor
  net: Minor
  /** Codes that lost inside their group, in the order of the surcharges. */
  skipped: string[]
}

/** Steps 7 to 11 of the order of evaluation, over rules that are already known to apply. */
export function priceLines(input: PriceInput): Price {
  const { currency, override, base, minNet, minTotal, maxTotal } = input
  if (override) requireFreeCode(override.code, '/override/code')
  if (maxTotal !== null && (minTotal ?? 0n) > maxTotal) throw invalidRule('/minTotal')
  requireDistinctCodes([...(override ? [override] : []), ...input.discounts, ...input.surcharges])
  const discounts = inOrder(input.discounts, '/discounts')
  const surcharges = orderSurcharges(input.surcharges)

  const lines: PriceLine[] = []
  const line = (type: LineType, code: string, amount: Minor, calc: Record<string, string>, raw = inUnits(amount, currency)) =>
    lines.push({ type, code, amount: checkedMinor(amount, currency), calc, raw })

  const gross = override ? override.amount : base
  line('base', override ? override.code : BASE, gross, override ? { replaces: formatMinor(base, currency) } : {})

  const baseDiscounts = discountLines(gross, BASE, discounts, input)
  lines.push(...baseDiscounts)
  const discounted = gross + totalOf(baseDiscounts)
  const net = minNet !== null && discounted < minNet ? minNet : discounted
  if (net !== discounted)
    line('adjustment', 'MIN_NET', net - discounted, { minimum: formatMinor(net, currency), of: formatMinor(discounted, currency) })

  const { lines: surchargeLines, skipped } = priceSurcharges(surcharges, discounts, { gross, net }, input)
  lines.push(...surchargeLines)

  const before = checkedMinor(totalOf(lines), currency)
  const floor = minTotal ?? 0n
  if (before < floor)
    line('adjustment', 'MIN_TOTAL', floor - before, { minimum: formatMinor(floor, currency), of: formatMinor(before, currency) })
  if (maxTotal !== null && before > maxTotal) {
    line('adjustment', 'MAX_TOTAL', maxTotal - before, { maximum: formatMinor(maxTotal, currency), of: formatMinor(before, currency) })
  }
  return { lines, total: checkedMinor(totalOf(lines), currency), gross, net, skipped }
}

const totalOf = (lines: readonly PriceLine[]): Minor => lines.reduce((total, { amount }) => total + amount, 0n)

type Money = Pick<PriceInput, 'currency' | 'round'>

interface Worth {
  amount: Minor
  raw: Exact
  calc: Record<string, string>
}

/** What a discount would take of an amount if nothing limited it. */
function worthOf({ worth }: Discount, of: Minor, { currency, round }: Money): Worth {
  if ('amount' in worth) return { amount: worth.amount, raw: inUnits(worth.amount, currency), calc: {} }
  const raw = inUnits(of, currency).mul(worth.percent).div(HUNDRED)
  return { amount: round(raw), raw, calc: { percent: exactText(worth.percent), of: formatMinor(of, currency) } }
}

/** The discounts on one target. Together they take no more than there is. */
function discountLines(target: Minor, of: string, all: readonly Discount[], input: PriceInput): PriceLine[] {
  const discounts = all.filter(({ appliesTo }) => appliesTo.includes(of))
  if (target <= 0n || discounts.length === 0) return []
  const applied = input.stacking === 'best_of' ? [mostWorth(discounts, target, input)] : discounts
  let left = target
  return applied.map((discount) => {
    const { amount, raw, calc } = worthOf(discount, input.stacking === 'compound' ? left : target, input)
    const isLimited = amount > left
    const taken = isLimited ? left : amount
    const limit: Record<string, string> = isLimited ? { left: formatMinor(left, input.currency) } : {}
    left -= taken
    return {
      type: 'discount',
      code: discount.code,
      amount: -taken,
      ...(of !== BASE && { of }),
      calc: { ...calc, ...limit },
      raw: raw.neg(),
    }
  })
}

function mostWorth(discounts: readonly Discount[], target: Minor, input: PriceInput): Discount {
  return discounts.reduce((best, discount) =>
    worthOf(discount, target, input).amount > worthOf(best, target, input).amount ? discount : best,
  )
}

/** What is left of an applied surcharge after the discounts on it. */
interface Applied {
  surcharge: Surcharge
  line: PriceLine
  discounts: PriceLine[]
  left: Minor
}

function priceSurcharges(
  ordered: readonly Surcharge[],
  discounts: readonly Discount[],
  { gross, net }: Pick<Price, 'gross' | 'net'>,
  input: PriceInput,
) {
  const { currency, declaredValue } = input
  const applied = new Map<string, Applied>()
  const apply = (surcharge: Surcharge, line: PriceLine) => {
    const own = discountLines(line.amount, surcharge.code, discounts, input)
    applied.set(surcharge.code, { surcharge, line, discounts: own, left: line.amount + totalOf(own) })
  }

  // Independent ones first, wherever they stand: others may be computed from them.
  const independent = ordered.filter((surcharge) => !isDependent(surcharge))
  const priced = independent.flatMap((surcharge) => {
    if ('basis' in surcharge.charge && surcharge.charge.basis === 'declaredValue' && declaredValue === null) return []
    return [{ surcharge, line: surchargeLine(surcharge, independentBasis(surcharge, { gross, net, declaredValue }), input) }]
  })
  const losers = new Set(groupLosers(priced))
  for (const { surcharge, line } of priced) if (!losers.has(surcharge.code)) apply(surcharge, line)

  const lines: PriceLine[] = []
  for (const surcharge of ordered) {
    if (isDependent(surcharge) && 'basis' in surcharge.charge) {
      const basis = dependentBasis(surcharge.charge.basis, { gross, net, applied, subtotal: net + totalOf(lines) })
      apply(surcharge, surchargeLine(surcharge, checkedMinor(basis, currency), input))
    }
    const result = applied.get(surcharge.code)
    if (result) lines.push(result.line, ...result.discounts)
  }
  return { lines, skipped: ordered.filter(({ code }) => losers.has(code)).map(({ code }) => code) }
}

function independentBasis({ charge }: Surcharge, known: { gross: Minor; net: Minor; declaredValue: Minor | null }): Minor {
  if (!('basis' in charge)) return 0n
  if (charge.basis === 'gross') return known.gross
  return charge.basis === 'declaredValue' ? (known.declaredValue ?? 0n) : known.net
}

function dependentBasis(
  basis: Basis,
  { gross, net, applied, subtotal }: { gross: Minor; net: Minor; applied: Map<string, Applied>; subtotal: Minor },
): Minor {
  if (basis === 'subtotal') return subtotal
  if (typeof basis === 'object') {
    const named: Record<string, Minor> = { BASE: gross, NET: net }
    return [...new Set(basis.codes)].reduce(
      (total, code) => total + (Object.hasOwn(named, code) ? (named[code] ?? 0n) : (applied.get(code)?.left ?? 0n)),
      0n,
    )
  }
  return [...applied.values()].filter(({ surcharge }) => surcharge.isFuelable).reduce((total, { left }) => total + left, net)
}

/** The line of a surcharge: computed, rounded, then held between its own minimum and maximum. */
function surchargeLine({ code, charge, min, max }: Surcharge, basis: Minor, { currency, round }: Money): PriceLine {
  let raw: Exact
  let calc: Record<string, string>
  let amount: Minor
  if ('amount' in charge) {
    raw = inUnits(charge.amount, currency)
    calc = {}
    amount = charge.amount
  } else if ('percent' in charge) {
    raw = inUnits(basis, currency).mul(charge.percent).div(HUNDRED)
    calc = { percent: exactText(charge.percent), basis: basisName(charge.basis), of: formatMinor(basis, currency) }
    amount = round(raw)
  } else {
    raw = charge.perUnit.mul(charge.units)
    calc = { perUnit: exactText(charge.perUnit), units: printDecimal(charge.units) }
    amount = round(raw)
  }
  if (min !== null && amount < min)
    return { type: 'surcharge', code, amount: min, calc: { ...calc, minimum: formatMinor(min, currency) }, raw }
  if (max !== null && amount > max)
    return { type: 'surcharge', code, amount: max, calc: { ...calc, maximum: formatMinor(max, currency) }, raw }
  return { type: 'surcharge', code, amount, calc, raw }
}

const basisName = (basis: Basis): string => (typeof basis === 'object' ? [...new Set(basis.codes)].join('+') : basis)

/** Of each group only the highest applied amount stays, ties to the lower code. */
function groupLosers(priced: readonly { surcharge: Surcharge; line: PriceLine }[]): string[] {
  const best = new Map<string, PriceLine>()
  for (const { surcharge, line } of priced) {
    if (surcharge.group === null) continue
    const standing = best.get(surcharge.group)
    if (!standing || line.amount > standing.amount || (line.amount === standing.amount && line.code < standing.code))
      best.set(surcharge.group, line)
  }
  return priced.filter(({ surcharge, line }) => surcharge.group !== null && best.get(surcharge.group) !== line).map(({ line }) => line.code)
}
