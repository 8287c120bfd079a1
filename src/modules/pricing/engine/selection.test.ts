import { describe, expect, it } from 'vitest'
import { evaluateVector } from './vectors/evaluate.ts'

const candidate = (id: number, more: object = {}) => ({
  id,
  scope: 'public',
  priority: 0,
  specificity: 0,
  effectiveFrom: '2025-01-01',
  ...more,
})
const select = (given: object) => evaluateVector('select_rule', { context: {}, candidates: [], ...given })
const refusal = (code: string) => ({ error: code })

/** Whether a rule with the conditions applies in the context: true, or false for false and unknown alike. */
function applies(conditions: unknown, context: object = {}): unknown {
  const result = select({ context, candidates: [candidate(1, { conditions })] })
  const isSelection = (value: unknown): value is { winner: number | null } =>
    typeof value === 'object' && value !== null && 'winner' in value
  return isSelection(result) ? result.winner === 1 : result
}

const leaf = (attribute: string, op: string, value?: unknown) => (value === undefined ? { attribute, op } : { attribute, op, value })

describe('a condition', () => {
  it.each([
    [leaf('zone', 'eq', '5'), { zone: '5' }, true],
    [leaf('zone', 'eq', '5'), { zone: '5 ' }, false],
    [leaf('zone', 'ne', '5'), { zone: '6' }, true],
    [leaf('zone', 'ne', '5'), {}, false],
    [leaf('zone', 'notIn', ['5']), { zone: '6' }, true],
    [leaf('zone', 'notIn', ['5']), {}, false],
    [leaf('zone', 'in', ['5', '6']), { zone: '6' }, true],
    [leaf('dest.postal', 'prefix', ''), { 'dest.postal': '1' }, true],
    [leaf('zone', 'exists'), { zone: '' }, true],
    [leaf('zone', 'exists'), { zone: null }, false],
    [leaf('features', 'exists'), { features: [] }, false],
    [leaf('features', 'notIn', ['a']), { features: [] }, true],
    [leaf('features', 'notIn', ['a']), {}, false],
    [leaf('customer.groups', 'in', ['a', 'b']), { 'customer.groups': ['b', 'c'] }, true],
    [leaf('chargeableWeight', 'eq', '4.0'), { chargeableWeight: '4' }, true],
    [leaf('chargeableWeight', 'ne', '4.0'), { chargeableWeight: '4' }, false],
    [leaf('pieces', 'lt', '10'), { pieces: '9' }, true],
    [leaf('pieces', 'between', ['9', null]), { pieces: '9' }, true],
    [leaf('pieces', 'between', ['1', '9']), { pieces: '9' }, false],
    [leaf('shipDate', 'gte', '2025-02-01'), { shipDate: '2025-02-01' }, true],
    [leaf('dest.residential', 'eq', false), { 'dest.residential': false }, true],
    [leaf('dest.residential', 'eq', false), {}, false],
  ])('%j in %j is %s', (conditions, context, expected) => {
    expect(applies([conditions], context)).toBe(expected)
  })

  const yes = leaf('zone', 'eq', '5')
  const no = leaf('zone', 'eq', '6')
  const unknown = leaf('customer.tier', 'eq', 'A')

  it.each([
    [{ all: [yes, unknown] }, false],
    [{ not: { all: [no, unknown] } }, true],
    [{ not: { all: [yes, unknown] } }, false],
    [{ any: [unknown, yes] }, true],
    [{ not: { any: [unknown, no] } }, false],
    [{ not: { any: [no, no] } }, true],
    [{ not: { not: unknown } }, false],
    [{ not: [no] }, true],
    [{ any: [unknown, { not: leaf('customer.tier', 'exists') }] }, true],
  ])('tree %j is three-valued: %s', (conditions, expected) => {
    expect(applies(conditions, { zone: '5' })).toBe(expected)
  })

  it.each([
    ['an unknown attribute', [leaf('constructor', 'eq', 'x')]],
    ['an operator of another type', [leaf('zone', 'lt', '5')]],
    ['an unknown operator', [leaf('zone', 'like', '5')]],
    ['in for a decimal', [leaf('pieces', 'in', ['1'])]],
    ['a number for a text', [leaf('zone', 'eq', 5)]],
    ['a number for a decimal', [leaf('pieces', 'eq', 5)]],
    ['a text for a list', [leaf('zone', 'in', '5')]],
    ['a list with a number', [leaf('zone', 'in', [5])]],
    ['one bound', [leaf('pieces', 'between', ['1'])]],
    ['an open lower bound', [leaf('pieces', 'between', [null, '1'])]],
    ['a day that does not exist', [leaf('shipDate', 'eq', '2025-02-30')]],
    ['a text for a boolean', [leaf('dest.residential', 'eq', 'true')]],
    ['a value for exists', [leaf('zone', 'exists', true)]],
    ['no value', [leaf('zone', 'eq')]],
    ['an empty group', { any: [] }],
    ['an empty list', []],
    ['an empty node', {}],
    ['two groups in one node', { all: [yes], any: [yes] }],
    ['a text for a node', ['zone']],
    ['a text for the tree', 'zone'],
  ])('with %s is refused, also when the rule fails otherwise', (_what, conditions) => {
    expect(select({ candidates: [candidate(1, { scope: 'customer', customerId: 5, conditions })] })).toEqual(refusal('INVALID_CONDITION'))
  })

  it('with a key nobody knows is no input', () => {
    expect(applies([{ ...yes, note: 'x' }])).toEqual(refusal('INVALID_INPUT'))
  })
})

describe('a selection', () => {
  it('names the first reason that holds', () => {
    const conditions = [leaf('zone', 'eq', '5')]
    const candidates = [
      candidate(9),
      candidate(1, { scope: 'customer', customerId: 2, effectiveTo: '2025-02-01', conditions }),
      candidate(2, { effectiveTo: '2025-02-01', conditions }),
      candidate(3, { conditions }),
    ]

    expect(select({ context: { 'customer.id': 1, zone: '6' }, date: '2025-02-01', candidates })).toEqual({
      winner: 9,
      losers: [
        { id: 1, reason: 'SCOPE_MISMATCH' },
        { id: 2, reason: 'NOT_EFFECTIVE' },
        { id: 3, reason: 'CONDITION_NOT_MET' },
      ],
    })
  })

  it('looks at a missing rate only of the first in line', () => {
    const candidates = [candidate(1, { priority: 2 }), candidate(2, { priority: 1, noRate: true, fallbackPolicy: 'none' })]

    expect(select({ candidates })).toEqual({ winner: 1, losers: [{ id: 2, reason: 'LOWER_PRIORITY' }] })
  })

  it('without any rate has no winner and no fallback', () => {
    expect(select({ candidates: [candidate(1, { noRate: true }), candidate(2, { noRate: true })] })).toEqual({
      winner: null,
      losers: [
        { id: 1, reason: 'NO_RATE' },
        { id: 2, reason: 'NO_RATE' },
      ],
    })
  })

  it('compares the losers with the winner and not with each other', () => {
    const candidates = [candidate(1, { priority: 5, noRate: true }), candidate(2), candidate(3)]

    expect(select({ candidates })).toEqual({
      winner: 2,
      losers: [
        { id: 1, reason: 'NO_RATE' },
        { id: 3, reason: 'TIE_BROKEN_BY_ID' },
      ],
      warning: 'AMBIGUOUS_RULES',
      fallback: true,
    })
  })

  it('takes a group when it is one of the customer', () => {
    const candidates = [candidate(1, { scope: 'group', group: 'gold' }), candidate(2, { scope: 'group', group: 'silver' }), candidate(3)]

    expect(select({ context: { 'customer.groups': ['silver', 'x'] }, candidates })).toMatchObject({ winner: 2 })
  })

  it('of nothing is nobody', () => {
    expect(select({})).toEqual({ winner: null, losers: [] })
  })

  it.each([
    ['a customer for a public candidate', { candidates: [candidate(1, { customerId: 1 })] }, 'INVALID_INPUT'],
    ['a group scope without group', { candidates: [candidate(1, { scope: 'group' })] }, 'INVALID_INPUT'],
    ['an unknown attribute in the context', { context: { shoeSize: '43' } }, 'INVALID_INPUT'],
    ['a text for an id', { candidates: [{ ...candidate(1), id: '1' }] }, 'INVALID_INPUT'],
    ['a day that does not exist', { date: '2025-13-01' }, 'INVALID_DATE'],
    ['an empty interval', { candidates: [candidate(1, { effectiveTo: '2025-01-01' })] }, 'INVALID_INTERVAL'],
    ['a malformed decimal in the context', { context: { pieces: '1,5' } }, 'INVALID_DECIMAL'],
  ])('is refused with %s', (_what, given, code) => {
    expect(select(given)).toEqual(refusal(code))
  })
})
