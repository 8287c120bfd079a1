import { describe, expect, it } from 'vitest'
import { evaluateVector } from './vectors/evaluate.ts'

const price = (given: object): unknown => evaluateVector('price', { currency: 'USD', base: '100.00', ...given })
const refusal = (code: string) => ({ error: code })

/** `CODE amount`, a line each, and the total last. */
function lines(given: object): string[] {
  const result = price(given)
  const isPrice = (value: unknown): value is { lines: { code: string; amount: string; of?: string }[]; total: string } =>
    typeof value === 'object' && value !== null && 'lines' in value
  if (!isPrice(result)) return [JSON.stringify(result)]
  return [...result.lines.map(({ code, amount, of }) => `${code} ${amount}${of ? ` of ${of}` : ''}`), result.total]
}

describe('discounts', () => {
  const discounts = [
    { code: 'A', percent: '10' },
    { code: 'B', percent: '20' },
  ]

  it.each([
    ['best_of', ['BASE 100.00', 'B -20.00', '80.00']],
    ['additive', ['BASE 100.00', 'A -10.00', 'B -20.00', '70.00']],
    ['compound', ['BASE 100.00', 'A -10.00', 'B -18.00', '72.00']],
  ])('stack by %s', (discountStacking, expected) => {
    expect(lines({ discounts, discountStacking })).toEqual(expected)
  })

  it('are best of by what they are worth, ties to the earlier, before what is left limits them', () => {
    expect(
      lines({
        base: '8.00',
        discounts: [
          { code: 'A', percent: '100' },
          { code: 'B', amount: '10.00' },
        ],
      }),
    ).toEqual(['BASE 8.00', 'B -8.00', '0.00'])
    expect(
      lines({
        discounts: [
          { code: 'A', percent: '10' },
          { code: 'B', amount: '10.00' },
        ],
      }),
    ).toEqual(['BASE 100.00', 'A -10.00', '90.00'])
  })

  it('of nothing write no line, but one of zero percent does', () => {
    expect(lines({ base: '0', discounts })).toEqual(['BASE 0.00', '0.00'])
    expect(lines({ discounts: [{ code: 'A', percent: '0' }] })).toEqual(['BASE 100.00', 'A 0.00', '100.00'])
  })

  it('are best of per target', () => {
    expect(
      lines({
        discounts: [
          { code: 'A', percent: '10', appliesTo: ['BASE', 'RESI'] },
          { code: 'B', percent: '20', appliesTo: ['RESI'] },
        ],
        surcharges: [{ code: 'RESI', amount: '5.00' }],
      }),
    ).toEqual(['BASE 100.00', 'A -10.00', 'RESI 5.00', 'B -1.00 of RESI', '94.00'])
  })

  it('are not written on a surcharge below zero', () => {
    expect(
      lines({ discounts: [{ code: 'D', percent: '50', appliesTo: ['FUEL'] }], surcharges: [{ code: 'FUEL', percent: '-5' }] }),
    ).toEqual(['BASE 100.00', 'FUEL -5.00', '95.00'])
  })

  it('go by sequence, then by code', () => {
    const sequenced = [
      { code: 'B', percent: '10', sequence: 1 },
      { code: 'A', percent: '10', sequence: 1 },
      { code: 'C', percent: '10', sequence: 0 },
    ]

    expect(lines({ discounts: sequenced, discountStacking: 'compound' }).slice(1, 4)).toEqual(['C -10.00', 'A -9.00', 'B -8.10'])
  })

  it.each([
    ['percent above 100', { code: 'A', percent: '100.01' }, 'OUT_OF_RANGE'],
    ['percent below 0', { code: 'A', percent: '-1' }, 'OUT_OF_RANGE'],
    ['negative amount', { code: 'A', amount: '-1.00' }, 'OUT_OF_RANGE'],
    ['percent and amount', { code: 'A', percent: '1', amount: '1.00' }, 'INVALID_RULE'],
    ['neither percent nor amount', { code: 'A' }, 'INVALID_RULE'],
    ['reserved code', { code: 'MIN_NET', percent: '1' }, 'INVALID_RULE'],
    ['unknown key', { code: 'A', percent: '1', note: 'x' }, 'INVALID_INPUT'],
    ['sequence that is no integer', { code: 'A', percent: '1', sequence: '1' }, 'INVALID_INPUT'],
  ])('with a %s are refused', (_what, discount, code) => {
    expect(price({ discounts: [discount] })).toEqual(refusal(code))
  })
})

describe('minimums and maximums', () => {
  it.each([
    [
      'the net is raised also without discounts',
      { minNet: '120.00', surcharges: [{ code: 'F', percent: '10' }] },
      ['BASE 100.00', 'MIN_NET 20.00', 'F 12.00', '132.00'],
    ],
    [
      'gross is the base before the minimum',
      { minNet: '120.00', surcharges: [{ code: 'F', percent: '10', basis: 'gross' }] },
      ['BASE 100.00', 'MIN_NET 20.00', 'F 10.00', '130.00'],
    ],
    ['an exact minimum writes no line', { minNet: '100.00', minTotal: '100.00', maxTotal: '100.00' }, ['BASE 100.00', '100.00']],
    [
      'the total never falls below zero',
      { base: '1.00', surcharges: [{ code: 'A', percent: '-50', min: '-9.00', max: '-2.00' }] },
      ['BASE 1.00', 'A -2.00', 'MIN_TOTAL 1.00', '0.00'],
    ],
    ['the total is raised', { minTotal: '130.00' }, ['BASE 100.00', 'MIN_TOTAL 30.00', '130.00']],
    [
      'an amount given as money is not rounded to the increment',
      {
        rounding: { mode: 'up', increment: '0.50' },
        surcharges: [
          { code: 'A', amount: '0.10' },
          { code: 'B', percent: '0.1' },
        ],
      },
      ['BASE 100.00', 'A 0.10', 'B 0.50', '100.60'],
    ],
  ])('%s', (_what, given, expected) => {
    expect(lines(given)).toEqual(expected)
  })

  it('may not exclude each other', () => {
    expect(price({ minTotal: '2.00', maxTotal: '1.00' })).toEqual(refusal('INVALID_RULE'))
  })
})

describe('surcharges', () => {
  it.each([
    [
      'on a declared value of zero are applied',
      { declaredValue: '0', surcharges: [{ code: 'A', percent: '2', basis: 'declaredValue', min: '1.50' }] },
      ['BASE 100.00', 'A 1.50', '101.50'],
    ],
    ['by units are rounded once', { surcharges: [{ code: 'A', perUnit: '0.333', units: '10' }] }, ['BASE 100.00', 'A 3.33', '103.33']],
    [
      'on codes count each name once, and those not applied as zero',
      {
        surcharges: [
          { code: 'A', amount: '10.00' },
          { code: 'B', percent: '10', basis: { codes: ['A', 'A', 'BASE', 'X'] } },
        ],
      },
      ['BASE 100.00', 'A 10.00', 'B 11.00', '121.00'],
    ],
    [
      'on fuelable lines do not count group losers',
      {
        surcharges: [
          { code: 'A', amount: '10.00', group: 'G', fuelable: true },
          { code: 'B', amount: '20.00', group: 'G', fuelable: true },
          { code: 'F', percent: '10', basis: 'net+fuelable' },
        ],
      },
      ['BASE 100.00', 'B 20.00', 'F 12.00', '132.00'],
    ],
    [
      'on the subtotal see discounts on surcharges, and dependent lines before them',
      {
        discounts: [{ code: 'D', percent: '50', appliesTo: ['A'] }],
        surcharges: [
          { code: 'A', amount: '10.00', sequence: 1 },
          { code: 'S', percent: '10', basis: 'subtotal', sequence: 2 },
          { code: 'T', percent: '10', basis: 'subtotal', sequence: 3 },
        ],
      },
      ['BASE 100.00', 'A 10.00', 'D -5.00 of A', 'S 10.50', 'T 11.55', '127.05'],
    ],
    [
      'that are dependent can be discounted',
      { discounts: [{ code: 'D', percent: '50', appliesTo: ['S'] }], surcharges: [{ code: 'S', percent: '10', basis: 'subtotal' }] },
      ['BASE 100.00', 'S 10.00', 'D -5.00 of S', '105.00'],
    ],
    [
      'in a group are compared before the discounts on them',
      {
        discounts: [{ code: 'D', percent: '90', appliesTo: ['A'] }],
        surcharges: [
          { code: 'A', amount: '9.00', group: 'G' },
          { code: 'B', amount: '8.00', group: 'G' },
        ],
      },
      ['BASE 100.00', 'A 9.00', 'D -8.10 of A', '100.90'],
    ],
    ['write a line of zero', { surcharges: [{ code: 'A', amount: '0' }] }, ['BASE 100.00', 'A 0.00', '100.00']],
  ])('%s', (_what, given, expected) => {
    expect(lines(given)).toEqual(expected)
  })

  it('that were not applied do not compete in their group', () => {
    expect(
      price({
        surcharges: [
          { code: 'A', percent: '1', basis: 'declaredValue', min: '99.00', group: 'G' },
          { code: 'B', amount: '1.00', group: 'G' },
        ],
      }),
    ).toMatchObject({ total: '101.00' })
  })

  it.each([
    ['two charges', [{ code: 'A', amount: '1.00', percent: '1' }], 'INVALID_RULE'],
    ['no charge', [{ code: 'A' }], 'INVALID_RULE'],
    ['a basis without percent', [{ code: 'A', amount: '1.00', basis: 'net' }], 'INVALID_RULE'],
    ['units without a price', [{ code: 'A', amount: '1.00', units: '1' }], 'INVALID_RULE'],
    ['a price without units', [{ code: 'A', perUnit: '1' }], 'INVALID_RULE'],
    ['min above max', [{ code: 'A', amount: '1.00', min: '2.00', max: '1.00' }], 'INVALID_RULE'],
    ['a dependent one in a group', [{ code: 'A', percent: '1', basis: 'subtotal', group: 'G' }], 'INVALID_RULE'],
    ['a dependent one fuelable', [{ code: 'A', percent: '1', basis: { codes: ['NET'] }, fuelable: true }], 'INVALID_RULE'],
    [
      'a basis on a dependent one',
      [
        { code: 'A', percent: '1', basis: 'subtotal' },
        { code: 'B', percent: '1', basis: { codes: ['A'] } },
      ],
      'INVALID_RULE',
    ],
    ['a basis on itself', [{ code: 'A', percent: '1', basis: { codes: ['A'] } }], 'INVALID_RULE'],
    [
      'a sequence on some only',
      [
        { code: 'A', amount: '1.00', sequence: 1 },
        { code: 'B', amount: '1.00' },
      ],
      'INVALID_RULE',
    ],
    [
      'a sequence twice with a subtotal',
      [
        { code: 'A', amount: '1.00', sequence: 1 },
        { code: 'B', percent: '1', basis: 'subtotal', sequence: 1 },
      ],
      'INVALID_RULE',
    ],
    [
      'a code twice',
      [
        { code: 'A', amount: '1.00' },
        { code: 'A', amount: '1.00' },
      ],
      'INVALID_RULE',
    ],
    ['a reserved code', [{ code: 'NET', amount: '1.00' }], 'INVALID_RULE'],
    ['percent of -100', [{ code: 'A', percent: '-100' }], 'OUT_OF_RANGE'],
    ['percent above 1000', [{ code: 'A', percent: '1000.1' }], 'OUT_OF_RANGE'],
    ['negative units', [{ code: 'A', perUnit: '1', units: '-1' }], 'OUT_OF_RANGE'],
    ['a negative amount', [{ code: 'A', amount: '-1.00' }], 'OUT_OF_RANGE'],
    ['an unknown basis', [{ code: 'A', percent: '1', basis: 'tax' }], 'INVALID_INPUT'],
    ['an unknown key in the basis', [{ code: 'A', percent: '1', basis: { codes: [], x: 1 } }], 'INVALID_INPUT'],
    ['too many digits', [{ code: 'A', amount: '1.000' }], 'TOO_MANY_DECIMALS'],
  ])('with %s are refused', (_what, surcharges, code) => {
    expect(price({ surcharges })).toEqual(refusal(code))
  })

  it('may carry equal sequences when none is on the subtotal', () => {
    expect(
      lines({
        surcharges: [
          { code: 'B', amount: '1.00', sequence: 1 },
          { code: 'A', amount: '2.00', sequence: 1 },
        ],
      }),
    ).toEqual(['BASE 100.00', 'A 2.00', 'B 1.00', '103.00'])
  })

  it('take null for what may be absent', () => {
    expect(
      lines({
        minNet: null,
        override: null,
        discounts: null,
        surcharges: [{ code: 'A', amount: '1.00', percent: null, basis: null, sequence: null }],
      }),
    ).toEqual(['BASE 100.00', 'A 1.00', '101.00'])
  })
})
