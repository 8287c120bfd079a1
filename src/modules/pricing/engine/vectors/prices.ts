import { Type } from 'typebox'
import { formatMinor, moneyRounder, parseMoney, requireCurrency } from '../money.ts'
import { priceLines } from '../price-lines.ts'
import { readDiscount, readSurcharge } from '../price-rules.ts'
import { MoneyRounding } from './rates.ts'
import { closed, kind, Read, words } from './reading.ts'

const Given = closed({
  currency: Type.String(),
  base: Read,
  rounding: Type.Optional(MoneyRounding),
  override: Type.Optional(closed({ code: Type.String(), amount: Read })),
  discountStacking: Type.Optional(words('best_of', 'additive', 'compound')),
  discounts: Type.Optional(
    Type.Array(
      closed({
        code: Type.String(),
        percent: Type.Optional(Read),
        amount: Type.Optional(Read),
        appliesTo: Type.Optional(Type.Array(Type.String())),
        sequence: Type.Optional(Type.Integer()),
      }),
    ),
  ),
  minNet: Type.Optional(Read),
  minTotal: Type.Optional(Read),
  maxTotal: Type.Optional(Read),
  declaredValue: Type.Optional(Read),
  surcharges: Type.Optional(
    Type.Array(
      closed({
        code: Type.String(),
        amount: Type.Optional(Read),
        percent: Type.Optional(Read),
        perUnit: Type.Optional(Read),
        units: Type.Optional(Read),
        basis: Type.Optional(
          Type.Union([words('gross', 'net', 'net+fuelable', 'subtotal', 'declaredValue'), closed({ codes: Type.Array(Type.String()) })]),
        ),
        min: Type.Optional(Read),
        max: Type.Optional(Read),
        fuelable: Type.Optional(Type.Boolean()),
        group: Type.Optional(Type.String()),
        sequence: Type.Optional(Type.Integer()),
      }),
    ),
  ),
})

export const priceKind = kind(Given, (given) => {
  const currency = requireCurrency(given.currency, '/currency')
  const money = (text: string, path: string) => parseMoney(text, currency, { path })
  const optional = (text: string | undefined, path: string) => (text === undefined ? null : money(text, path))
  const { lines, total, skipped } = priceLines({
    currency,
    round: moneyRounder(currency, given.rounding, '/rounding'),
    base: money(given.base, '/base'),
    override: given.override ? { code: given.override.code, amount: money(given.override.amount, '/override/amount') } : null,
    stacking: given.discountStacking ?? 'best_of',
    discounts: (given.discounts ?? []).map((discount, index) => readDiscount(discount, currency, `/discounts/${index}`)),
    surcharges: (given.surcharges ?? []).map((surcharge, index) => readSurcharge(surcharge, currency, `/surcharges/${index}`)),
    minNet: optional(given.minNet, '/minNet'),
    minTotal: optional(given.minTotal, '/minTotal'),
    maxTotal: optional(given.maxTotal, '/maxTotal'),
    declaredValue: optional(given.declaredValue, '/declaredValue'),
  })
  return {
    lines: lines.map(({ type, code, amount, of }) => ({
      type,
      code,
      amount: formatMinor(amount, currency),
      ...(of !== undefined && { of }),
    })),
    total: formatMinor(total, currency),
    ...(skipped.length > 0 && { skipped }),
  }
})
