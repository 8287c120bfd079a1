import { Type } from 'typebox'
import { NOT_NEGATIVE, parseDecimal, printDecimal } from '../decimal.ts'
import { formatMinor, requireCurrency } from '../money.ts'
import { compileRate } from '../rate.ts'
import { closed, kind, Read, words } from './reading.ts'

export const MoneyRounding = closed({ mode: words('half_up', 'half_even', 'up', 'down'), increment: Type.Optional(Read) })
export const BreakMode = words('lower_inclusive', 'upper_inclusive')

const common = { minCharge: Type.Optional(Read), maxCharge: Type.Optional(Read), rounding: Type.Optional(MoneyRounding) }
const bounds = { from: Read, to: Type.Optional(Read) }
const RateBreaks = Type.Array(closed({ ...bounds, rate: Read, flat: Type.Optional(Read) }))
const per = Type.Optional(Read)
const breakMode = Type.Optional(BreakMode)

const Rate = Type.Union([
  closed({ type: Type.Literal('per_unit'), rate: Read, per, ...common }),
  closed({ type: Type.Literal('percent'), percent: Read, ...common }),
  closed({
    type: Type.Literal('step'),
    breaks: Type.Array(closed({ ...bounds, price: Read })),
    breakMode,
    overflow: Type.Optional(words('error', 'pro_rata_last', 'repeat')),
    ...common,
  }),
  closed({ type: Type.Literal('volume'), breaks: RateBreaks, per, breakMode, deficit: Type.Optional(Type.Boolean()), ...common }),
  closed({ type: Type.Literal('graduated'), breaks: RateBreaks, per, breakMode, ...common }),
  closed({ type: Type.Literal('package'), size: Read, price: Read, free: Type.Optional(Read), ...common }),
])

const Given = closed({ currency: Type.String(), units: Read, unit: Type.Optional(Type.String()), rate: Rate })

export const rateKind = kind(Given, ({ currency: code, units, rate }) => {
  const currency = requireCurrency(code, '/currency')
  const charge = compileRate(rate, currency)(parseDecimal(units, '/units', NOT_NEGATIVE))
  return {
    amount: formatMinor(charge.amount, currency),
    ...(charge.adjusted && { rawAmount: formatMinor(charge.adjusted.from, currency), adjusted: charge.adjusted.by }),
    ...(charge.appliedBreakFrom && { appliedBreakFrom: printDecimal(charge.appliedBreakFrom) }),
    ...(charge.billedUnits && { billedUnits: printDecimal(charge.billedUnits), deficitApplied: charge.deficitApplied }),
    ...(charge.tiers && { tiers: charge.tiers.map((tier) => ({ units: printDecimal(tier.units), amount: printDecimal(tier.amount) })) }),
    ...(charge.packages !== undefined && { packages: Number(charge.packages) }),
    ...(charge.overflow && { overflow: charge.overflow }),
    ...(charge.repeats !== undefined && { repeats: Number(charge.repeats) }),
  }
})
