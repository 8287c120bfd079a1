import Type, { type Static } from 'typebox'
import { Country, Currency, Decimal, Id, Instant, LocalDate, Money, OneOf, Personal, Text } from '#platform/schemas.ts'
import { closed, ServiceCode } from './schemas.ts'

/** What is asked to be priced: from where, to where, which pieces, when. */

export const Place = Type.Object(
  {
    country: Country,
    region: Type.Optional(Text(1, 10)),
    city: Type.Optional(Text(1, 100)),
    postalCode: Type.Optional(Text(1, 20)),
    residential: Type.Optional(Type.Boolean()),
  },
  closed,
)
const Weight = Type.Object({ value: Decimal, unit: OneOf(['g', 'kg', 't', 'oz', 'lb'] as const) }, closed)
const Dimensions = Type.Object(
  { length: Decimal, width: Decimal, height: Decimal, unit: OneOf(['mm', 'cm', 'm', 'in', 'ft'] as const) },
  closed,
)

export const QuoteRequest = Type.Object(
  {
    customerId: Type.Optional(Type.Integer({ ...Id, description: 'Customers may leave it out: their own' })),
    origin: Place,
    destination: Place,
    pieces: Type.Array(
      Type.Object(
        { weight: Weight, dimensions: Type.Optional(Dimensions), count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9_999 })) },
        closed,
      ),
      { minItems: 1, maxItems: 200 },
    ),
    shipDate: Type.Optional(LocalDate),
    shipAt: Type.Optional(Instant),
    declaredValue: Type.Optional(Money),
    distanceKm: Type.Optional(Decimal),
    features: Type.Optional(
      Type.Array(OneOf(['signature', 'liftgate', 'residential', 'hazmat', 'reefer', 'insurance', 'appointment'] as const), {
        uniqueItems: true,
        maxItems: 7,
      }),
    ),
    services: Type.Optional(
      Type.Array(Type.Object({ carrierId: Id, serviceCode: Type.Optional(ServiceCode) }, closed), { minItems: 1, maxItems: 50 }),
    ),
    currency: Type.Optional(Currency),
    ref: Type.Optional(Personal(Text(1, 100))),
  },
  {
    ...closed,
    examples: [
      {
        origin: { country: 'US', postalCode: '10001' },
        destination: { country: 'US', postalCode: '94105', residential: true },
        pieces: [{ weight: { value: '3.2', unit: 'lb' }, dimensions: { length: '10', width: '8', height: '6', unit: 'in' } }],
        shipDate: '2026-03-02',
      },
    ],
  },
)
export type QuoteRequest = Static<typeof QuoteRequest>
