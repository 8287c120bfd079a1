import { parseInstant, requireDate } from './dates.ts'
import { type Exact, exact, NOT_NEGATIVE, POSITIVE, parseDecimal } from './decimal.ts'
import { type Currency, inUnits, parseMoney, requireCurrency } from './money.ts'
import { type NormalPlace, normalPlace } from './places.ts'
import { EngineRefusal } from './refusal.ts'
import type { LengthUnit, PricingRequest, WeightUnit } from './types.ts'
import type { EnteredPiece } from './weight.ts'

/** A request that was read and found sound: what every service is priced with. */
export interface Shipment {
  pricedAt: number
  pricedAtText: string
  request: PricingRequest
  origin: NormalPlace
  destination: NormalPlace
  pieces: readonly MeasuredPiece[]
  entered: readonly EnteredPiece[]
  pieceCount: number
  declaredValue: { amount: Exact; minor: bigint; currency: Currency } | null
  distanceKm: Exact | null
  features: readonly string[]
}

/** A piece as entered, as numbers: limits of a service are compared with these. */
export interface MeasuredPiece {
  weight: Exact
  weightUnit: WeightUnit
  size: { longestSide: Exact; lengthPlusGirth: Exact; unit: LengthUnit } | null
}

const LARGEST_COUNT = 9999
const MOST_PIECES = 200

/** Step 0: refuses what cannot be priced by anyone, with the path into the request. */
export function readShipment(request: PricingRequest, pricedAt: string): Shipment {
  if (request.pieces.length < 1 || request.pieces.length > MOST_PIECES) {
    throw new EngineRefusal('OUT_OF_RANGE', {
      path: '/pieces',
      limit: String(request.pieces.length < 1 ? 1 : MOST_PIECES),
      value: String(request.pieces.length),
    })
  }
  if (request.shipDate != null && request.shipAt != null)
    throw new EngineRefusal('INVALID_DATE', { path: '/shipAt', value: request.shipAt })
  if (request.shipDate != null) requireDate(request.shipDate, '/shipDate')
  if (request.shipAt != null) parseInstant(request.shipAt, '/shipAt')
  if (request.currency != null) requireCurrency(request.currency, '/currency')
  return {
    pricedAt: parseInstant(pricedAt, '/pricedAt'),
    pricedAtText: pricedAt,
    request,
    origin: normalPlace(request.origin, '/origin'),
    destination: normalPlace(request.destination, '/destination'),
    pieces: request.pieces.map(measurePiece),
    entered: request.pieces.map(({ weight, dimensions, count }) => ({
      weight: weight.value,
      weightUnit: weight.unit,
      ...(dimensions && { length: dimensions.length, width: dimensions.width, height: dimensions.height, dimUnit: dimensions.unit }),
      ...(count != null && { count }),
    })),
    pieceCount: request.pieces.reduce((total, { count }, index) => total + requireCount(count ?? 1, index), 0),
    declaredValue: readDeclaredValue(request),
    distanceKm: request.distanceKm == null ? null : parseDecimal(request.distanceKm, '/distanceKm', NOT_NEGATIVE),
    features: [...new Set(request.features ?? [])],
  }
}

function requireCount(count: number, index: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= LARGEST_COUNT) return count
  throw new EngineRefusal('OUT_OF_RANGE', {
    path: `/pieces/${index}/count`,
    limit: String(count < 1 ? 1 : LARGEST_COUNT),
    value: String(count),
  })
}

function measurePiece({ weight, dimensions }: PricingRequest['pieces'][number], index: number): MeasuredPiece {
  const path = `/pieces/${index}`
  const value = parseDecimal(weight.value, `${path}/weight/value`, POSITIVE)
  if (!dimensions) return { weight: value, weightUnit: weight.unit, size: null }
  const side = (key: 'length' | 'width' | 'height') => parseDecimal(dimensions[key], `${path}/dimensions/${key}`, POSITIVE)
  const [longestSide, ...others] = [side('length'), side('width'), side('height')].sort((a, b) => b.compare(a))
  const girth = others.reduce((total, other) => total.add(other), exact(0n)).mul(exact(2n))
  const longest = longestSide ?? exact(0n)
  return {
    weight: value,
    weightUnit: weight.unit,
    size: { longestSide: longest, lengthPlusGirth: longest.add(girth), unit: dimensions.unit },
  }
}

function readDeclaredValue({ declaredValue }: PricingRequest): Shipment['declaredValue'] {
  if (declaredValue == null) return null
  const currency = requireCurrency(declaredValue.currency, '/declaredValue/currency')
  const minor = parseMoney(declaredValue.amount, currency, { path: '/declaredValue/amount' })
  return { amount: inUnits(minor, currency), minor, currency }
}
