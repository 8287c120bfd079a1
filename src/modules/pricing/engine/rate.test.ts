import { describe, expect, it } from 'vitest'
import { evaluateVector } from './vectors/evaluate.ts'

const charge = (rate: unknown, units: unknown, currency: unknown = 'USD') => evaluateVector('rate', { currency, units, rate })
const refusal = (code: string) => ({ error: code })

const rows = [
  { from: '0', to: '10', price: '5.00' },
  { from: '10', to: '20', price: '8.00' },
]
const step = { type: 'step', breaks: rows }
const volume = {
  type: 'volume',
  breaks: [
    { from: '0', to: '100', rate: '2' },
    { from: '100', rate: '1' },
  ],
}

describe('a table of breaks', () => {
  it.each([
    ['lower_inclusive', '0', { amount: '5.00', appliedBreakFrom: '0' }],
    ['lower_inclusive', '10', { amount: '8.00', appliedBreakFrom: '10' }],
    ['lower_inclusive', '20', refusal('OVER_TABLE')],
    ['upper_inclusive', '0', { amount: '5.00', appliedBreakFrom: '0' }],
    ['upper_inclusive', '10', { amount: '5.00', appliedBreakFrom: '0' }],
    ['upper_inclusive', '20', { amount: '8.00', appliedBreakFrom: '10' }],
    ['upper_inclusive', '20.0000000001', refusal('OVER_TABLE')],
  ])('read %s at %s', (breakMode, units, expected) => {
    expect(charge({ ...step, breakMode }, units)).toEqual(expected)
  })

  it('does not reach down to its first bound when upper bounds are inclusive', () => {
    expect(charge({ type: 'step', breakMode: 'upper_inclusive', breaks: [{ from: '1', to: '5', price: '7.00' }] }, '1')).toEqual(
      refusal('NO_RATE'),
    )
  })

  it.each([
    ['is empty', []],
    [
      'has a gap',
      [
        { from: '0', to: '1', price: '1' },
        { from: '2', price: '1' },
      ],
    ],
    [
      'overlaps',
      [
        { from: '0', to: '3', price: '1' },
        { from: '2', price: '1' },
      ],
    ],
    [
      'begins twice at one bound',
      [
        { from: '0', to: '1', price: '1' },
        { from: '0', to: '1', price: '1' },
      ],
    ],
    [
      'has an open row before its last',
      [
        { from: '0', price: '1' },
        { from: '2', price: '1' },
      ],
    ],
    ['has a row that ends where it begins', [{ from: '1', to: '1', price: '1' }]],
  ])('that %s is refused', (_what, breaks) => {
    expect(charge({ type: 'step', breaks }, '0')).toEqual(refusal('INVALID_TABLE'))
  })

  it('compares bounds by value and takes its rows in any order', () => {
    expect(
      charge(
        {
          type: 'step',
          breaks: [
            { from: '1.0', price: '2' },
            { from: '0', to: '1', price: '1' },
          ],
        },
        '1.00',
      ),
    ).toEqual({ amount: '2.00', appliedBreakFrom: '1' })
  })
})

describe('a step above its last row', () => {
  it.each([
    ['pro_rata_last', '20', { amount: '8.00', overflow: 'pro_rata_last' }],
    ['pro_rata_last', '25', { amount: '10.00', overflow: 'pro_rata_last' }],
    ['repeat', '20', { amount: '8.00', overflow: 'repeat', repeats: 1 }],
    ['repeat', '45', { amount: '21.00', overflow: 'repeat', repeats: 2 }],
    ['repeat', '40', { amount: '16.00', overflow: 'repeat', repeats: 2 }],
    ['error', '25', refusal('OVER_TABLE')],
    ['repeat', '5', { amount: '5.00', appliedBreakFrom: '0' }],
  ])('by %s at %s', (overflow, units, expected) => {
    expect(charge({ ...step, overflow }, units)).toEqual(expected)
  })

  it('has no price for a remainder below the first row', () => {
    expect(charge({ type: 'step', overflow: 'repeat', breaks: [{ from: '5', to: '10', price: '1' }] }, '12')).toEqual(refusal('NO_RATE'))
  })

  it('does not round a price of the table, but a computed one', () => {
    const rounding = { mode: 'up', increment: '0.50' }
    const breaks = [{ from: '0', to: '10', price: '5.01' }]

    expect(charge({ type: 'step', breaks, rounding }, '1')).toEqual({ amount: '5.01', appliedBreakFrom: '0' })
    expect(charge({ type: 'step', breaks, rounding, overflow: 'pro_rata_last' }, '12')).toEqual({
      amount: '6.50',
      overflow: 'pro_rata_last',
    })
  })
})

describe('a deficit', () => {
  const withDeficit = { ...volume, deficit: true }

  it.each([
    ['49', { amount: '98.00', appliedBreakFrom: '0', billedUnits: '49', deficitApplied: false }],
    ['50', { amount: '100.00', appliedBreakFrom: '0', billedUnits: '50', deficitApplied: false }],
    ['51', { amount: '100.00', appliedBreakFrom: '100', billedUnits: '100', deficitApplied: true }],
  ])('rates %s units as the start of a later row only when that is strictly cheaper', (units, expected) => {
    expect(charge(withDeficit, units)).toEqual(expected)
  })

  it('prefers the nearer of two rows of equal cost', () => {
    const breaks = [
      { from: '0', to: '10', rate: '10' },
      { from: '10', to: '20', rate: '2' },
      { from: '20', rate: '1' },
    ]

    expect(charge({ type: 'volume', deficit: true, breaks }, '9')).toMatchObject({ amount: '20.00', billedUnits: '10' })
  })

  it('looks at every later row, not only at the next', () => {
    const breaks = [
      { from: '0', to: '10', rate: '10' },
      { from: '10', to: '20', rate: '9.5' },
      { from: '20', rate: '1' },
    ]

    expect(charge({ type: 'volume', deficit: true, breaks }, '9')).toMatchObject({ amount: '20.00', billedUnits: '20' })
  })

  it('is compared before rounding', () => {
    const breaks = [
      { from: '0', to: '10', rate: '1.001' },
      { from: '10', rate: '0.9001' },
    ]

    expect(charge({ type: 'volume', deficit: true, breaks }, '8.992')).toMatchObject({ amount: '9.00', deficitApplied: false })
  })

  it('needs lower bounds that are inclusive', () => {
    expect(charge({ ...withDeficit, breakMode: 'upper_inclusive' }, '1')).toEqual(refusal('INVALID_TABLE'))
    expect(charge({ ...volume, deficit: false, breakMode: 'upper_inclusive' }, '1')).toMatchObject({ amount: '2.00' })
  })
})

describe('graduated tiers', () => {
  const graduated = {
    type: 'graduated',
    breaks: [
      { from: '0', to: '10', rate: '1', flat: '2' },
      { from: '10', to: '20', rate: '0.5', flat: '1' },
    ],
  }

  it.each([
    ['0', { amount: '2.00', tiers: [{ units: '0', amount: '2' }] }],
    ['10', { amount: '12.00', tiers: [{ units: '10', amount: '12' }] }],
    [
      '20',
      {
        amount: '18.00',
        tiers: [
          { units: '10', amount: '12' },
          { units: '10', amount: '6' },
        ],
      },
    ],
    ['20.5', refusal('OVER_TABLE')],
  ])('at %s units', (units, expected) => {
    expect(charge(graduated, units)).toEqual(expected)
  })

  it('start at zero', () => {
    expect(charge({ type: 'graduated', breaks: [{ from: '1', rate: '1' }] }, '5')).toEqual(refusal('INVALID_TABLE'))
  })
})

describe('a charge', () => {
  it.each([
    [{ type: 'package', size: '10', price: '1', free: '5' }, '5', { amount: '0.00', packages: 0 }],
    [{ type: 'package', size: '10', price: '1', free: '5' }, '5.1', { amount: '1.00', packages: 1 }],
    [{ type: 'package', size: '10', price: '1' }, '20', { amount: '2.00', packages: 2 }],
    [{ type: 'per_unit', rate: '0' }, '3', { amount: '0.00' }],
    [{ type: 'per_unit', rate: '2', minCharge: '5', maxCharge: '5' }, '3', { amount: '5.00', rawAmount: '6.00', adjusted: 'maximum' }],
    [{ type: 'per_unit', rate: '2', minCharge: '6' }, '3', { amount: '6.00' }],
    [{ type: 'per_unit', rate: '2', minCharge: '3.333', maxCharge: null, per: null }, '3', refusal('TOO_MANY_DECIMALS')],
    [{ type: 'per_unit', rate: '2', minCharge: '5', maxCharge: '4' }, '3', refusal('INVALID_TABLE')],
    [
      { type: 'per_unit', rate: '1', minCharge: '0.03', rounding: { mode: 'down', increment: '0.05' } },
      '0.04',
      { amount: '0.03', rawAmount: '0.00', adjusted: 'minimum' },
    ],
  ])('by %j of %s units', (rate, units, expected) => {
    expect(charge(rate, units)).toEqual(expected)
  })

  it.each([
    ['a negative rate', { type: 'per_unit', rate: '-1' }, 'OUT_OF_RANGE'],
    ['a negative percent', { type: 'percent', percent: '-1' }, 'OUT_OF_RANGE'],
    ['a negative price', { type: 'step', breaks: [{ from: '0', price: '-1' }] }, 'OUT_OF_RANGE'],
    ['a negative flat', { type: 'volume', breaks: [{ from: '0', rate: '1', flat: '-1' }] }, 'OUT_OF_RANGE'],
    ['a negative bound', { type: 'step', breaks: [{ from: '-1', price: '1' }] }, 'OUT_OF_RANGE'],
    ['a per of zero', { type: 'per_unit', rate: '1', per: '0' }, 'OUT_OF_RANGE'],
    ['a package of no size', { type: 'package', size: '0', price: '1' }, 'OUT_OF_RANGE'],
    ['negative free units', { type: 'package', size: '1', price: '1', free: '-1' }, 'OUT_OF_RANGE'],
    ['an amount beyond the largest', { type: 'per_unit', rate: '999999999999999' }, 'OUT_OF_RANGE'],
    [
      'an increment that is no multiple of the minor unit',
      { type: 'per_unit', rate: '1', rounding: { mode: 'up', increment: '0.003' } },
      'INVALID_ROUNDING',
    ],
    ['a rounding mode that money has not', { type: 'per_unit', rate: '1', rounding: { mode: 'none' } }, 'INVALID_INPUT'],
    ['a key of another type', { type: 'per_unit', rate: '1', breaks: [] }, 'INVALID_INPUT'],
    ['an unknown key in a row', { type: 'step', breaks: [{ from: '0', price: '1', rate: '1' }] }, 'INVALID_INPUT'],
    ['no price in a row', { type: 'step', breaks: [{ from: '0' }] }, 'INVALID_INPUT'],
    ['an unknown type', { type: 'guess' }, 'INVALID_INPUT'],
    ['an unknown overflow', { type: 'step', breaks: rows, overflow: 'wrap' }, 'INVALID_INPUT'],
    ['a number for a rate', { type: 'per_unit', rate: 2 }, 'INVALID_DECIMAL'],
  ])('is refused with %s', (_what, rate, code) => {
    expect(charge(rate, '20')).toEqual(refusal(code))
  })

  it('is refused in a currency without minor units, also a lower-case one', () => {
    expect(charge({ type: 'per_unit', rate: '1' }, '1', 'usd')).toEqual(refusal('UNKNOWN_CURRENCY'))
  })
})
