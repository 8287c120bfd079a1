import { describe, expect, it } from 'vitest'
import { localDate, parseInstant, requireTimeZone, startOfLocalDay, toInstantText } from './dates.ts'
import { isRefusal } from './refusal.ts'
import { evaluateVector } from './vectors/evaluate.ts'

const refusal = (code: string) => ({ error: code })
const versions = [
  { id: 1, effectiveFrom: '2025-01-01', effectiveTo: '2025-08-18' },
  { id: 2, effectiveFrom: '2025-08-18' },
]
const effective = (given: object) => evaluateVector('effective_version', { versions, tariffTimezone: 'UTC', ...given })

function codeOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (isRefusal(error)) return error.code
    throw error
  }
  return 'none'
}

describe('an instant', () => {
  it.each([
    ['2025-08-18T00:00:00Z', '2025-08-18T00:00:00.000Z'],
    ['2025-08-18T00:00:00.5Z', '2025-08-18T00:00:00.500Z'],
    ['2025-08-18T01:30:00+01:30', '2025-08-18T00:00:00.000Z'],
    ['2025-08-17T19:00:00.001-05:00', '2025-08-18T00:00:00.001Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(toInstantText(parseInstant(text))).toBe(expected)
  })

  it.each([
    '2025-08-18T00:00:00',
    '2025-08-18',
    '2025-08-18T00:00Z',
    '2025-08-18T00:00:00.0001Z',
    '2025-08-18T24:00:00Z',
    '2025-08-18T00:00:60Z',
    '2025-08-18t00:00:00z',
    '2025-08-18 00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2025-08-18T00:00:00+0100',
    '2025-08-18T00:00:00+24:00',
    '',
    null,
    17,
  ])('is not written %s', (text) => {
    expect(codeOf(() => parseInstant(text))).toBe('INVALID_DATE')
  })
})

describe('a time zone', () => {
  it.each(['UTC', 'America/New_York', 'US/Eastern', 'Asia/Kolkata', 'Asia/Calcutta', 'Etc/GMT+5', 'EST5EDT', 'W-SU'])(
    'may be %s',
    (name) => {
      expect(codeOf(() => requireTimeZone(name))).toBe('none')
    },
  )

  it.each(['utc', 'america/new_york', '+05:00', 'PST', 'IST', 'SystemV/PST8', 'Mars/Olympus', 'Z', ''])('may not be "%s"', (name) => {
    expect(codeOf(() => requireTimeZone(name))).toBe('INVALID_TIMEZONE')
  })

  it.each([
    ['Pacific/Kiritimati', '2025-08-18T10:00:00Z', '2025-08-19'],
    ['Pacific/Pago_Pago', '2025-08-18T10:59:59Z', '2025-08-17'],
    ['Asia/Kathmandu', '2025-08-17T18:15:00Z', '2025-08-18'],
    ['America/New_York', '2025-03-09T04:59:59.999Z', '2025-03-08'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31'],
  ])('%s shows at %s the day %s', (zone, instant, expected) => {
    expect(localDate(parseInstant(instant), zone)).toBe(expected)
  })

  it.each([
    ['UTC', '2025-08-18', '2025-08-18T00:00:00.000Z'],
    ['America/New_York', '2025-08-18', '2025-08-18T04:00:00.000Z'],
    ['America/New_York', '2025-11-03', '2025-11-03T05:00:00.000Z'],
    ['America/Santiago', '2025-09-07', '2025-09-07T04:00:00.000Z'],
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00.000Z'],
  ])('%s begins the day %s at %s', (zone, date, expected) => {
    expect(toInstantText(startOfLocalDay(date, zone))).toBe(expected)
  })
})

describe('the version in force', () => {
  it.each([
    ['by the offset of the instant', { shipAt: '2025-08-17T23:59:59.999Z' }, { versionId: 1 }],
    ['at midnight', { shipAt: '2025-08-18T00:00:00Z' }, { versionId: 2 }],
    ['by the day of pricing when no ship day is given', { pricedAt: '2025-08-18T00:00:00Z' }, { versionId: 2 }],
    [
      'by the day of pricing when the tariff goes by it',
      { rateDateBasis: 'quote_date', shipDate: '2025-09-01', pricedAt: '2025-08-17T00:00:00Z' },
      { versionId: 1 },
    ],
    ['on two ship dates', { shipDate: '2025-09-01', shipAt: '2025-09-01T00:00:00Z' }, refusal('INVALID_DATE')],
    ['on no day at all', {}, refusal('INVALID_DATE')],
    ['by the quote date without one', { rateDateBasis: 'quote_date', shipDate: '2025-09-01' }, refusal('INVALID_DATE')],
    ['on a malformed instant that is not needed', { shipDate: '2025-09-01', pricedAt: 'now' }, refusal('INVALID_DATE')],
    ['in an unknown zone', { tariffTimezone: 'PST', shipDate: '2025-09-01' }, refusal('INVALID_TIMEZONE')],
    ['by an unknown basis', { rateDateBasis: 'arrival', shipDate: '2025-09-01' }, refusal('INVALID_INPUT')],
    [
      'of an empty interval',
      { versions: [{ id: 1, effectiveFrom: '2025-01-01', effectiveTo: '2025-01-01' }], shipDate: '2025-01-01' },
      refusal('INVALID_INTERVAL'),
    ],
    [
      'of a draft with an empty interval',
      {
        versions: [...versions, { id: 3, effectiveFrom: '2025-01-01', effectiveTo: '2025-01-01', state: 'draft' }],
        shipDate: '2025-01-01',
      },
      { versionId: 1 },
    ],
    [
      'of two that begin on one day',
      {
        versions: [
          { id: 1, effectiveFrom: '2025-01-01' },
          { id: 2, effectiveFrom: '2025-01-01' },
        ],
        shipDate: '2024-01-01',
      },
      refusal('OVERLAPPING_VERSIONS'),
    ],
    ['of none', { versions: [], shipDate: '2024-01-01' }, refusal('NO_EFFECTIVE_TARIFF')],
  ])('%s', (_what, given, expected) => {
    expect(effective(given)).toEqual(expected)
  })
})
