import { Type } from 'typebox'
import { printDecimal } from '../decimal.ts'
import { chargeableWeight, type WeighedPiece } from '../weight.ts'
import { closed, kind, Read, words } from './reading.ts'

const WeightUnit = words('kg', 'g', 't', 'lb', 'oz')
const LengthUnit = words('mm', 'cm', 'm', 'in', 'ft')
const Mode = words('half_up', 'half_even', 'up', 'down', 'none')

const Given = closed({
  weightUnit: WeightUnit,
  dimUnit: LengthUnit,
  policy: closed({
    aggregation: words('per_piece_sum', 'shipment_total', 'revenue_ton'),
    dimRounding: Type.Optional(closed({ mode: Mode, increment: Type.Optional(Read) })),
    divisor: Type.Optional(Read),
    dimThreshold: Type.Optional(closed({ volumeGt: Read })),
    weightRounding: Type.Optional(Type.Array(closed({ upTo: Type.Optional(Read), increment: Type.Optional(Read), mode: Mode }))),
    minBillable: Type.Optional(
      Type.Array(
        closed({ lengthPlusGirthGt: Type.Optional(Read), longestSideGt: Type.Optional(Read), volumeGt: Type.Optional(Read), weight: Read }),
      ),
    ),
    requireDims: Type.Optional(Type.Boolean()),
    minRevenueTons: Type.Optional(Read),
  }),
  pieces: Type.Array(
    closed({
      weight: Read,
      length: Type.Optional(Read),
      width: Type.Optional(Read),
      height: Type.Optional(Read),
      count: Type.Optional(Type.Integer()),
      weightUnit: Type.Optional(WeightUnit),
      dimUnit: Type.Optional(LengthUnit),
    }),
  ),
})

export const chargeableWeightKind = kind(Given, (given) => {
  const { value, pieces, withoutDimensions } = chargeableWeight(given)
  const { aggregation } = given.policy
  return {
    chargeableWeight: printDecimal(value),
    pieces: pieces.map((piece) => ({
      ...size(piece),
      ...(aggregation !== 'revenue_ton' && { dimWeightRaw: printDecimal(piece.dimWeightRaw) }),
      ...(aggregation === 'per_piece_sum' && {
        dimWeight: printDecimal(piece.dimWeight),
        actualWeight: printDecimal(piece.actualWeight),
        billable: printDecimal(piece.billable),
      }),
    })),
    ...(withoutDimensions.length > 0 && { warnings: ['DIMS_MISSING'] }),
  }
})

function size({ size: measured, count }: WeighedPiece) {
  return { roundedDims: measured ? measured.sides.map(printDecimal) : null, volume: measured ? printDecimal(measured.volume) : null, count }
}
