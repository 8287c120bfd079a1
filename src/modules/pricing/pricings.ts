import { ValidationFailed } from '#platform/http-errors.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import type { createCatalogue } from './catalogue.ts'
import { canonicalJson, sha256 } from './engine/content-hash.ts'
import { localDate, parseInstant } from './engine/dates.ts'
import { priceShipment } from './engine/price-shipment.ts'
import type { PricingCarrier, PricingCustomer, PricingInput, PricingResult, Tariff } from './engine/types.ts'
import { CarrierReferenceNotFound, CustomerClosed, CustomerReferenceNotFound, ShipDateOutOfRange } from './errors.ts'
import type { Carriers, Customers } from './neighbours.ts'
import type { QuoteVisibility } from './quote-repository.ts'
import type { QuoteCustomer } from './quote-schemas.ts'
import { orRefusal, unknownReference } from './refusals.ts'
import type { QuoteRequest } from './shipment-schemas.ts'

const day = 86_400_000
/** The most that the contract of carrier takes at once. */
const carriersPerCall = 200
/** The first and the last place on earth where a date is today. */
const earliestZone = 'Etc/GMT-14'
const latestZone = 'Etc/GMT+12'

interface PricingNeeds {
  catalogue: ReturnType<typeof createCatalogue>
  customers: Customers
  carriers: Carriers
}

/** One request priced at one instant: the answer of the engine, and what it was asked with. */
export interface Pricing {
  customerId: number
  pricedAt: string
  request: QuoteRequest
  customer: QuoteCustomer
  customerVersion: number
  input: PricingInput
  result: PricingResult
}

/** From a request to its prices: who asks for whom, what the neighbours say, and what is in force. Nothing is stored. */
export function createPricings({ catalogue, customers, carriers }: PricingNeeds) {
  return { price, customersOf }

  /** Loads what the engine needs, all of it before any transaction, and prices. */
  async function price(request: QuoteRequest, actor: Principal): Promise<Pricing> {
    const customerId = await customerOf(request, actor)
    const [profile, { tariffs, rules, now }] = await Promise.all([customers.getPricingProfile({ id: customerId }), catalogue.load()])
    if (!profile) throw unknownReference(CustomerReferenceNotFound, '/customerId', customerId)
    if (profile.status === 'closed') throw CustomerClosed({ customerId })
    const pricedAt = now()
    const mayLookBack = scopeOf(actor, 'quote:reprice') !== undefined
    orRefusal(() => requireShipDateInRange(request, Date.parse(pricedAt), mayLookBack))
    // Contracts of other customers are no candidates and stand in nobody's explanation.
    const isOwn = (entry: { customerId?: number | null }): boolean => (entry.customerId ?? customerId) === customerId
    const candidates = tariffs.filter(isOwn)
    const customer: PricingCustomer = { id: customerId, status: profile.status, tier: profile.tier }
    const input: PricingInput = {
      pricedAt,
      request,
      customer,
      carriers: await carriersOf(request, candidates),
      tariffs: candidates,
      rules: rules.filter(isOwn),
    }
    return {
      customerId,
      pricedAt,
      request,
      customer: { accountNumber: profile.accountNumber, status: profile.status, tier: profile.tier },
      customerVersion: profile.version,
      input,
      result: orRefusal(() => priceShipment(input)),
    }
  }

  /** A customer quotes for itself and may leave itself out; everybody else names the customer. */
  async function customerOf(request: QuoteRequest, actor: Principal): Promise<number> {
    const visible = await customersOf(actor, 'quote:create')
    if (request.customerId === undefined) {
      const [own, ...others] = visible === 'any' ? [] : visible
      if (own !== undefined && others.length === 0) return own
      throw ValidationFailed(
        { count: 1 },
        { faults: [{ in: 'body', path: '/customerId', code: 'REQUIRED', message: 'names the customer to quote for' }] },
      )
    }
    if (visible !== 'any' && !visible.includes(request.customerId))
      throw unknownReference(CustomerReferenceNotFound, '/customerId', request.customerId)
    return request.customerId
  }

  /** The customers for whom the caller holds a permission. */
  async function customersOf(actor: Principal, permission: string): Promise<QuoteVisibility> {
    if (scopeOf(actor, permission) === 'any') return 'any'
    if (actor.userId === undefined) return []
    return customers.getCustomersOfUser({ userId: actor.userId })
  }

  async function carriersOf(request: QuoteRequest, candidates: readonly Tariff[]): Promise<PricingCarrier[]> {
    const named = request.services?.map((service) => service.carrierId)
    const ids = [...new Set(named ?? candidates.map((tariff) => tariff.carrierId))].sort((a, b) => a - b)
    if (ids.length === 0) return []
    const batches = Array.from({ length: Math.ceil(ids.length / carriersPerCall) }, (_, batch) =>
      ids.slice(batch * carriersPerCall, (batch + 1) * carriersPerCall),
    )
    const [found, services] = await Promise.all([
      Promise.all(batches.map((batch) => carriers.getCarriers({ ids: batch }))).then((lists) => lists.flat()),
      Promise.all(batches.map((batch) => carriers.listServices({ carrierIds: batch }))).then((lists) => lists.flat()),
    ])
    const known = new Set(found.map((carrier) => carrier.id))
    named?.forEach((id, index) => {
      if (!known.has(id)) throw unknownReference(CarrierReferenceNotFound, `/services/${index}/carrierId`, id)
    })
    const byCarrier = Map.groupBy(services, (service) => service.carrierId)
    return found.map((carrier) => ({
      id: carrier.id,
      code: carrier.code,
      scac: carrier.scac,
      status: carrier.status,
      services: byCarrier.get(carrier.id) ?? [],
    }))
  }
}
export type Pricings = ReturnType<typeof createPricings>

export const requestHash = (request: QuoteRequest): string => canonicalHash(request)

/** Names everything the price rests on beside the request: the same hash means the same price. */
export function inputsHash({ pricedAt, input }: Pricing): string {
  return canonicalHash({
    pricedAt,
    customer: input.customer,
    carriers: input.carriers,
    tariffs: input.tariffs.map(({ versions, ...tariff }) => ({
      ...tariff,
      versions: versions.map(({ id, contentHash, closings }) => ({ id, contentHash, closings })),
    })),
    rules: input.rules.map(({ id, number }) => ({ id, number })),
  })
}

const canonicalHash = (value: unknown): string => sha256(canonicalJson(value))

/** Today, as long as it is today anywhere, up to 365 days ahead; days gone by only for those who may price again. */
function requireShipDateInRange({ shipDate, shipAt }: QuoteRequest, now: number, mayLookBack: boolean): void {
  const first = localDate(now, latestZone)
  const last = localDate(now + 365 * day, earliestZone)
  const shipped = shipAt === undefined ? undefined : parseInstant(shipAt, '/shipAt')
  const latest = shipDate ?? (shipped === undefined ? undefined : localDate(shipped, earliestZone))
  const earliest = shipDate ?? (shipped === undefined ? undefined : localDate(shipped, latestZone))
  if (latest === undefined || earliest === undefined) return
  if ((mayLookBack || latest >= first) && earliest <= last) return
  const value = shipDate ?? shipAt ?? ''
  throw ShipDateOutOfRange(
    { shipDate: value },
    {
      faults: [
        {
          in: 'body',
          path: shipDate === undefined ? '/shipAt' : '/shipDate',
          code: ShipDateOutOfRange.code,
          message: 'lies in the past or too far ahead',
          value,
        },
      ],
    },
  )
}
