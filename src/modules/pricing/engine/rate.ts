import { type BreakTable, breakTable } from './break-table.ts'
import {
  type Exact,
  exact,
  HUNDRED,
  isPositive,
  isZero,
  NOT_NEGATIVE,
  ONE,
  POSITIVE,
  parseDecimal,
  printDecimal,
  sum,
  ZERO,
} from './decimal.ts'
import { type Currency, inUnits, type Minor, moneyRounder, parseMoney } from './money.ts'
import { EngineRefusal } from './refusal.ts'
import { ceiling } from './rounding.ts'
import type { BreakMode, MoneyRounding, Rate, RateBreak, StepBreak } from './types.ts'

/** The base charge of one rate, and how it came about. Optional keys are there for the types that have them. */
export interface Charge {
  /** Rounded and bounded. */
  amount: Minor
  /** Before rounding and bounds, in units of the currency. */
  raw: Exact
  /** The rounded amount before a bound changed it. */
  adjusted?: { by: 'minimum' | 'maximum'; from: Minor }
  appliedBreakFrom?: Exact
  billedUnits?: Exact
  deficitApplied?: boolean
  tiers?: { units: Exact; amount: Exact }[]
  packages?: bigint
  overflow?: 'pro_rata_last' | 'repeat'
  repeats?: bigint
}

export type CompiledRate = (units: Exact) => Charge

/** What a type computes before rounding; `given` is an amount that stands in the table as money and is not rounded. */
type Computed = Omit<Charge, 'amount' | 'adjusted'> & { given?: Minor }

/** Checks a rate and makes the function that charges by it. `fallbackRounding` is that of the version. */
export function compileRate(rate: Rate, currency: Currency, fallbackRounding?: MoneyRounding | null): CompiledRate {
  const round = moneyRounder(currency, rate.rounding ?? fallbackRounding, '/rounding')
  const bound = chargeBounds(rate, currency)
  const compute = computation(rate, currency)
  return (units) => {
    const { given, ...charge } = compute(units)
    return { ...charge, ...bound(given ?? round(charge.raw)) }
  }
}

function computation(rate: Rate, currency: Currency): (units: Exact) => Computed {
  switch (rate.type) {
    case 'per_unit': {
      const price = parseDecimal(rate.rate, '/rate', NOT_NEGATIVE).div(readPer(rate.per))
      return (units) => ({ raw: units.mul(price) })
    }
    case 'percent': {
      const share = parseDecimal(rate.percent, '/percent', NOT_NEGATIVE).div(HUNDRED)
      return (units) => ({ raw: units.mul(share) })
    }
    case 'package': {
      const size = parseDecimal(rate.size, '/size', POSITIVE)
      const price = inUnits(parseMoney(rate.price, currency, { path: '/price' }), currency)
      const free = rate.free == null ? ZERO : parseDecimal(rate.free, '/free', NOT_NEGATIVE)
      return (units) => {
        const billed = units.sub(free)
        const packages = isPositive(billed) ? ceiling(billed.div(size)) : 0n
        return { raw: price.mul(exact(packages)), packages }
      }
    }
    case 'step':
      return steps(rate, currency)
    case 'volume':
      return volume(rate, currency)
    case 'graduated':
      return graduated(rate, currency)
  }
}

const readPer = (per: string | null | undefined): Exact => (per == null ? ONE : parseDecimal(per, '/per', POSITIVE))
const readMode = (mode: BreakMode | null | undefined): BreakMode => mode ?? 'lower_inclusive'

function chargeBounds({ minCharge, maxCharge }: Rate, currency: Currency): (amount: Minor) => Pick<Charge, 'amount' | 'adjusted'> {
  const min = minCharge == null ? null : parseMoney(minCharge, currency, { path: '/minCharge' })
  const max = maxCharge == null ? null : parseMoney(maxCharge, currency, { path: '/maxCharge' })
  if (min !== null && max !== null && min > max) throw new EngineRefusal('INVALID_TABLE', { path: '/minCharge' })
  return (amount) => {
    if (min !== null && amount < min) return { amount: min, adjusted: { by: 'minimum', from: amount } }
    if (max !== null && amount > max) return { amount: max, adjusted: { by: 'maximum', from: amount } }
    return { amount }
  }
}

function readBounds({ from, to }: StepBreak | RateBreak, index: number) {
  return {
    from: parseDecimal(from, `/breaks/${index}/from`, NOT_NEGATIVE),
    to: to == null ? null : parseDecimal(to, `/breaks/${index}/to`, NOT_NEGATIVE),
  }
}

const overTable = (end: Exact | null, units: Exact) =>
  new EngineRefusal('OVER_TABLE', { ...(end && { limit: printDecimal(end) }), value: printDecimal(units) })

/** The row for the units, or the refusal of a table that has none. */
function requireRow<Row extends { from: Exact; to: Exact | null }>(table: BreakTable<Row>, units: Exact): Row {
  const row = table.find(units)
  if (row === 'below') throw new EngineRefusal('NO_RATE', { limit: printDecimal(table.first.from), value: printDecimal(units) })
  if (row === 'above') throw overTable(table.last.to, units)
  return row
}

function steps(rate: Rate & { type: 'step' }, currency: Currency): (units: Exact) => Computed {
  const rows = rate.breaks.map((row, index) => ({
    ...readBounds(row, index),
    price: parseMoney(row.price, currency, { path: `/breaks/${index}/price` }),
  }))
  const table = breakTable(rows, readMode(rate.breakMode))
  const { to: end, price: lastPrice } = table.last
  const lastAmount = inUnits(lastPrice, currency)
  const overflow = rate.overflow ?? 'error'

  return (units) => {
    if (end && overflow !== 'error' && table.find(units) === 'above') {
      if (overflow === 'pro_rata_last') return { raw: units.div(end).mul(lastAmount), overflow }
      const repeats = units.div(end).floor().n
      const rest = units.sub(end.mul(exact(repeats)))
      const restPrice = isPositive(rest) ? requireRow(table, rest).price : 0n
      return { raw: inUnits(repeats * lastPrice + restPrice, currency), overflow, repeats }
    }
    const row = requireRow(table, units)
    return { raw: inUnits(row.price, currency), given: row.price, appliedBreakFrom: row.from }
  }
}

function readRateRows(breaks: readonly RateBreak[], per: Exact, currency: Currency) {
  return breaks.map((row, index) => ({
    ...readBounds(row, index),
    price: parseDecimal(row.rate, `/breaks/${index}/rate`, NOT_NEGATIVE).div(per),
    flat: row.flat == null ? ZERO : inUnits(parseMoney(row.flat, currency, { path: `/breaks/${index}/flat` }), currency),
  }))
}

function volume(rate: Rate & { type: 'volume' }, currency: Currency): (units: Exact) => Computed {
  const mode = readMode(rate.breakMode)
  const table = breakTable(readRateRows(rate.breaks, readPer(rate.per), currency), mode)
  if (!rate.deficit) {
    return (units) => {
      const row = requireRow(table, units)
      return { raw: units.mul(row.price).add(row.flat), appliedBreakFrom: row.from, billedUnits: units, deficitApplied: false }
    }
  }
  if (mode !== 'lower_inclusive') throw new EngineRefusal('INVALID_TABLE', { path: '/deficit' })

  // The start of a later row may cost less than the units themselves: the shipment is then rated as that much.
  const starts = table.rows.map((row) => ({ row, cost: row.from.mul(row.price).add(row.flat) }))
  return (units) => {
    const reached = requireRow(table, units)
    let best = { row: reached, cost: units.mul(reached.price).add(reached.flat), billedUnits: units, deficitApplied: false }
    for (const { row, cost } of starts) {
      if (row.from.compare(reached.from) > 0 && cost.compare(best.cost) < 0)
        best = { row, cost, billedUnits: row.from, deficitApplied: true }
    }
    return { raw: best.cost, appliedBreakFrom: best.row.from, billedUnits: best.billedUnits, deficitApplied: best.deficitApplied }
  }
}

function graduated(rate: Rate & { type: 'graduated' }, currency: Currency): (units: Exact) => Computed {
  const { rows, first, last } = breakTable(readRateRows(rate.breaks, readPer(rate.per), currency), readMode(rate.breakMode))
  if (!isZero(first.from)) throw new EngineRefusal('INVALID_TABLE', { path: '/breaks' })
  return (units) => {
    if (last.to && units.compare(last.to) > 0) throw overTable(last.to, units)
    const tiers = rows
      .filter((row) => row === first || units.compare(row.from) > 0)
      .map((row) => {
        const inTier = (row.to && units.compare(row.to) > 0 ? row.to : units).sub(row.from)
        return { units: inTier, amount: inTier.mul(row.price).add(row.flat) }
      })
    return { raw: sum(tiers.map(({ amount }) => amount)), tiers }
  }
}

/** The cost of the start of each row, in order: what a reader of the table would compare. */
export function costsOfRows(rate: Rate, currency: Currency): { path: string; cost: Exact }[] {
  if (rate.type === 'step') {
    const rows = rate.breaks.map((row, index) => ({
      path: `/breaks/${index}`,
      from: parseDecimal(row.from),
      cost: inUnits(parseMoney(row.price, currency), currency),
    }))
    return rows.sort((a, b) => a.from.compare(b.from))
  }
  if (rate.type !== 'volume') return []
  const rows = readRateRows(rate.breaks, readPer(rate.per), currency).map((row, index) => ({
    path: `/breaks/${index}`,
    from: row.from,
    cost: row.from.mul(row.price).add(row.flat),
  }))
  return rows.sort((a, b) => a.from.compare(b.from))
}
