import fc from 'fast-check'
import Fraction from 'fraction.js'
import { describe, expect, it } from 'vitest'
import { allocate } from './allocate.ts'
import { exact, parseDecimal } from './decimal.ts'
import { moneyRounder, parseMoney, requireCurrency } from './money.ts'
import { parcelInput, parcelRule, parcelTariff, parcelVersion } from './parcel.fixture.ts'
import { priceLines } from './price-lines.ts'
import { readDiscount, readSurcharge } from './price-rules.ts'
import { priceShipment } from './price-shipment.ts'
import { compileRate } from './rate.ts'
import type { ExplanationStep, PricingInput, Rate, Rule } from './types.ts'
import { evaluateVector } from './vectors/evaluate.ts'

/** Raise for a long hunt: `PROPERTY_RUNS=10000`. fast-check prints the seed of a failure. */
const RUNS = { numRuns: Number(process.env.PROPERTY_RUNS ?? 300) }
const USD = requireCurrency('USD')

const cents = (max = 100_000) => fc.integer({ min: 0, max }).map((value) => (value / 100).toFixed(2))
const tenths = (min: number, max: number) => fc.integer({ min: min * 10, max: max * 10 }).map((value) => (value / 10).toFixed(1))

const surcharge = fc.oneof(
  fc.record({ amount: cents(5_000), fuelable: fc.boolean(), group: fc.option(fc.constantFrom('G', 'H'), { nil: null }) }),
  fc.record({ percent: tenths(-50, 200), basis: fc.constantFrom('gross', 'net', 'declaredValue'), fuelable: fc.boolean() }),
  fc.record({ percent: tenths(-50, 200), basis: fc.constantFrom('net+fuelable', 'subtotal') }),
  fc.record({ perUnit: cents(500), units: tenths(0, 50), min: cents(300) }),
)
const discount = fc.oneof(
  fc.record({ percent: tenths(0, 100), appliesTo: fc.option(fc.subarray(['BASE', 'S0', 'S1', 'S2']), { nil: null }) }),
  fc.record({ amount: cents(20_000), appliesTo: fc.option(fc.subarray(['BASE', 'S0', 'S1']), { nil: null }) }),
)
const priceGiven = fc.record({
  currency: fc.constantFrom('USD', 'EUR'),
  base: cents(),
  discountStacking: fc.constantFrom('best_of', 'additive', 'compound'),
  rounding: fc.option(
    fc.record({ mode: fc.constantFrom('half_up', 'half_even', 'up', 'down'), increment: fc.constantFrom('0.01', '0.05', '0.50') }),
    { nil: null },
  ),
  discounts: fc.array(discount, { maxLength: 4 }).map((list) => list.map((one, index) => ({ code: `D${index}`, sequence: index, ...one }))),
  surcharges: fc
    .array(surcharge, { maxLength: 5 })
    .map((list) => list.map((one, index) => ({ code: `S${index}`, sequence: index, ...one }))),
  minNet: fc.option(cents(20_000), { nil: null }),
  minTotal: fc.option(cents(10_000), { nil: null }),
  declaredValue: fc.option(cents(), { nil: null }),
})

interface Priced {
  lines: { amount: string }[]
  total: string
}
const isPriced = (value: unknown): value is Priced => typeof value === 'object' && value !== null && 'lines' in value

describe('a price', () => {
  it('is the sum of its lines, each with exactly the digits of the currency', () => {
    fc.assert(
      fc.property(priceGiven, (given) => {
        const result = evaluateVector('price', given)
        if (!isPriced(result)) throw new Error(JSON.stringify(result))
        const total = result.lines.reduce((sum, { amount }) => sum + BigInt(amount.replace('.', '')), 0n)

        expect(BigInt(result.total.replace('.', ''))).toBe(total)
        for (const amount of [result.total, ...result.lines.map((line) => line.amount)])
          expect(amount).toMatch(/^(?!-0\.00$)-?(0|[1-9]\d*)\.\d\d$/)
      }),
      RUNS,
    )
  })

  it('does not depend on the order of rules that carry distinct sequences', () => {
    fc.assert(
      fc.property(priceGiven, fc.infiniteStream(fc.nat()), (given, keys) => {
        const shuffled = <One>(list: readonly One[]): One[] =>
          list
            .map((one) => ({ one, key: keys.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key)
            .map(({ one }) => one)

        expect(evaluateVector('price', { ...given, discounts: shuffled(given.discounts), surcharges: shuffled(given.surcharges) })).toEqual(
          evaluateVector('price', given),
        )
      }),
      RUNS,
    )
  })
})

describe('the engine', () => {
  it('throws nothing but refusals, whatever it is given', () => {
    const junk = fc.oneof(
      fc.string(),
      fc.constantFrom('0', '1', '-1', '5.000', '1e3', 'USD', 'net', 'step', null, 0, true),
      fc.object({ maxDepth: 2 }),
    )
    const given = fc.record(
      {
        currency: fc.oneof(fc.constant('USD'), junk),
        units: junk,
        base: junk,
        rate: fc.oneof(junk, fc.record({ type: fc.constantFrom('per_unit', 'step'), rate: junk, breaks: fc.array(junk) })),
        surcharges: fc.oneof(junk, fc.array(junk)),
        candidates: fc.array(junk),
        context: junk,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.constantFrom('rate', 'price', 'select_rule', 'effective_version', 'chargeable_weight', 'table_lookup', 'allocate'),
        given,
        (kind, value) => {
          expect(evaluateVector(kind, value)).toBeTypeOf('object')
        },
      ),
      RUNS,
    )
  })
})

const bounds = fc
  .uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 })
  .map((list) => [0, ...list.sort((a, b) => a - b)])
const rows = bounds.chain((starts) =>
  fc.tuple(...starts.map(() => fc.record({ rate: cents(1_000), flat: cents(500) }))).map((prices) =>
    prices.map((price, index) => ({
      from: String(starts[index]),
      ...(starts[index + 1] !== undefined && { to: String(starts[index + 1]) }),
      ...price,
    })),
  ),
)
const units = fc.integer({ min: 0, max: 8_000 }).map((value) => (value / 10).toFixed(1))

function amountOf(rate: Rate, of: string): bigint {
  return compileRate(rate, USD)(parseDecimal(of)).amount
}

describe('a base charge', () => {
  const byUnits = (low: string, high: string) => Number(low) - Number(high)

  it('with deficit is never above the one without', () => {
    fc.assert(
      fc.property(rows, units, (breaks, of) => {
        expect(amountOf({ type: 'volume', breaks, deficit: true }, of)).toBeLessThanOrEqual(amountOf({ type: 'volume', breaks }, of))
      }),
      RUNS,
    )
  })

  it('does not fall with the units when it is graduated, by package, with deficit, or by steps that do not fall', () => {
    const rates: fc.Arbitrary<Rate> = fc.oneof(
      rows.map((breaks): Rate => ({ type: 'graduated', breaks })),
      fc.record({ size: tenths(1, 50), price: cents(), free: tenths(0, 50) }).map((parts): Rate => ({ type: 'package', ...parts })),
      rows.map((breaks): Rate => ({ type: 'volume', deficit: true, breaks })),
      rows.map(
        (breaks): Rate => ({
          type: 'step',
          breaks: breaks.map(({ rate: _, flat: __, ...row }, index) => ({ ...row, price: `${index * 3}.00` })),
        }),
      ),
    )
    fc.assert(
      fc.property(rates, units, units, (rate, one, other) => {
        const [low = one, high = other] = [one, other].sort(byUnits)

        expect(amountOf(rate, low)).toBeLessThanOrEqual(amountOf(rate, high))
      }),
      RUNS,
    )
  })

  it('does not depend on the order of rows', () => {
    fc.assert(
      fc.property(rows, units, (breaks, of) => {
        expect(amountOf({ type: 'volume', breaks: [...breaks].reverse(), deficit: true }, of)).toBe(
          amountOf({ type: 'volume', breaks, deficit: true }, of),
        )
      }),
      RUNS,
    )
  })
})

const candidates = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 1, max: 30 }),
    scope: fc.constantFrom(
      { scope: 'public' },
      { scope: 'customer', customerId: 1 },
      { scope: 'customer', customerId: 2 },
      { scope: 'group', group: 'gold' },
    ),
    priority: fc.integer({ min: 0, max: 2 }),
    specificity: fc.integer({ min: 0, max: 2 }),
    effectiveFrom: fc.constantFrom('2025-01-01', '2025-06-01'),
    noRate: fc.boolean(),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
)

interface Selected {
  winner: number | null
  losers: { id: number; reason: string }[]
}
const isSelected = (value: unknown): value is Selected => typeof value === 'object' && value !== null && 'winner' in value

describe('a selection', () => {
  const select = (list: readonly { id: number; scope: object }[]): Selected => {
    const result = evaluateVector('select_rule', {
      context: { 'customer.id': 1, 'customer.groups': ['gold'] },
      candidates: list.map(({ scope, ...rest }) => ({ ...rest, ...scope })),
    })
    if (!isSelected(result)) throw new Error(JSON.stringify(result))
    return result
  }

  it('does not depend on the order of candidates', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        expect(select([...list].reverse())).toEqual(select(list))
      }),
      RUNS,
    )
  })

  it('keeps its winner when a loser is taken away', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const { winner, losers } = select(list)
        expect(losers).toHaveLength(list.length - (winner === null ? 0 : 1))
        for (const { id } of losers) expect(select(list.filter((one) => one.id !== id)).winner).toBe(winner)
      }),
      RUNS,
    )
  })
})

describe('shares of a total', () => {
  it('sum to it, each within one minor unit of the exact share', () => {
    const weights = fc
      .array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 10 })
      .filter((list) => list.some((weight) => weight > 0))
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), weights, (total, list) => {
        const shares = allocate(
          BigInt(total),
          list.map((weight) => exact(BigInt(weight))),
        )
        const whole = list.reduce((sum, weight) => sum + weight, 0)

        expect(shares.reduce((sum, share) => sum + share, 0n)).toBe(BigInt(total))
        for (const [index, share] of shares.entries())
          expect(Math.abs(Number(share) - (total * (list[index] ?? 0)) / whole)).toBeLessThan(1)
      }),
      RUNS,
    )
  })
})

const usd = (amount: string) => ({ amount, currency: 'USD' })
const shipmentInput: fc.Arbitrary<PricingInput> = fc
  .record({
    rows,
    pounds: fc.array(tenths(1, 200), { minLength: 1, maxLength: 4 }),
    unit: fc.constantFrom('lb' as const, 'kg' as const, 'oz' as const),
    percent: tenths(0, 90),
    amounts: fc.tuple(cents(2_000), cents(2_000)),
    fuel: tenths(-20, 60),
    stacking: fc.constantFrom('best_of' as const, 'additive' as const, 'compound' as const),
    minNet: fc.option(cents(5_000), { nil: null }),
    deficit: fc.boolean(),
  })
  .map(({ rows: breaks, pounds, unit, percent, amounts, fuel, stacking, minNet, deficit }) => {
    const rules: Rule[] = [
      parcelRule({ id: 1, code: 'D', kind: 'discount', action: { percent }, sequence: 1 }),
      parcelRule({ id: 2, code: 'E', kind: 'discount', action: { amount: usd(amounts[0]), appliesTo: ['BASE', 'RESI'] }, sequence: 2 }),
      parcelRule({ id: 3, code: 'RESI', kind: 'surcharge', action: { amount: usd(amounts[1]), fuelable: true }, sequence: 1 }),
      parcelRule({
        id: 4,
        code: 'UNIT',
        kind: 'surcharge',
        action: { perUnit: { ...usd('0.125'), unit: 'chargeable_unit' } },
        sequence: 2,
      }),
      parcelRule({ id: 5, code: 'FUEL', kind: 'surcharge', action: { percent: fuel, basis: 'net+fuelable' }, sequence: 3 }),
      parcelRule({ id: 6, code: 'ADMIN', kind: 'surcharge', action: { percent: '1.5', basis: 'subtotal' }, sequence: 4 }),
    ]
    const version = parcelVersion({
      discountStacking: stacking,
      minNet,
      rateTables: [{ service: '*', zone: '*', type: 'volume', breaks, deficit }],
    })
    const pieces = pounds.map((value) => ({ weight: { value, unit } }))
    return parcelInput({ rules, tariffs: [parcelTariff({ versions: [version] })], request: { ...parcelInput().request, pieces } })
  })

/** Reads an exact text of an explanation: a decimal or `n/d`. */
const readExact = (text: unknown) => new Fraction(String(text))

/** The total from the inputs of the steps alone. */
function recompute(steps: readonly ExplanationStep[]): bigint {
  const inputsOf = (name: string): Record<string, never> => JSON.parse(JSON.stringify(steps.find(({ step }) => step === name)?.inputs))
  const base = inputsOf('3-6')
  const currency = requireCurrency(base.currency ?? '')
  const money = (text: string | null | undefined) => (text == null ? null : parseMoney(text, currency))
  const { table, rounding } = base
  if (!table) throw new Error('no table')
  const { stacking, discounts } = inputsOf('8')
  const { surcharges, declaredValue } = inputsOf('10')
  const listed = (value: unknown): { code: string; units?: string | null }[] => (Array.isArray(value) ? value : [])
  return priceLines({
    currency,
    round: moneyRounder(currency, rounding),
    base: compileRate(table, currency, rounding)(readExact(base.units)).amount,
    override: null,
    stacking: stacking ?? 'best_of',
    discounts: listed(discounts).map((one) => readDiscount(one, currency, '')),
    surcharges: listed(surcharges).map((one) =>
      readSurcharge({ ...one, units: one.units == null ? null : readExact(one.units) }, currency, ''),
    ),
    minNet: money(inputsOf('9').minNet),
    minTotal: money(inputsOf('11').minTotal),
    maxTotal: money(inputsOf('11').maxTotal),
    declaredValue: money(declaredValue),
  }).total
}

describe('a whole pricing', () => {
  it('has a total that can be computed again from its explanation alone', () => {
    fc.assert(
      fc.property(shipmentInput, (input) => {
        const { rates, explanations } = priceShipment(input)

        expect(recompute(explanations[0]?.steps ?? [])).toBe(BigInt(rates[0]?.total.amount.replace('.', '') ?? 'x'))
      }),
      RUNS,
    )
  })

  it('does not depend on the order of tariffs, rules, tables or pieces', () => {
    fc.assert(
      fc.property(shipmentInput, (input) => {
        const reversed = {
          ...input,
          rules: [...input.rules].reverse(),
          tariffs: [...input.tariffs].reverse(),
          carriers: input.carriers.map((carrier) => ({ ...carrier, services: [...carrier.services].reverse() })),
          request: { ...input.request, pieces: [...input.request.pieces].reverse() },
        }

        expect(priceShipment(reversed).rates).toEqual(priceShipment(input).rates)
      }),
      RUNS,
    )
  })

  it('is not changed by a rule that does not match, but for the losers', () => {
    fc.assert(
      fc.property(shipmentInput, (input) => {
        const stranger = parcelRule({
          id: 900,
          code: 'FUEL',
          kind: 'surcharge',
          action: { percent: '999' },
          sequence: 3,
          priority: 9,
          conditions: [{ attribute: 'zone', op: 'eq', value: 'nowhere' }],
        })

        expect(priceShipment({ ...input, rules: [...input.rules, stranger] }).rates).toEqual(priceShipment(input).rates)
      }),
      RUNS,
    )
  })

  it('is not changed by the units a shipment was entered in', () => {
    fc.assert(
      fc.property(shipmentInput, (input) => {
        const inGrams = input.request.pieces.map(({ weight }) => ({
          weight: { value: String(Math.round(Number(weight.value) * 1000)), unit: 'g' as const },
        }))
        const inKilograms = input.request.pieces.map(({ weight }) => ({ weight: { value: weight.value, unit: 'kg' as const } }))
        const withPieces = (pieces: PricingInput['request']['pieces']) =>
          priceShipment({ ...input, request: { ...input.request, pieces } }).rates

        expect(withPieces(inGrams)).toEqual(withPieces(inKilograms))
      }),
      RUNS,
    )
  })
})
