import Type, { type Static } from 'typebox'
import { Decimal, Nullable, OneOf } from '#platform/schemas.ts'
import { Amount, closed, RowVersion, ServiceCode } from './schemas.ts'

/** Rate tables: how units become a base charge. */

const priceBreaks = Type.Array(
  Type.Object({ from: Decimal, to: Type.Optional(Nullable(Decimal)), price: Amount, allowZero: Type.Optional(Type.Boolean()) }, closed),
  {
    minItems: 1,
    maxItems: 1_000,
  },
)
const rateBreaks = Type.Array(
  Type.Object(
    {
      from: Decimal,
      to: Type.Optional(Nullable(Decimal)),
      rate: Decimal,
      flat: Type.Optional(Amount),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  { minItems: 1, maxItems: 1_000 },
)
const breakMode = Type.Optional(OneOf(['lower_inclusive', 'upper_inclusive'] as const))

const rateTableMembers = {
  service: Type.Union([Type.Literal('*'), ServiceCode], { description: '`*`: every service of the tariff without a table of its own' }),
  zone: Type.Literal('*', { description: 'A version without a zone set has the one zone `*`' }),
  units: Type.Optional(
    OneOf(['chargeable_weight', 'pieces', 'declared_value', 'distance_km'] as const, 'What is counted; default the chargeable weight'),
  ),
  minCharge: Type.Optional(Nullable(Amount)),
  maxCharge: Type.Optional(Nullable(Amount)),
  transitDays: Type.Optional(Nullable(Type.Integer({ minimum: 0, maximum: 365 }))),
}

/** One rate table of a version (rules BC1 to BC5). */
export const RateTable = Type.Union([
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('per_unit'),
      rate: Decimal,
      per: Type.Optional(Decimal),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object({ ...rateTableMembers, type: Type.Literal('percent'), percent: Decimal, allowZero: Type.Optional(Type.Boolean()) }, closed),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('step'),
      breaks: priceBreaks,
      breakMode,
      overflow: Type.Optional(OneOf(['error', 'pro_rata_last', 'repeat'] as const)),
    },
    closed,
  ),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('volume'),
      breaks: rateBreaks,
      breakMode,
      per: Type.Optional(Decimal),
      deficit: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object({ ...rateTableMembers, type: Type.Literal('graduated'), breaks: rateBreaks, breakMode, per: Type.Optional(Decimal) }, closed),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('package'),
      size: Decimal,
      price: Amount,
      free: Type.Optional(Decimal),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
])
export type RateTable = Static<typeof RateTable>
export const RateTables = Type.Object(
  { tables: Type.Array(RateTable, { maxItems: 500 }) },
  { ...closed, description: 'All rate tables of a draft; PUT replaces them as a whole' },
)
export type RateTables = Static<typeof RateTables>

export const StoredRates = Type.Object({ ...RateTables.properties, version: RowVersion }, closed)
export type StoredRates = Static<typeof StoredRates>
