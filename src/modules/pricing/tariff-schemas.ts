import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import { Currency, Id, Instant, Nullable, OneOf, Page, Text, Timezone } from '#platform/schemas.ts'
import { closed, Priority, RowVersion, ServiceCode } from './schemas.ts'

/** A tariff: whose services it prices, for whom, and by which clock. */

export const tariffScopes = ['public', 'customer'] as const

const tariffMembers = {
  code: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,39}$', description: 'Unique, immutable', examples: ['fast-public'] }),
  name: Text(1, 200),
  carrierId: Id,
  serviceCodes: Type.Array(ServiceCode, {
    maxItems: 100,
    uniqueItems: true,
    default: [],
    description: 'Empty: every service of the carrier',
  }),
  scope: OneOf(tariffScopes, 'Whom the tariff is for'),
  customerId: Nullable(Id),
  priority: Priority,
  currency: Currency,
  timezone: { ...Timezone, description: 'By its calendar versions and rules are in force' },
  rateDateBasis: OneOf(['ship_date', 'quote_date'] as const, 'Which day decides the version in force'),
  fallbackPolicy: OneOf(['next', 'none'] as const, 'What happens when the tariff has no rate for a shipment'),
  quoteValidityDays: Type.Integer({ minimum: 1, maximum: 90 }),
  capAtTariffEnd: Type.Boolean({ description: 'Quotes end with the version' }),
}

export const NewTariff = Type.Object(
  {
    code: tariffMembers.code,
    name: tariffMembers.name,
    carrierId: tariffMembers.carrierId,
    serviceCodes: Type.Optional(tariffMembers.serviceCodes),
    scope: tariffMembers.scope,
    customerId: Type.Optional(tariffMembers.customerId),
    priority: Type.Optional(tariffMembers.priority),
    currency: tariffMembers.currency,
    timezone: tariffMembers.timezone,
    rateDateBasis: Type.Optional(tariffMembers.rateDateBasis),
    fallbackPolicy: Type.Optional(tariffMembers.fallbackPolicy),
    quoteValidityDays: Type.Optional(tariffMembers.quoteValidityDays),
    capAtTariffEnd: Type.Optional(tariffMembers.capAtTariffEnd),
  },
  {
    ...closed,
    examples: [
      { code: 'fast-public', name: 'Fast, public prices', carrierId: 3, scope: 'public', currency: 'USD', timezone: 'America/New_York' },
    ],
  },
)
export type NewTariff = Static<typeof NewTariff>

export const Tariff = Type.Object(
  {
    id: Id,
    ...tariffMembers,
    side: OneOf(['sell'] as const),
    version: RowVersion,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'Tariff' },
)
export type Tariff = Static<typeof Tariff>

export const TariffPatch = Type.Partial(
  Type.Object({
    code: tariffMembers.code,
    name: tariffMembers.name,
    carrierId: Id,
    serviceCodes: tariffMembers.serviceCodes,
    scope: tariffMembers.scope,
    customerId: tariffMembers.customerId,
    priority: Priority,
    currency: Currency,
    timezone: { ...Timezone, description: 'By its calendar versions and rules are in force' },
    rateDateBasis: tariffMembers.rateDateBasis,
    fallbackPolicy: tariffMembers.fallbackPolicy,
    quoteValidityDays: tariffMembers.quoteValidityDays,
    capAtTariffEnd: tariffMembers.capAtTariffEnd,
  }),
  closed,
)
export type TariffPatch = Static<typeof TariffPatch>
export const TariffPage = Page(Tariff)
export const ListTariffs = listQuery({
  sorts: ['createdAt', 'code'],
  filters: {
    carrierId: Id,
    serviceCode: ServiceCode,
    scope: commaList(tariffScopes),
    customerId: Id,
    side: OneOf(['sell'] as const),
    q: Text(1, 40, 'Beginning of the code'),
  },
})
export type ListTariffs = Static<typeof ListTariffs>
