import Type from 'typebox'
import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { TooManyDecimals } from '#platform/http-errors.ts'
import {
  CarrierReferenceNotFound,
  CustomerClosed,
  CustomerReferenceNotFound,
  engineErrors,
  QuoteNotFound,
  RateNotFound,
  ShipDateOutOfRange,
} from './errors.ts'
import { ListQuotes, Quote, QuoteExplanation, QuotePage, Rates } from './quote-schemas.ts'
import type { PricingService } from './service.ts'
import { QuoteRequest } from './shipment-schemas.ts'

const tags = ['pricing']
const pricingErrors = [
  CustomerReferenceNotFound,
  CarrierReferenceNotFound,
  CustomerClosed,
  ShipDateOutOfRange,
  TooManyDecimals,
  engineErrors.OUT_OF_RANGE,
  engineErrors.UNKNOWN_SERVICE,
  engineErrors.UNKNOWN_CURRENCY,
  engineErrors.INVALID_DATE,
  engineErrors.INVALID_POSTAL_CODE,
] as const
const ExplanationQuery = Type.Object(
  { rateId: Type.Optional(Type.Integer({ minimum: 1, maximum: 32_767 })) },
  { additionalProperties: false },
)

/** Quotes: exact prices, line by line, with the reason of each. */
export const quoteRoutes =
  ({ service }: { service: PricingService }): ModuleRoutes =>
  async (app) => {
    app.post(
      '/v1/quotes',
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'createQuote',
          summary: 'Price a shipment and keep the prices',
          tags,
          body: QuoteRequest,
          response: answers({ 201: Quote }),
        },
        config: {
          access: { permission: 'quote:create' },
          database: 'pricing_service_db',
          answer: created<Quote>(({ id }) => `/v1/quotes/${id}`),
          errors: [...pricingErrors],
        },
      },
      async (request) => service.createQuote(request.body, request.principal),
    )

    app.post(
      '/v1/rates',
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'getRates',
          summary: 'Price a shipment without keeping anything',
          tags,
          body: QuoteRequest,
          response: answers({ 200: Rates }),
        },
        config: { access: { permission: 'quote:create' }, idempotency: 'none', errors: [...pricingErrors] },
      },
      async (request) => service.getRates(request.body, request.principal),
    )

    app.get(
      '/v1/quotes',
      {
        schema: { operationId: 'listQuotes', summary: 'List quotes', tags, querystring: ListQuotes, response: answers({ 200: QuotePage }) },
        config: { access: { permission: 'quote:read' } },
      },
      async (request) => service.listQuotes(request.query, request.principal),
    )

    app.get(
      idPath('/v1/quotes/:id'),
      {
        schema: { operationId: 'getQuote', summary: 'Read a quote', tags, params: IdParams, response: answers({ 200: Quote }) },
        config: { access: { permission: 'quote:read' }, errors: [QuoteNotFound] },
      },
      async (request) => service.requireQuote(request.params, request.principal),
    )

    app.get(
      idPath('/v1/quotes/:id/explanation'),
      {
        schema: {
          operationId: 'explainQuote',
          summary: 'Read why each service has its price, or none',
          tags,
          params: IdParams,
          querystring: ExplanationQuery,
          response: answers({ 200: QuoteExplanation }),
        },
        config: { access: { permission: 'quote:read' }, errors: [QuoteNotFound, RateNotFound] },
      },
      async (request) => service.explainQuote({ id: request.params.id, rateId: request.query.rateId }, request.principal),
    )
  }
