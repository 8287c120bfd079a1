import { describe, expect, test } from 'vitest'
import { effectiveStatus, isCoverOver, startOfDay } from './insurance.ts'

describe('the first instant of a local day', () => {
  test.each([
    ['2026-07-01', 'UTC', '2026-07-01T00:00:00.000Z'],
    ['2026-07-01', 'Europe/Berlin', '2026-06-30T22:00:00.000Z'],
    ['2026-07-01', 'America/New_York', '2026-07-01T04:00:00.000Z'],
    ['2026-07-01', 'Pacific/Kiritimati', '2026-06-30T10:00:00.000Z'],
    ['2026-07-01', 'Pacific/Pago_Pago', '2026-07-01T11:00:00.000Z'],
    ['2026-07-01', 'Asia/Kathmandu', '2026-06-30T18:15:00.000Z'],
    // Clocks jump from 0:00 to 1:00: the day begins at one o'clock.
    ['2026-03-29', 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
  ])('%s in %s is %s', (date, timezone, instant) => {
    expect(startOfDay(date, timezone)).toBe(instant)
  })
})

describe('the state that counts', () => {
  const insuranceEndsAt = '2026-06-30T22:00:00.000Z'
  const end = Date.parse(insuranceEndsAt)

  test.each([
    ['active', end - 1, 'active'],
    ['active', end, 'suspended'],
    ['suspended', end - 1, 'suspended'],
    ['draft', end, 'draft'],
    ['pending_review', end, 'pending_review'],
    ['retired', end, 'retired'],
  ])('a carrier that is %s at %i counts as %s', (status, now, expected) => {
    expect(effectiveStatus({ status, insuranceEndsAt }, now)).toBe(expected)
  })

  test('without a date the cover never ends', () => {
    expect(isCoverOver({ insuranceEndsAt: null }, Number.MAX_SAFE_INTEGER)).toBe(false)
  })
})
