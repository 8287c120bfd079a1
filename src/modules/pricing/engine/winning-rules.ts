import type { BaseCharge } from './base-charge.ts'
import { compiledOnce } from './compiled.ts'
import { type Exact, exact, NOT_NEGATIVE, parseDecimal, sum } from './decimal.ts'
import type { Currency } from './money.ts'
import type { DiscountText, SurchargeText } from './price-rules.ts'
import { EngineRefusal } from './refusal.ts'
import { isOfKind, type RuleOf } from './rule-slots.ts'
import type { Shipment } from './shipment.ts'
import type { Money, PieceLimits, Rule, TariffVersion } from './types.ts'
import type { WeighedPiece } from './weight.ts'

/** The rules that apply, as the texts the price is computed from: amounts in the currency of the tariff, units counted. */
export interface PriceTexts {
  override: { code: string; amount: string } | null
  discounts: DiscountText[]
  surcharges: SurchargeText[]
  minNet: string | null
  minTotal: string | null
  maxTotal: string | null
  /** The rule behind a line, by `type:code`. */
  rules: ReadonlyMap<string, Rule>
  warnings: { code: string; path: string }[]
}

export function priceTexts(winners: readonly Rule[], version: TariffVersion, base: BaseCharge, shipment: Shipment): PriceTexts {
  const { currency } = base
  const rules = new Map<string, Rule>()
  const warnings: PriceTexts['warnings'] = []
  const override = winners.find(isOfKind('override'))
  if (override) rules.set(`base:${override.code}`, override)

  const discounts = winners.filter(isOfKind('discount')).map((rule) => {
    rules.set(`discount:${rule.code}`, rule)
    return discountText(rule, currency)
  })
  const surcharges = winners.filter(isOfKind('surcharge')).flatMap((rule) => {
    rules.set(`surcharge:${rule.code}`, rule)
    const text = surchargeText(rule, currency, base, shipment)
    if (text === 'DISTANCE_MISSING') warnings.push({ code: text, path: '/distanceKm' })
    return typeof text === 'string' ? [] : [text]
  })
  const bound = (kind: 'minimum' | 'maximum', of: 'net' | 'total', line: string, own: string | null | undefined) => {
    const rule = winners.find(
      (winner): winner is RuleOf<'minimum'> | RuleOf<'maximum'> => winner.kind === kind && 'of' in winner.action && winner.action.of === of,
    )
    if (!rule) return own ?? null
    rules.set(`adjustment:${line}`, rule)
    return amountIn(currency, rule.action.amount, rule)
  }
  return {
    override: override ? { code: override.code, amount: amountIn(currency, override.action.amount, override) } : null,
    discounts,
    surcharges,
    minNet: bound('minimum', 'net', 'MIN_NET', version.minNet),
    minTotal: bound('minimum', 'total', 'MIN_TOTAL', version.minTotal),
    maxTotal: bound('maximum', 'total', 'MAX_TOTAL', version.maxTotal),
    rules,
    warnings,
  }
}

/** A rule that would apply but speaks of another currency is never left out in silence: the service has no price. */
export function amountIn(currency: Currency, money: Money, rule: Rule): string {
  if (money.currency === currency.code) return money.amount
  throw new EngineRefusal('CURRENCY_MISMATCH', { limit: currency.code, value: money.currency, rule: { id: rule.id, number: rule.number } })
}

const optionalIn = (currency: Currency, money: Money | null | undefined, rule: Rule): string | null =>
  money == null ? null : amountIn(currency, money, rule)

export function discountText(rule: RuleOf<'discount'>, currency: Currency): DiscountText {
  const { percent, amount, appliesTo } = rule.action
  return {
    code: rule.code,
    percent: percent ?? null,
    amount: optionalIn(currency, amount, rule),
    appliesTo: appliesTo ?? null,
    sequence: rule.sequence,
  }
}

/** A surcharge without its units: what can be said of the rule alone. */
export function uncountedSurcharge(rule: RuleOf<'surcharge'>, currency: Currency): SurchargeText {
  const { amount, percent, basis, perUnit, min, max, fuelable, group } = rule.action
  return {
    code: rule.code,
    amount: optionalIn(currency, amount, rule),
    percent: percent ?? null,
    basis: basis ?? null,
    perUnit: optionalIn(currency, perUnit, rule),
    min: optionalIn(currency, min, rule),
    max: optionalIn(currency, max, rule),
    fuelable: fuelable ?? null,
    group: group ?? null,
    sequence: rule.sequence,
  }
}

type Counted = SurchargeText | 'NO_PIECES' | 'DISTANCE_MISSING'

function surchargeText(rule: RuleOf<'surcharge'>, currency: Currency, base: BaseCharge, { distanceKm }: Shipment): Counted {
  const text = uncountedSurcharge(rule, currency)
  const { perUnit } = rule.action
  if (!perUnit) return text
  switch (perUnit.unit) {
    case 'chargeable_unit':
      return { ...text, units: base.weight.value }
    case 'km':
      return distanceKm ? { ...text, units: distanceKm } : 'DISTANCE_MISSING'
    case 'piece': {
      const units = countPieces(base.weight.pieces, perUnit.pieceWhen ?? {})
      return units.n === 0n ? 'NO_PIECES' : { ...text, units }
    }
  }
}

/** Pieces that exceed every limit named, strictly; a piece without dimensions exceeds no size. */
function countPieces(pieces: readonly WeighedPiece[], limits: PieceLimits): Exact {
  const exceeds = pieceTest(limits)
  return sum(pieces.filter(exceeds).map(({ count }) => exact(BigInt(count))))
}

export const pieceTest = compiledOnce((limits: PieceLimits): ((piece: WeighedPiece) => boolean) => {
  const read = (key: keyof PieceLimits) => {
    const text = limits[key]
    return text == null ? null : parseDecimal(text, `/pieceWhen/${key}`, NOT_NEGATIVE)
  }
  const tests: [Exact | null, (piece: WeighedPiece) => Exact | undefined][] = [
    [read('lengthPlusGirthGt'), ({ size }) => size?.lengthPlusGirth],
    [read('longestSideGt'), ({ size }) => size?.longestSide],
    [read('volumeGt'), ({ size }) => size?.volume],
    [read('weightGt'), ({ weight }) => weight],
  ]
  return (piece) =>
    tests.every(([limit, measured]) => {
      if (!limit) return true
      const value = measured(piece)
      return value !== undefined && value.compare(limit) > 0
    })
})
