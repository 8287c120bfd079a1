import { describe, expect, it } from 'vitest'
import { exact, exactText, parseDecimal, printDecimal } from './decimal.ts'
import { formatMinor, moneyRounder, parseMoney, requireCurrency } from './money.ts'
import { isRefusal } from './refusal.ts'
import { measureRounder, roundToInteger } from './rounding.ts'
import type { RoundingMode } from './types.ts'
import { convertLength, convertWeight } from './units.ts'

function codeOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (isRefusal(error)) return error.code
    throw error
  }
  return 'none'
}

describe('a decimal', () => {
  it.each(['0', '-0', '1', '-1.5', '999999999999999', '0.1234567890', '5.000'])('may be written %s', (text) => {
    expect(codeOf(() => parseDecimal(text))).toBe('none')
  })

  it.each([
    ['an exponent', '1e3'],
    ['a plus sign', '+1'],
    ['a comma', '1,5'],
    ['a blank', ' 1'],
    ['a line end', '1\n'],
    ['a leading zero', '01'],
    ['no digit before the point', '.5'],
    ['no digit after the point', '5.'],
    ['sixteen digits', '1234567890123456'],
    ['eleven fraction digits', '0.12345678901'],
    ['nothing', ''],
    ['a JSON number', 5],
    ['a list', ['1']],
  ])('may not have or be %s', (_what, text) => {
    expect(codeOf(() => parseDecimal(text))).toBe('INVALID_DECIMAL')
  })

  it.each([
    ['24.000', '24'],
    ['0.0000005', '0.000001'],
    ['-0.0000004', '0'],
    ['-0.0000005', '-0.000001'],
    ['3.8848925', '3.884893'],
    ['-0', '0'],
    ['100', '100'],
  ])('%s is printed %s', (text, printed) => {
    expect(printDecimal(parseDecimal(text))).toBe(printed)
  })

  it('keeps every digit in its exact text, as a fraction where the digits do not end', () => {
    expect([exact(1n, 8n), exact(-3n, 7n), exact(7n), exact(498951607n, 10n ** 9n)].map(exactText)).toEqual([
      '0.125',
      '-3/7',
      '7',
      '0.498951607',
    ])
  })
})

describe('rounding', () => {
  const table: [string, Record<RoundingMode, bigint>][] = [
    ['2.5', { half_up: 3n, half_even: 2n, up: 3n, down: 2n }],
    ['3.5', { half_up: 4n, half_even: 4n, up: 4n, down: 3n }],
    ['2.4', { half_up: 2n, half_even: 2n, up: 3n, down: 2n }],
    ['2.6', { half_up: 3n, half_even: 3n, up: 3n, down: 2n }],
    ['2', { half_up: 2n, half_even: 2n, up: 2n, down: 2n }],
    ['0', { half_up: 0n, half_even: 0n, up: 0n, down: 0n }],
    ['0.5', { half_up: 1n, half_even: 0n, up: 1n, down: 0n }],
  ]
  const cases = table.flatMap(([text, modes]) =>
    (['half_up', 'half_even', 'up', 'down'] as const).map((mode) => [text, mode, modes[mode]] as const),
  )

  it.each(cases)('%s by %s gives %s, and the mirror of it below zero', (text, mode, expected) => {
    expect(roundToInteger(parseDecimal(text), mode)).toBe(expected)
    expect(roundToInteger(parseDecimal(text).neg(), mode)).toBe(-expected)
  })

  it('rounds a measure to its increment, by one where none is given', () => {
    expect(printDecimal(measureRounder({ mode: 'up', increment: '0.5' }, 'INVALID_POLICY')(parseDecimal('4.1')))).toBe('4.5')
    expect(printDecimal(measureRounder({ mode: 'up' }, 'INVALID_POLICY')(parseDecimal('4.1')))).toBe('5')
    expect(printDecimal(measureRounder({ mode: 'none', increment: '0.5' }, 'INVALID_POLICY')(parseDecimal('4.1')))).toBe('4.1')
  })

  it.each(['0', '-1'])('has no increment of %s', (increment) => {
    expect(codeOf(() => measureRounder({ mode: 'up', increment }, 'INVALID_ROUNDING'))).toBe('INVALID_ROUNDING')
  })

  it.each([
    ['0.05', 'none'],
    ['0.050', 'none'],
    ['0', 'INVALID_ROUNDING'],
    ['-0.01', 'INVALID_ROUNDING'],
    ['0.005', 'INVALID_ROUNDING'],
    ['1,0', 'INVALID_DECIMAL'],
  ])('of dollars by an increment of %s answers %s', (increment, code) => {
    expect(codeOf(() => moneyRounder(requireCurrency('USD'), { mode: 'half_up', increment }))).toBe(code)
  })
})

describe('money', () => {
  it.each([
    ['JPY', 0],
    ['USD', 2],
    ['HUF', 2],
    ['IQD', 3],
    ['KWD', 3],
    ['CLF', 4],
    ['UYW', 4],
    ['XOF', 0],
    ['XCG', 2],
  ])('in %s has %i digits', (code, digits) => {
    expect(requireCurrency(code).digits).toBe(digits)
  })

  it.each(['XAU', 'XDR', 'XXX', 'XTS', 'usd', 'US', '', 'ABC', 'toString'])('does not exist in "%s"', (code) => {
    expect(codeOf(() => requireCurrency(code))).toBe('UNKNOWN_CURRENCY')
  })

  it.each([
    ['5', 'USD', '5.00'],
    ['5.1', 'USD', '5.10'],
    ['-0.05', 'USD', '-0.05'],
    ['-0', 'USD', '0.00'],
    ['-0.00', 'USD', '0.00'],
    ['1296', 'JPY', '1296'],
    ['0.2', 'KWD', '0.200'],
  ])('%s %s is written %s', (text, code, written) => {
    const currency = requireCurrency(code)

    expect(formatMinor(parseMoney(text, currency, { sign: 'any' }), currency)).toBe(written)
  })

  it.each([
    ['5.000', 'USD', 'TOO_MANY_DECIMALS'],
    ['5.0', 'JPY', 'TOO_MANY_DECIMALS'],
    ['10000000000000.01', 'USD', 'OUT_OF_RANGE'],
    ['10000000000000.00', 'USD', 'none'],
    ['-0.01', 'USD', 'OUT_OF_RANGE'],
    ['1 ', 'USD', 'INVALID_DECIMAL'],
  ])('%s %s answers %s', (text, code, refusal) => {
    expect(codeOf(() => parseMoney(text, requireCurrency(code)))).toBe(refusal)
  })

  it('that was computed may not pass the largest amount either', () => {
    expect(codeOf(() => moneyRounder(requireCurrency('JPY'))(exact(10n ** 15n + 1n)))).toBe('OUT_OF_RANGE')
  })
})

describe('units', () => {
  it('are changed exactly', () => {
    expect(exactText(convertWeight(parseDecimal('16'), 'oz', 'lb'))).toBe('1')
    expect(exactText(convertWeight(parseDecimal('1'), 'lb', 'kg'))).toBe('0.45359237')
    expect(exactText(convertWeight(parseDecimal('1'), 't', 'g'))).toBe('1000000')
    expect(exactText(convertLength(parseDecimal('1'), 'ft', 'in'))).toBe('12')
    expect(exactText(convertLength(parseDecimal('1'), 'm', 'mm'))).toBe('1000')
    expect(exactText(convertWeight(convertWeight(parseDecimal('7.3'), 'kg', 'oz'), 'oz', 'kg'))).toBe('7.3')
  })
})
