import { compareTexts } from './conditions.ts'
import { toInstantText } from './dates.ts'
import { rankStep } from './explanation.ts'
import { priceService, type ServiceOutcome, type ServiceRate } from './price-service.ts'
import { EngineRefusal } from './refusal.ts'
import { readShipment, type Shipment } from './shipment.ts'
import { covers, isForCustomer, wasPublished } from './tariff-candidates.ts'
import type {
  IneligibleService,
  PricedRate,
  PricingCarrier,
  PricingCustomer,
  PricingInput,
  PricingResult,
  PricingService,
  PricingWarning,
  ServiceExplanation,
} from './types.ts'

/** Any change of a result is a new engine version; the old engine stays for old quotes. */
export const ENGINE_VERSION = '1'

const VALIDITY_WITHOUT_RATES_MS = 7 * 86_400_000

interface Considered {
  carrier: PricingCarrier
  service: PricingService
}

type Priced = Considered & { steps: ServiceOutcome['steps']; priced: ServiceRate }

/**
 * Prices one request over every considered service. Pure: the same input gives the same bytes, whenever and wherever it is asked.
 *
 * Throws `EngineRefusal` only for faults of the request itself, with `path` into it, and `CUSTOMER_CLOSED`; a service that cannot be priced is an entry of
 * `ineligible` with the code of its refusal.
 */
export function priceShipment(input: PricingInput): PricingResult {
  if (input.customer.status === 'closed') throw new EngineRefusal('CUSTOMER_CLOSED', { path: '/customerId' })
  const shipment = readShipment(input.request, input.pricedAt)
  const considered = consideredServices(input, shipment).sort(byCode)

  const priced: Priced[] = []
  const ineligible: IneligibleService[] = []
  const refused: ServiceExplanation[] = []
  for (const { carrier, service } of considered) {
    const tariffs = input.tariffs.filter((tariff) => covers(tariff, carrier.id, service.code))
    const outcome = priceService({ shipment, customer: input.customer, carrier, service, tariffs, rules: input.rules })
    if ('priced' in outcome) {
      priced.push({ carrier, service, ...outcome })
      continue
    }
    ineligible.push(outcome.ineligible)
    refused.push({ carrierCode: carrier.code, serviceCode: service.code, rateId: null, steps: outcome.steps })
  }
  priced.sort(byRank)

  const rates = priced.map(({ priced: { rate } }, index): PricedRate => ({ rateId: index + 1, ...rate }))
  const explained = priced.map(
    ({ carrier, service, steps }, index): ServiceExplanation => ({
      carrierCode: carrier.code,
      serviceCode: service.code,
      rateId: index + 1,
      steps: [...steps, rankStep(index + 1, priced.length)],
    }),
  )
  return {
    engineVersion: ENGINE_VERSION,
    rateDate: priced[0]?.priced.rateDate ?? toInstantText(shipment.pricedAt).slice(0, 10),
    expiresAt: toInstantText(
      Math.min(
        ...(priced.length > 0 ? priced.map(({ priced: { expiresAt } }) => expiresAt) : [shipment.pricedAt + VALIDITY_WITHOUT_RATES_MS]),
      ),
    ),
    rates,
    ineligible,
    warnings: distinct([...customerWarnings(input.customer), ...priced.flatMap(({ priced: { warnings } }) => warnings)]),
    explanations: [...explained, ...refused],
  }
}

/** The services the request names, else every service that a tariff for this customer offers. */
function consideredServices({ request, carriers, tariffs, customer }: PricingInput, { pricedAt }: Shipment): Considered[] {
  if (request.services != null && request.services.length > 0) return namedServices(request.services, carriers)
  const offers = tariffs.filter((tariff) => isForCustomer(tariff, customer) && wasPublished(tariff, pricedAt))
  return carriers.flatMap((carrier) =>
    carrier.services
      .filter((service) => service.status !== 'draft' && offers.some((tariff) => covers(tariff, carrier.id, service.code)))
      .map((service) => ({ carrier, service })),
  )
}

function namedServices(named: NonNullable<PricingInput['request']['services']>, carriers: readonly PricingCarrier[]): Considered[] {
  const found = new Map<PricingService, Considered>()
  for (const [index, { carrierId, serviceCode }] of named.entries()) {
    const carrier = carriers.find(({ id }) => id === carrierId)
    if (!carrier) throw new EngineRefusal('CARRIER_NOT_FOUND', { path: `/services/${index}/carrierId`, value: String(carrierId) })
    const services = carrier.services.filter(({ code, status }) => (serviceCode == null ? status !== 'draft' : code === serviceCode))
    if (serviceCode != null && services.length === 0)
      throw new EngineRefusal('UNKNOWN_SERVICE', { path: `/services/${index}/serviceCode`, value: serviceCode })
    for (const service of services) found.set(service, { carrier, service })
  }
  return [...found.values()]
}

function byCode(a: Considered, b: Considered): number {
  return compareTexts(a.carrier.code, b.carrier.code) || compareTexts(a.service.code, b.service.code)
}

/** Currency, total, transit days with the unknown last, then codes. */
function byRank(a: Priced, b: Priced): number {
  return (
    compareTexts(a.priced.rate.total.currency, b.priced.rate.total.currency) ||
    compareAmounts(a.priced.total, b.priced.total) ||
    (a.priced.rate.transitDays ?? Number.MAX_SAFE_INTEGER) - (b.priced.rate.transitDays ?? Number.MAX_SAFE_INTEGER) ||
    byCode(a, b)
  )
}

const compareAmounts = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

function customerWarnings({ status, creditStatus }: PricingCustomer): PricingWarning[] {
  return [
    ...(status === 'pending' || status === 'suspended' ? [{ code: 'CUSTOMER_NOT_ACTIVE', path: '/customerId' }] : []),
    ...(creditStatus === 'hold' ? [{ code: 'CREDIT_HOLD', path: '/customerId' }] : []),
  ]
}

function distinct(warnings: PricingWarning[]): PricingWarning[] {
  return [...new Map(warnings.map((warning) => [JSON.stringify(warning), warning])).values()]
}
