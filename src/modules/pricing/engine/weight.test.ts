import { describe, expect, it } from 'vitest'
import { evaluateVector } from './vectors/evaluate.ts'

const up = [{ increment: '1', mode: 'up' }]
const weigh = (policy: object, ...pieces: object[]) =>
  evaluateVector('chargeable_weight', { weightUnit: 'kg', dimUnit: 'cm', policy: { aggregation: 'per_piece_sum', ...policy }, pieces })
const cube = (side: string, weight: string, more: object = {}) => ({ length: side, width: side, height: side, weight, ...more })
const refusal = (code: string) => ({ error: code })

describe('the chargeable weight', () => {
  it.each([
    [
      'takes the first step whose end the unrounded weight does not pass',
      { weightRounding: [{ upTo: '29.5', increment: '0.5', mode: 'up' }, { mode: 'up' }] },
      [{ weight: '29.5' }, { weight: '29.51' }],
      '59.5',
    ],
    ['counts every piece', { weightRounding: up }, [{ weight: '1.2', count: 9999 }], '19998'],
    ['does not round without a list', {}, [{ weight: '1.25' }], '1.25'],
    ['has no dim weight at the threshold', { divisor: '1000', dimThreshold: { volumeGt: '1000' } }, [cube('10', '0.5')], '0.5'],
    ['has a dim weight above the threshold', { divisor: '1000', dimThreshold: { volumeGt: '999' } }, [cube('10', '0.5')], '1'],
    [
      'adds raw dim weights of the shipment and rounds once',
      { aggregation: 'shipment_total', divisor: '1000', weightRounding: up },
      [cube('11', '0.1'), cube('11', '0.1')],
      '3',
    ],
    [
      'applies the threshold to each piece in a shipment',
      { aggregation: 'shipment_total', divisor: '1000', dimThreshold: { volumeGt: '1000' } },
      [cube('10', '0.1', { count: 5 })],
      '0.5',
    ],
    [
      'needs every limit of a minimum exceeded, strictly',
      { minBillable: [{ longestSideGt: '10', volumeGt: '1000', weight: '9' }] },
      [cube('10', '1')],
      '1',
    ],
    [
      'is raised when every limit is exceeded',
      { minBillable: [{ longestSideGt: '9', volumeGt: '999', weight: '9' }] },
      [cube('10', '1')],
      '9',
    ],
    ['is at least one revenue ton', { aggregation: 'revenue_ton' }, [cube('10', '1')], '1'],
    ['is at least the revenue tons of the policy', { aggregation: 'revenue_ton', minRevenueTons: '0.5' }, [cube('100', '1')], '1'],
    ['counts tonnes when they weigh more', { aggregation: 'revenue_ton' }, [cube('10', '2500')], '2.5'],
    ['of nothing is nothing', {}, [], '0'],
  ])('%s', (_what, policy, pieces, expected) => {
    expect(weigh(policy, ...pieces)).toMatchObject({ chargeableWeight: expected })
  })

  it('warns under a divisor only', () => {
    expect(weigh({}, { weight: '1' })).not.toHaveProperty('warnings')
    expect(weigh({ divisor: '1' }, { weight: '1' })).toHaveProperty('warnings', ['DIMS_MISSING'])
  })

  it('has for each aggregation the keys that it can know', () => {
    expect(weigh({ aggregation: 'shipment_total' }, cube('10', '1'))).toEqual({
      chargeableWeight: '1',
      pieces: [{ roundedDims: ['10', '10', '10'], volume: '1000', dimWeightRaw: '0', count: 1 }],
    })
  })

  it.each([
    ['a divisor of zero', { divisor: '0' }, 'INVALID_POLICY'],
    ['a negative divisor', { divisor: '-1' }, 'INVALID_POLICY'],
    ['an increment of zero for weights', { weightRounding: [{ increment: '0', mode: 'up' }] }, 'INVALID_POLICY'],
    ['an increment of zero for sides', { dimRounding: { mode: 'up', increment: '0' } }, 'INVALID_POLICY'],
    ['an empty list of steps', { weightRounding: [] }, 'INVALID_POLICY'],
    [
      'steps that do not rise',
      { weightRounding: [{ upTo: '3', mode: 'up' }, { upTo: '3', mode: 'up' }, { mode: 'up' }] },
      'INVALID_POLICY',
    ],
    ['an open step before the last', { weightRounding: [{ mode: 'up' }, { upTo: '3', mode: 'up' }] }, 'INVALID_POLICY'],
    ['a minimum without a limit', { minBillable: [{ weight: '5' }] }, 'INVALID_POLICY'],
    ['a minimum in a shipment total', { aggregation: 'shipment_total', minBillable: [{ volumeGt: '1', weight: '5' }] }, 'INVALID_POLICY'],
    ['a divisor for revenue tons', { aggregation: 'revenue_ton', divisor: '5' }, 'INVALID_POLICY'],
    ['revenue tons elsewhere', { minRevenueTons: '1' }, 'INVALID_POLICY'],
    ['a malformed divisor', { divisor: '5e3' }, 'INVALID_DECIMAL'],
    ['an unknown key', { factor: '5' }, 'INVALID_INPUT'],
    ['an unknown mode', { dimRounding: { mode: 'ceil' } }, 'INVALID_INPUT'],
    ['an unknown aggregation', { aggregation: 'max' }, 'INVALID_INPUT'],
  ])('is refused for %s', (_what, policy, code) => {
    expect(weigh(policy, cube('10', '1'))).toEqual(refusal(code))
  })

  it.each([
    ['a weight of zero', { weight: '0' }, 'OUT_OF_RANGE'],
    ['a dimension of zero', cube('0', '1'), 'OUT_OF_RANGE'],
    ['a count of zero', { weight: '1', count: 0 }, 'OUT_OF_RANGE'],
    ['a count of ten thousand', { weight: '1', count: 10000 }, 'OUT_OF_RANGE'],
    ['half a piece', { weight: '1', count: 1.5 }, 'INVALID_INPUT'],
    ['an unknown unit', { weight: '1', weightUnit: 'stone' }, 'INVALID_INPUT'],
    ['one dimension', { weight: '1', length: '1' }, 'INCOMPLETE_DIMS'],
    ['no weight', {}, 'INVALID_INPUT'],
  ])('is refused for %s of a piece', (_what, piece, code) => {
    expect(weigh({}, piece)).toEqual(refusal(code))
  })

  it('needs dimensions for revenue tons', () => {
    expect(weigh({ aggregation: 'revenue_ton' }, { weight: '1' })).toEqual(refusal('DIMS_REQUIRED'))
  })
})
