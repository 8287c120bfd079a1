import { type Exact, parseDecimal, printDecimal } from './decimal.ts'
import { formatMinor, parseMoney, requireCurrency } from './money.ts'
import { EngineRefusal, type RefusalDetails } from './refusal.ts'
import type { MeasuredPiece, Shipment } from './shipment.ts'
import type { Length, PricingCarrier, PricingService, Weight } from './types.ts'
import { convertLength, convertWeight } from './units.ts'

const closed = (code: string, details: RefusalDetails) => new EngineRefusal(code, details)

/** Step 1 without the rules: refuses a service that is not offered to anyone now, or not for this shipment. Values are compared as entered, strictly. */
export function passGates(carrier: PricingCarrier, service: PricingService, shipment: Shipment): void {
  requireOpen(carrier, service)
  requireLimits(service, shipment)
  const missing = shipment.features.find((feature) => !service.features.includes(feature))
  if (missing !== undefined) throw closed('FEATURE_NOT_OFFERED', { value: missing })
}

/** A carrier that was not approved yet, or a service not activated yet, answers as one that stopped. */
function requireOpen({ status: carrier }: PricingCarrier, { status: service }: PricingService) {
  if (carrier === 'retired') throw closed('CARRIER_RETIRED', {})
  if (carrier !== 'active') throw closed('CARRIER_SUSPENDED', { limit: 'active', value: carrier })
  if (service === 'retired') throw closed('SERVICE_RETIRED', {})
  if (service !== 'active') throw closed('SERVICE_PAUSED', { limit: 'active', value: service })
}

function requireLimits({ limits }: PricingService, shipment: Shipment) {
  if (!limits) return
  const { maxWeight, maxLength, maxLengthPlusGirth, maxPieces, maxDeclaredValue } = limits
  if (maxWeight)
    requireEach('OVER_MAX_WEIGHT', maxWeight, shipment, ({ weight, weightUnit }) => convertWeight(weight, weightUnit, maxWeight.unit))
  if (maxLength)
    requireEach('OVER_MAX_LENGTH', maxLength, shipment, ({ size }) => size && convertLength(size.longestSide, size.unit, maxLength.unit))
  if (maxLengthPlusGirth) {
    const { unit } = maxLengthPlusGirth
    requireEach(
      'OVER_MAX_LENGTH_PLUS_GIRTH',
      maxLengthPlusGirth,
      shipment,
      ({ size }) => size && convertLength(size.lengthPlusGirth, size.unit, unit),
    )
  }
  if (maxPieces != null && shipment.pieceCount > maxPieces)
    throw closed('OVER_MAX_PIECES', { limit: String(maxPieces), value: String(shipment.pieceCount) })
  if (maxDeclaredValue && shipment.declaredValue) {
    const { minor, currency } = shipment.declaredValue
    const limit = requireCurrency(maxDeclaredValue.currency)
    if (limit.code !== currency.code) throw closed('CURRENCY_MISMATCH', { limit: limit.code, value: currency.code })
    const maximum = parseMoney(maxDeclaredValue.amount, limit)
    if (minor > maximum)
      throw closed('OVER_MAX_DECLARED_VALUE', { limit: formatMinor(maximum, limit), value: formatMinor(minor, limit), unit: limit.code })
  }
}

/** Names the highest of all pieces when it is over the limit. */
function requireEach(code: string, limit: Weight | Length, { pieces }: Shipment, measured: (piece: MeasuredPiece) => Exact | null) {
  const maximum = parseDecimal(limit.value)
  const values = pieces.flatMap((piece) => measured(piece) ?? [])
  const highest = values.sort((a, b) => b.compare(a))[0]
  if (highest && highest.compare(maximum) > 0)
    throw closed(code, { limit: printDecimal(maximum), value: printDecimal(highest), unit: limit.unit })
}
