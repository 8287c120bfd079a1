import { audit } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { Principal } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { PricingEvents } from './contract.ts'
import { parseMoney, requireCurrency } from './engine/money.ts'
import { QuoteNotFound, RateNotFound } from './errors.ts'
import { inputsHash, type Pricing, type Pricings, requestHash } from './pricings.ts'
import type { QuoteRepository, QuoteVisibility } from './quote-repository.ts'
import type { ListQuotes, Quote, QuoteExplanation, Rates } from './quote-schemas.ts'
import type { QuoteRequest } from './shipment-schemas.ts'

interface QuoteNeeds {
  repository: QuoteRepository
  pricings: Pricings
  publish: Publisher<PricingEvents, PricingTx>
}

/** Quotes: exact prices of a shipment with every considered service, kept as they were given. */
export function createQuotes({ repository, pricings, publish }: QuoteNeeds) {
  return {
    async createQuote(request: QuoteRequest, actor: Principal): Promise<Quote> {
      const pricing = await pricings.price(request, actor)
      const offer = offerOf(request, pricing)
      const { rates, ...row } = offer
      const { customerId, ineligible, expiresAt } = row
      return repository.inTransaction(async (tx) => {
        // What is stored is what is answered: nothing is read back, and the instant of the pricing is that of the quote.
        const id = await repository.insert(
          tx,
          {
            ...row,
            status: 'open',
            customerVersion: pricing.customerVersion,
            explanations: pricing.result.explanations,
            ref: request.ref ?? null,
            supersedes: null,
            createdBy: actor.userId ?? null,
            createdAt: offer.pricedAt,
          },
          pricing.result.rates.map((rate) => ({
            rateId: rate.rateId,
            carrierId: rate.carrier.id,
            serviceCode: rate.serviceCode,
            tariffVersionId: rate.tariff.versionId,
            totalMinor: String(parseMoney(rate.total.amount, requireCurrency(rate.total.currency), { sign: 'any' })),
            currency: rate.total.currency,
            rate,
          })),
        )
        const [best] = rates
        await audit(tx, {
          action: 'quote.created',
          subject: `quote/${id}`,
          after: { customerId, rates: rates.length, bestTotal: best?.total ?? null },
        })
        await publish(tx, 'quote.created', id, {
          quoteId: id,
          customerId,
          ...(best ? { bestTotal: best.total.amount, currency: best.total.currency } : {}),
          rates: rates.length,
          ineligible: ineligible.length,
          expiresAt,
        })
        return { id, status: 'open', ...offer, supersedes: null, version: 1, createdAt: offer.pricedAt }
      })
    },

    /** Prices without storing anything. */
    async getRates(request: QuoteRequest, actor: Principal): Promise<Rates> {
      return offerOf(request, await pricings.price(request, actor))
    },

    async requireQuote({ id }: { id: number }, actor: Principal): Promise<Quote> {
      return requireQuote(id, await pricings.customersOf(actor, 'quote:read'))
    },

    async listQuotes(query: ListQuotes, actor: Principal): Promise<PageOf<Quote>> {
      const page = await repository.list(query, await pricings.customersOf(actor, 'quote:read'))
      return { ...page, data: page.data.map(present) }
    },

    async explainQuote({ id, rateId }: { id: number; rateId?: number | undefined }, actor: Principal): Promise<QuoteExplanation> {
      const services = await repository.explanationsOf(id, await pricings.customersOf(actor, 'quote:read'))
      if (!services) throw QuoteNotFound({ id })
      if (rateId === undefined) return { quoteId: id, services: services.map((service) => ({ ...service })) } as QuoteExplanation
      const wanted = services.filter((service) => service.rateId === rateId)
      if (wanted.length === 0) throw RateNotFound({ rateId })
      return { quoteId: id, services: wanted } as QuoteExplanation
    },

    /**
     * A closed customer gets no service: what was offered before, to the version of the customer that was current then, and not
     * accepted since, ends. In the transaction of the event's handler.
     */
    async cancelOpenQuotes(
      tx: PricingTx,
      { customerId, customerVersion, reason }: { customerId: number; customerVersion: number; reason: string },
    ): Promise<void> {
      for (const id of await repository.openBefore(tx, { customerId, customerVersion })) {
        if (!(await repository.cancel(tx, id))) continue
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

  async function requireQuote(id: number, visible: QuoteVisibility): Promise<Quote> {
    const row = await repository.find(id, visible)
    if (!row) throw QuoteNotFound({ id })
    return present(row)
  }
}
/** What is answered of a pricing, stored or not. */
function offerOf(request: QuoteRequest, pricing: Pricing): Rates {
  const { result } = pricing
  return {
    customerId: pricing.customerId,
    pricedAt: pricing.pricedAt,
    rateDate: result.rateDate,
    expiresAt: result.expiresAt,
    engineVersion: result.engineVersion,
    request,
    requestHash: requestHash(request),
    inputsHash: inputsHash(pricing),
    customer: pricing.customer,
    rates: result.rates as Rates['rates'],
    ineligible: result.ineligible,
    warnings: result.warnings,
  }
}

export type Quotes = ReturnType<typeof createQuotes>

function present(row: NonNullable<Awaited<ReturnType<QuoteRepository['find']>>>): Quote {
  const { isExpired, status, ...quote } = row
  return { ...quote, status: status === 'open' && Number(isExpired) === 1 ? 'expired' : status } as Quote
}
