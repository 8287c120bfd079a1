import { describe, expect, test } from 'vitest'
import { type Placed, placeAmong } from './version-order.ts'

const placed = (id: number, effectiveFrom: string, effectiveTo: string | null = null, ...closedTo: string[]): Placed => ({
  id,
  number: id,
  effectiveFrom,
  effectiveTo,
  closedTo,
})

describe('where a version finds its place', () => {
  const january = placed(1, '2026-01-01')
  const cases: [string, string, string | null, Placed[], number | 'nobody' | 'refused'][] = [
    ['alone', '2026-01-01', null, [], 'nobody'],
    ['inside an open one: closes it', '2026-03-01', null, [january], 1],
    ['inside an open one and with an end: closes it all the same', '2026-03-01', '2026-04-01', [january], 1],
    ['on the first day of another', '2026-01-01', null, [january], 'refused'],
    ['on the first day of another and for a day only', '2026-01-01', '2026-01-02', [january], 'refused'],
    ['before another and into it', '2025-12-01', null, [january], 'refused'],
    ['before another and a day into it', '2025-12-01', '2026-01-02', [january], 'refused'],
    ['before another and up to it', '2025-12-01', '2026-01-01', [january], 'nobody'],
    ['after the end of another', '2026-03-01', null, [placed(1, '2026-01-01', '2026-03-01')], 'nobody'],
    ['on the last day of another', '2026-02-28', null, [placed(1, '2026-01-01', '2026-03-01')], 1],
    ['after the day at which another was closed', '2026-03-01', null, [placed(1, '2026-01-01', null, '2026-03-01')], 'nobody'],
    ['inside one that was closed later', '2026-02-01', null, [placed(1, '2026-01-01', null, '2026-03-01')], 1],
    [
      'inside one that was closed twice: the first closing counts',
      '2026-02-15',
      null,
      [placed(1, '2026-01-01', null, '2026-03-01', '2026-02-01')],
      'nobody',
    ],
    ['between two', '2026-02-01', '2026-03-01', [placed(1, '2026-01-01', null, '2026-03-01'), placed(2, '2026-03-01')], 1],
    [
      'between two and into the later',
      '2026-02-01',
      '2026-03-02',
      [placed(1, '2026-01-01', null, '2026-03-01'), placed(2, '2026-03-01')],
      'refused',
    ],
  ]
  test.each(cases)('%s', (_where, effectiveFrom, effectiveTo, others, expected) => {
    const place = () => placeAmong({ effectiveFrom, effectiveTo }, others)

    if (expected === 'refused') expect(place).toThrow(expect.objectContaining({ code: 'OVERLAPPING_VERSIONS' }))
    else expect(place()?.id ?? 'nobody').toBe(expected)
  })
})
