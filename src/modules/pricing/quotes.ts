import { audit } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { ValidationFailed } from '#platform/http-errors.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { createCatalogue } from './catalogue.ts'
import type { PricingEvents } from './contract.ts'
import { canonicalJson, sha256 } from './engine/content-hash.ts'
import { localDate } from './engine/dates.ts'
import { parseMoney, requireCurrency } from './engine/money.ts'
import { priceShipment } from './engine/price-shipment.ts'
import type { PricingCarrier, PricingCustomer, PricingInput, PricingResult, Tariff } from './engine/types.ts'
import {
  CarrierReferenceNotFound,
  CustomerClosed,
  CustomerReferenceNotFound,
  QuoteNotFound,
  RateNotFound,
  ShipDateOutOfRange,
} from './errors.ts'
import type { Carriers, Customers } from './neighbours.ts'
import type { QuoteRepository, QuoteVisibility } from './quote-repository.ts'
import { orRefusal } from './refusals.ts'
import type { ListQuotes, Quote, QuoteCustomer, QuoteExplanation, QuoteRequest, Rates } from './schemas.ts'

const day = 86_400_000
/** The first and the last place on earth where a date is today. */
const earliestZone = 'Etc/GMT-14'
const latestZone = 'Etc/GMT+12'

interface QuoteNeeds {
  repository: QuoteRepository
  catalogue: ReturnType<typeof createCatalogue>
  customers: Customers
  carriers: Carriers
  publish: Publisher<PricingEvents, PricingTx>
}

interface Pricing {
  customerId: number
  pricedAt: string
  request: QuoteRequest
  customer: QuoteCustomer
  input: PricingInput
  result: PricingResult
}

/** Quotes: exact prices of a shipment with every considered service, kept as they were given. */
export function createQuotes({ repository, catalogue, customers, carriers, publish }: QuoteNeeds) {
  return {
    async createQuote(request: QuoteRequest, actor: Principal): Promise<Quote> {
      const pricing = await price(request, actor, 'quote:create')
      const { result, customerId } = pricing
      return repository.inTransaction(async (tx) => {
        const id = await repository.insert(
          tx,
          {
            status: 'open',
            customerId,
            pricedAt: pricing.pricedAt,
            rateDate: result.rateDate,
            expiresAt: result.expiresAt,
            engineVersion: result.engineVersion,
            request,
            requestHash: canonicalHash(request),
            inputsHash: inputsHash(pricing),
            customer: pricing.customer,
            ineligible: result.ineligible,
            warnings: result.warnings,
            explanations: result.explanations,
            ref: request.ref ?? null,
            supersedes: null,
            createdBy: actor.userId ?? null,
          },
          result.rates.map((rate) => ({
            rateId: rate.rateId,
            carrierId: rate.carrier.id,
            serviceCode: rate.serviceCode,
            tariffVersionId: rate.tariff.versionId,
            totalMinor: String(parseMoney(rate.total.amount, requireCurrency(rate.total.currency), { sign: 'any' })),
            currency: rate.total.currency,
            rate,
          })),
        )
        const quote = await requireQuote(id, 'any', tx)
        const [best] = quote.rates
        await audit(tx, {
          action: 'quote.created',
          subject: `quote/${id}`,
          after: { customerId, rates: quote.rates.length, bestTotal: best?.total ?? null },
        })
        await publish(tx, 'quote.created', id, {
          quoteId: id,
          customerId,
          ...(best ? { bestTotal: best.total.amount, currency: best.total.currency } : {}),
          rates: quote.rates.length,
          ineligible: quote.ineligible.length,
          expiresAt: quote.expiresAt,
        })
        return quote
      })
    },

    /** Prices without storing anything. */
    async getRates(request: QuoteRequest, actor: Principal): Promise<Rates> {
      const pricing = await price(request, actor, 'quote:create')
      const { result } = pricing
      return {
        customerId: pricing.customerId,
        pricedAt: pricing.pricedAt,
        rateDate: result.rateDate,
        expiresAt: result.expiresAt,
        engineVersion: result.engineVersion,
        request,
        requestHash: canonicalHash(request),
        inputsHash: inputsHash(pricing),
        customer: pricing.customer,
        rates: result.rates as Rates['rates'],
        ineligible: result.ineligible,
        warnings: result.warnings,
      }
    },

    async requireQuote({ id }: { id: number }, actor: Principal): Promise<Quote> {
      return requireQuote(id, await visibleQuotes(actor, 'quote:read'))
    },

    async listQuotes(query: ListQuotes, actor: Principal): Promise<PageOf<Quote>> {
      const page = await repository.list(query, await visibleQuotes(actor, 'quote:read'))
      return { ...page, data: page.data.map(present) }
    },

    async explainQuote({ id, rateId }: { id: number; rateId?: number | undefined }, actor: Principal): Promise<QuoteExplanation> {
      const services = await repository.explanationsOf(id, await visibleQuotes(actor, 'quote:read'))
      if (!services) throw QuoteNotFound({ id })
      if (rateId === undefined) return { quoteId: id, services: services.map((service) => ({ ...service })) } as QuoteExplanation
      const wanted = services.filter((service) => service.rateId === rateId)
      if (wanted.length === 0) throw RateNotFound({ rateId })
      return { quoteId: id, services: wanted } as QuoteExplanation
    },

    /** A closed customer gets no service: what was offered and not accepted ends. In the transaction of the event's handler. */
    async cancelOpenQuotes(tx: PricingTx, { customerId, reason }: { customerId: number; reason: string }): Promise<void> {
      const open = await repository.openOf(tx, customerId)
      await repository.cancel(
        tx,
        open.map((quote) => quote.id),
      )
      for (const { id } of open) {
        await audit(tx, {
          action: 'quote.cancelled',
          subject: `quote/${id}`,
          before: { status: 'open' },
          after: { status: 'cancelled' },
          reason,
        })
        await publish(tx, 'quote.cancelled', id, { quoteId: id, customerId, reason })
      }
    },
  }

  async function requireQuote(id: number, visible: QuoteVisibility, tx?: PricingTx): Promise<Quote> {
    const row = await repository.find(id, visible, tx)
    if (!row) throw QuoteNotFound({ id })
    return present(row)
  }

  /** Loads what the engine needs, all of it before any transaction, and prices. */
  async function price(request: QuoteRequest, actor: Principal, permission: string): Promise<Pricing> {
    const customerId = await customerOf(request, actor, permission)
    const [profile, { tariffs, rules, now }] = await Promise.all([customers.getPricingProfile({ id: customerId }), catalogue.load()])
    if (!profile) throw unknownCustomer(customerId)
    if (profile.status === 'closed') throw CustomerClosed({ customerId })
    const pricedAt = now()
    requireShipDateInRange(request, Date.parse(pricedAt))
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
      input,
      result: orRefusal(() => priceShipment(input)),
    }
  }

  /** A customer quotes for itself and may leave itself out; everybody else names the customer. */
  async function customerOf(request: QuoteRequest, actor: Principal, permission: string): Promise<number> {
    const visible = await visibleQuotes(actor, permission)
    if (request.customerId === undefined) {
      const [own, ...others] = visible === 'any' ? [] : visible
      if (own !== undefined && others.length === 0) return own
      throw ValidationFailed(
        { count: 1 },
        { faults: [{ in: 'body', path: '/customerId', code: 'REQUIRED', message: 'names the customer to quote for' }] },
      )
    }
    if (visible !== 'any' && !visible.includes(request.customerId)) throw unknownCustomer(request.customerId)
    return request.customerId
  }

  async function visibleQuotes(actor: Principal, permission: string): Promise<QuoteVisibility> {
    if (scopeOf(actor, permission) === 'any') return 'any'
    if (actor.userId === undefined) return []
    return customers.getCustomersOfUser({ userId: actor.userId })
  }

  async function carriersOf(request: QuoteRequest, candidates: readonly Tariff[]): Promise<PricingCarrier[]> {
    const named = request.services?.map((service) => service.carrierId)
    const ids = [...new Set(named ?? candidates.map((tariff) => tariff.carrierId))].sort((a, b) => a - b)
    if (ids.length === 0) return []
    const [found, services] = await Promise.all([carriers.getCarriers({ ids }), carriers.listServices({ carrierIds: ids })])
    if (named) {
      const known = new Set(found.map((carrier) => carrier.id))
      const missing = named.findIndex((id) => !known.has(id))
      if (missing >= 0) {
        const id = named[missing] ?? 0
        const fault = {
          in: 'body' as const,
          path: `/services/${missing}/carrierId`,
          code: 'CARRIER_NOT_FOUND',
          message: 'is no carrier',
          value: String(id),
        }
        throw CarrierReferenceNotFound({ id }, { faults: [fault] })
      }
    }
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
export type Quotes = ReturnType<typeof createQuotes>

const canonicalHash = (value: unknown): string => sha256(canonicalJson(value))

const unknownCustomer = (id: number) =>
  CustomerReferenceNotFound(
    { id },
    {
      faults: [
        { in: 'body', path: '/customerId', code: 'CUSTOMER_NOT_FOUND', message: 'is no customer you may quote for', value: String(id) },
      ],
    },
  )

/** Today, as long as it is today anywhere, up to 365 days ahead. */
function requireShipDateInRange(request: QuoteRequest, now: number): void {
  const shipDate = request.shipDate ?? request.shipAt?.slice(0, 10)
  if (shipDate === undefined) return
  if (shipDate >= localDate(now, latestZone) && shipDate <= localDate(now + 365 * day, earliestZone)) return
  const path = request.shipDate === undefined ? '/shipAt' : '/shipDate'
  throw ShipDateOutOfRange(
    { shipDate },
    { faults: [{ in: 'body', path, code: 'SHIP_DATE_OUT_OF_RANGE', message: 'lies in the past or too far ahead', value: shipDate }] },
  )
}

/** Names everything the price rests on beside the request: the same hash means the same price. */
function inputsHash({ pricedAt, input }: Pricing): string {
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

function present(row: NonNullable<Awaited<ReturnType<QuoteRepository['find']>>>): Quote {
  const { isExpired, status, ...quote } = row
  return { ...quote, status: status === 'open' && Number(isExpired) === 1 ? 'expired' : status } as Quote
}
