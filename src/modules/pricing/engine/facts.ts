import type { Attribute, Facts } from './attributes.ts'
import type { BaseCharge } from './base-charge.ts'
import { type Exact, exact, larger, sum } from './decimal.ts'
import type { Shipment } from './shipment.ts'
import type { DateText, PricingCarrier, PricingCustomer, PricingService } from './types.ts'

/** What conditions can ask before a tariff is known. */
export function factsOfRequest(
  shipment: Shipment,
  customer: PricingCustomer,
  carrier: PricingCarrier,
  service: PricingService,
  shipDate: DateText,
): Facts {
  const { origin, destination } = shipment
  return {
    'customer.tier': customer.tier ?? null,
    'customer.groups': customer.groups ?? null,
    'carrier.code': carrier.code,
    'service.code': service.code,
    'service.mode': service.mode,
    'origin.country': origin.country,
    'origin.region': origin.region,
    'origin.postal': origin.postal,
    'dest.country': destination.country,
    'dest.region': destination.region,
    'dest.postal': destination.postal,
    'dest.residential': destination.residential,
    features: shipment.features,
    pieces: exact(BigInt(shipment.pieceCount)),
    shipDate,
  }
}

/** What only the winning version can say: its zone, and weights and sizes in its units. */
export function factsOfBase({ zone, weight }: BaseCharge, shipment: Shipment): Pick<Facts, Attribute> {
  return {
    zone,
    chargeableWeight: weight.value,
    actualWeight: sum(weight.pieces.map((piece) => piece.weight.mul(exact(BigInt(piece.count))))),
    longestSide: highest(weight.pieces.map(({ size }) => size?.longestSide)),
    lengthPlusGirth: highest(weight.pieces.map(({ size }) => size?.lengthPlusGirth)),
    declaredValue: shipment.declaredValue?.amount ?? null,
  }
}

/** Missing as soon as one piece was not measured. */
function highest(values: (Exact | undefined)[]): Exact | null {
  let result: Exact | null = null
  for (const value of values) {
    if (!value) return null
    result = result ? larger(result, value) : value
  }
  return result
}
