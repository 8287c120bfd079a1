import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import { Id, Instant, LocalDate, Money, Nullable, OneOf, Page, Text } from '#platform/schemas.ts'
import { closed, Ordinal, RowVersion } from './schemas.ts'
import { QuoteRequest } from './shipment-schemas.ts'
import { tariffScopes } from './tariff-schemas.ts'

/** A quote: every considered service with its exact price, line by line, or the reason why it has none. */

export const quoteStates = ['open', 'accepted', 'expired', 'cancelled', 'superseded'] as const

const Refusal = {
  code: Type.String(),
  limit: Type.Optional(Type.String()),
  value: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
}

export const RateLine = Type.Object(
  {
    seq: Type.Integer({ minimum: 1 }),
    type: OneOf(['base', 'discount', 'adjustment', 'surcharge'] as const),
    code: Type.String(),
    amount: Money,
    of: Type.Optional(Type.String({ description: 'A discount on a surcharge: the code of that surcharge' })),
    rule: Nullable(Type.Object({ id: Id, number: Ordinal }, closed)),
    calc: Type.Record(Type.String(), Type.String(), { description: 'What the amount was computed from' }),
    raw: Type.String({ description: 'The exact amount before rounding, at most 6 digits shown' }),
  },
  closed,
)

export const QuoteRate = Type.Object(
  {
    rateId: Type.Integer({ minimum: 1 }),
    carrier: Type.Object({ id: Id, code: Type.String(), scac: Nullable(Type.String()) }, closed),
    serviceCode: Type.String(),
    transitDays: Nullable(Type.Integer({ minimum: 0 })),
    zone: Type.String(),
    chargeableWeight: Type.Object({ value: Type.String(), unit: Type.String() }, closed),
    tariff: Type.Object({ id: Id, versionId: Id, number: Ordinal, scope: OneOf(tariffScopes), contentHash: Type.String() }, closed),
    fallback: Type.Boolean(),
    total: Money,
    lines: Type.Array(RateLine),
  },
  { ...closed, $id: 'QuoteRate' },
)
export type QuoteRate = Static<typeof QuoteRate>

export const Ineligible = Type.Object(
  {
    carrierCode: Type.String(),
    serviceCode: Type.String(),
    ...Refusal,
    rule: Type.Optional(Type.Object({ id: Id, number: Ordinal }, closed)),
  },
  closed,
)
export const QuoteWarning = Type.Object(
  { code: Type.String(), path: Type.Optional(Type.String()), service: Type.Optional(Type.String()), slot: Type.Optional(Type.String()) },
  closed,
)

export const QuoteCustomer = Type.Object({ accountNumber: Nullable(Type.String()), status: Type.String(), tier: Type.String() }, closed)
export type QuoteCustomer = Static<typeof QuoteCustomer>

export const Quote = Type.Object(
  {
    id: Id,
    status: OneOf(quoteStates),
    customerId: Id,
    pricedAt: Instant,
    rateDate: LocalDate,
    expiresAt: Instant,
    engineVersion: Type.String(),
    request: QuoteRequest,
    requestHash: Type.String(),
    inputsHash: Type.String(),
    customer: QuoteCustomer,
    rates: Type.Array(QuoteRate),
    ineligible: Type.Array(Ineligible),
    warnings: Type.Array(QuoteWarning),
    supersedes: Nullable(Id),
    version: RowVersion,
    createdAt: Instant,
  },
  { ...closed, $id: 'Quote' },
)
export type Quote = Static<typeof Quote>
export const QuotePage = Page(Quote)
export const ListQuotes = listQuery({
  sorts: ['createdAt'],
  filters: { status: commaList(quoteStates), customerId: Id, carrierId: Id, 'expiresAt[lt]': Instant, ref: Text(1, 100) },
})
export type ListQuotes = Static<typeof ListQuotes>

/** What `POST /v1/rates` answers: a quote that is not stored. */
export const Rates = Type.Omit(Quote, ['id', 'status', 'supersedes', 'version', 'createdAt'])
export type Rates = Static<typeof Rates>

export const ExplanationStep = Type.Object(
  {
    step: Type.String({ description: 'Row of the order of evaluation' }),
    inputs: Type.Record(Type.String(), Type.Unknown()),
    decision: Type.String(),
    candidates: Type.Array(
      Type.Object(
        {
          id: Id,
          slot: Type.String({
            description: 'tariff, override, discount:CODE, surcharge:CODE, minimum:net, minimum:total, maximum:total or block',
          }),
          code: Type.String(),
          outcome: OneOf(['won', 'lost', 'applied'] as const),
          reason: Nullable(Type.String({ description: 'Why it lost' })),
          versionId: Type.Optional(Nullable(Id)),
        },
        closed,
      ),
    ),
    output: Type.Record(Type.String(), Type.Unknown()),
    text: Type.String({ description: 'One English sentence' }),
  },
  closed,
)
export const ServiceExplanation = Type.Object(
  {
    carrierCode: Type.String(),
    serviceCode: Type.String(),
    rateId: Nullable(Type.Integer({ minimum: 1 })),
    steps: Type.Array(ExplanationStep),
  },
  closed,
)
export const QuoteExplanation = Type.Object(
  { quoteId: Id, services: Type.Array(ServiceExplanation, { description: 'With ?rateId= only the service of that rate' }) },
  { ...closed, $id: 'QuoteExplanation' },
)
export type QuoteExplanation = Static<typeof QuoteExplanation>
