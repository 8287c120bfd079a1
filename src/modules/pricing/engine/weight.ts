import { compiledOnce } from './compiled.ts'
import { type Exact, exact, isPositive, isZero, larger, ONE, POSITIVE, parseDecimal, sum, ZERO } from './decimal.ts'
import { EngineRefusal } from './refusal.ts'
import { measureRounder, type Rounder } from './rounding.ts'
import type { LengthUnit, MinBillable, WeightPolicy, WeightUnit } from './types.ts'
import { convertLength, convertVolume, convertWeight } from './units.ts'

/** A piece as entered, in its own units. */
export interface EnteredPiece {
  weight: string
  length?: string | null
  width?: string | null
  height?: string | null
  count?: number | null
  weightUnit?: WeightUnit | null
  dimUnit?: LengthUnit | null
}

export interface ChargeableInput {
  weightUnit: WeightUnit
  dimUnit: LengthUnit
  policy: WeightPolicy
  pieces: readonly EnteredPiece[]
}

/** A piece in the units of the tariff. Weights are those of one of the `count` equal pieces. */
export interface WeighedPiece {
  count: number
  /** As entered, converted, not rounded. */
  weight: Exact
  size: PieceSize | null
  dimWeightRaw: Exact
  dimWeight: Exact
  actualWeight: Exact
  billable: Exact
}

export interface PieceSize {
  /** Rounded length, width and height, in the order they were entered. */
  sides: [Exact, Exact, Exact]
  volume: Exact
  longestSide: Exact
  lengthPlusGirth: Exact
}

export interface ChargeableWeight {
  value: Exact
  pieces: WeighedPiece[]
  /** Positions of pieces that a divisor could not see. */
  withoutDimensions: number[]
}

const LARGEST_COUNT = 9999

interface Limits {
  exceededBy(size: PieceSize): boolean
  weight: Exact
}

interface CompiledPolicy {
  policy: WeightPolicy
  roundSide: Rounder
  roundWeight: Rounder
  divisor: Exact | null
  volumeAbove: Exact | null
  minBillable: Limits[]
  minRevenueTons: Exact
}

/** Checks a policy on its own, as publishing does. */
export const compilePolicy = compiledOnce((policy: WeightPolicy): CompiledPolicy => {
  checkKeys(policy)
  return {
    policy,
    roundSide: measureRounder(policy.dimRounding, 'INVALID_POLICY', '/dimRounding'),
    roundWeight: stepRounder(policy),
    divisor: policy.divisor == null ? null : policyNumber(policy.divisor, '/divisor', 'above_zero'),
    volumeAbove: policy.dimThreshold == null ? null : policyNumber(policy.dimThreshold.volumeGt, '/dimThreshold/volumeGt'),
    minBillable: (policy.minBillable ?? []).map(compileMinBillable),
    minRevenueTons: policy.minRevenueTons == null ? ONE : policyNumber(policy.minRevenueTons, '/minRevenueTons'),
  }
})

const invalidPolicy = (path: string, value?: string) => new EngineRefusal('INVALID_POLICY', { path, ...(value !== undefined && { value }) })

const AGGREGATIONS: readonly string[] = ['per_piece_sum', 'shipment_total', 'revenue_ton']
const FORBIDDEN_IN: Readonly<Record<WeightPolicy['aggregation'], readonly (keyof WeightPolicy)[]>> = {
  per_piece_sum: ['minRevenueTons'],
  shipment_total: ['minRevenueTons', 'minBillable'],
  revenue_ton: ['divisor', 'dimThreshold', 'minBillable'],
}

function checkKeys(policy: WeightPolicy) {
  if (!AGGREGATIONS.includes(policy.aggregation)) throw invalidPolicy('/aggregation', String(policy.aggregation))
  for (const key of FORBIDDEN_IN[policy.aggregation]) if (policy[key] != null) throw invalidPolicy(`/${key}`)
}

function policyNumber(text: string, path: string, bound: 'not_negative' | 'above_zero' = 'not_negative'): Exact {
  const value = parseDecimal(text, path)
  if (value.s < 0n || (bound === 'above_zero' && isZero(value))) throw invalidPolicy(path, text)
  return value
}

/** Each weight is rounded by the first step whose `upTo` it does not pass. */
function stepRounder({ weightRounding }: WeightPolicy): Rounder {
  if (weightRounding == null) return (value) => value
  const steps = weightRounding.map((step, index) => {
    const path = `/weightRounding/${index}`
    return { upTo: step.upTo == null ? null : policyNumber(step.upTo, `${path}/upTo`), round: measureRounder(step, 'INVALID_POLICY', path) }
  })
  let previous: Exact | null = null
  for (const [index, { upTo }] of steps.entries()) {
    if ((upTo === null) !== (index === steps.length - 1)) throw invalidPolicy(`/weightRounding/${index}/upTo`)
    if (upTo && previous && upTo.compare(previous) <= 0) throw invalidPolicy(`/weightRounding/${index}/upTo`)
    previous = upTo
  }
  const last = steps.at(-1)
  if (!last) throw invalidPolicy('/weightRounding')
  return (value) => (steps.find(({ upTo }) => upTo === null || value.compare(upTo) <= 0) ?? last).round(value)
}

function compileMinBillable(entry: MinBillable, index: number): Limits {
  const path = `/minBillable/${index}`
  const read = (key: 'lengthPlusGirthGt' | 'longestSideGt' | 'volumeGt') => {
    const text = entry[key]
    return text == null ? null : policyNumber(text, `${path}/${key}`)
  }
  const girth = read('lengthPlusGirthGt')
  const side = read('longestSideGt')
  const volume = read('volumeGt')
  if (!girth && !side && !volume) throw invalidPolicy(path)
  return {
    weight: policyNumber(entry.weight, `${path}/weight`),
    exceededBy: (size) =>
      (!girth || size.lengthPlusGirth.compare(girth) > 0) &&
      (!side || size.longestSide.compare(side) > 0) &&
      (!volume || size.volume.compare(volume) > 0),
  }
}

/** The weight a shipment pays for, with the steps of every piece. */
export function chargeableWeight({ weightUnit, dimUnit, policy, pieces }: ChargeableInput): ChargeableWeight {
  const rules = compilePolicy(policy)
  const weighed = pieces.map((piece, index) => weighPiece(piece, index, { weightUnit, dimUnit }, rules))
  return {
    value: aggregate(weighed, rules, { weightUnit, dimUnit }),
    pieces: weighed,
    withoutDimensions: rules.divisor ? weighed.flatMap(({ size }, index) => (size ? [] : [index])) : [],
  }
}

interface Units {
  weightUnit: WeightUnit
  dimUnit: LengthUnit
}

function weighPiece(piece: EnteredPiece, index: number, units: Units, rules: CompiledPolicy): WeighedPiece {
  const path = `/pieces/${index}`
  const count = piece.count ?? 1
  if (!Number.isInteger(count) || count < 1 || count > LARGEST_COUNT) {
    throw new EngineRefusal('OUT_OF_RANGE', { path: `${path}/count`, limit: count < 1 ? '1' : String(LARGEST_COUNT), value: String(count) })
  }
  const weight = convertWeight(
    parseDecimal(piece.weight, `${path}/weight`, POSITIVE),
    piece.weightUnit ?? units.weightUnit,
    units.weightUnit,
  )
  const size = measure(piece, path, units.dimUnit, rules.roundSide)
  if (!size && (rules.policy.requireDims || rules.policy.aggregation === 'revenue_ton')) throw new EngineRefusal('DIMS_REQUIRED', { path })
  const dimWeightRaw =
    size && rules.divisor && (!rules.volumeAbove || size.volume.compare(rules.volumeAbove) > 0) ? size.volume.div(rules.divisor) : ZERO
  const dimWeight = isPositive(dimWeightRaw) ? rules.roundWeight(dimWeightRaw) : ZERO
  const actualWeight = rules.roundWeight(weight)
  return {
    count,
    weight,
    size,
    dimWeightRaw,
    dimWeight,
    actualWeight,
    billable: billableWeight(larger(actualWeight, dimWeight), size, rules),
  }
}

function billableWeight(weight: Exact, size: PieceSize | null, { minBillable }: CompiledPolicy): Exact {
  if (!size) return weight
  return minBillable.reduce((billable, entry) => (entry.exceededBy(size) ? larger(billable, entry.weight) : billable), weight)
}

/** The size of a piece in `dimUnit`, its sides rounded first; null when it has no dimensions. */
export function measure(piece: EnteredPiece, path: string, dimUnit: LengthUnit, roundSide: Rounder): PieceSize | null {
  const { length, width, height } = piece
  if (length == null && width == null && height == null) return null
  if (length == null || width == null || height == null) throw new EngineRefusal('INCOMPLETE_DIMS', { path })
  const side = (text: string, key: string) =>
    roundSide(convertLength(parseDecimal(text, `${path}/${key}`, POSITIVE), piece.dimUnit ?? dimUnit, dimUnit))
  const sides: PieceSize['sides'] = [side(length, 'length'), side(width, 'width'), side(height, 'height')]
  const [a, b, c] = sides
  const longestSide = larger(larger(a, b), c)
  const girth = sum(sides).sub(longestSide).mul(exact(2n))
  return { sides, volume: a.mul(b).mul(c), longestSide, lengthPlusGirth: longestSide.add(girth) }
}

const times = (value: Exact, count: number): Exact => value.mul(exact(BigInt(count)))

function aggregate(pieces: WeighedPiece[], rules: CompiledPolicy, { weightUnit, dimUnit }: Units): Exact {
  switch (rules.policy.aggregation) {
    case 'per_piece_sum':
      return sum(pieces.map(({ billable, count }) => times(billable, count)))
    case 'shipment_total': {
      const actual = sum(pieces.map(({ weight, count }) => times(weight, count)))
      const dim = sum(pieces.map(({ dimWeightRaw, count }) => times(dimWeightRaw, count)))
      return rules.roundWeight(larger(actual, dim))
    }
    case 'revenue_ton': {
      const volume = sum(pieces.map(({ size, count }) => (size ? times(size.volume, count) : ZERO)))
      const weight = sum(pieces.map((piece) => times(piece.weight, piece.count)))
      return larger(
        rules.roundWeight(larger(convertVolume(volume, dimUnit, 'm'), convertWeight(weight, weightUnit, 't'))),
        rules.minRevenueTons,
      )
    }
  }
}
