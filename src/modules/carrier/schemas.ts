import Type, { type Static } from 'typebox'
import { ExternalRefFilter } from '#platform/external-refs.ts'
import { commaList, listQuery } from '#platform/lists.ts'
import { MetadataPatch } from '#platform/metadata.ts'
import {
  Country,
  Currency,
  ExternalRefs,
  Id,
  LocalDate,
  Metadata,
  Money,
  Nullable,
  OneOf,
  Reason,
  Text,
  Timezone,
} from '#platform/schemas.ts'
import {
  CarrierCode,
  CarrierContact,
  carrierStatuses,
  features,
  modes,
  Scac,
  ServiceCode,
  ServiceLimits,
  serviceStatuses,
  Transit,
} from './contract.ts'

/** Shapes of what comes in over HTTP; what goes out is the contract's. */

const closed = { additionalProperties: false } as const

const Contact = Type.Object(
  {
    name: CarrierContact.properties.name,
    email: Type.Optional(
      Nullable(Type.String({ maxLength: 254, format: 'email-address', 'x-personal': true, examples: ['desk@example.com'] })),
    ),
    phone: Type.Optional(CarrierContact.properties.phone),
  },
  closed,
)

const described = {
  scac: Nullable(Scac),
  name: Text(1, 200),
  modes: Type.Array(OneOf(modes), { minItems: 1, maxItems: modes.length, uniqueItems: true }),
  countries: Type.Array(Country, { maxItems: 250, uniqueItems: true }),
  currency: Nullable({ ...Currency, format: 'currency-code' }),
  timezone: { ...Timezone, format: 'time-zone' },
  contact: Nullable(Contact),
  insuranceExpiresOn: Nullable(LocalDate),
  externalRefs: ExternalRefs,
  metadata: Metadata,
}

export const NewCarrier = Type.Object(
  {
    /** Left away by owners: the carrier is theirs. */
    ownerId: Type.Optional(Id),
    code: CarrierCode,
    name: described.name,
    modes: described.modes,
    scac: Type.Optional(described.scac),
    countries: Type.Optional(described.countries),
    currency: Type.Optional(described.currency),
    timezone: Type.Optional(described.timezone),
    contact: Type.Optional(described.contact),
    insuranceExpiresOn: Type.Optional(described.insuranceExpiresOn),
    externalRefs: Type.Optional(described.externalRefs),
    metadata: Type.Optional(described.metadata),
  },
  closed,
)
export type NewCarrier = Static<typeof NewCarrier>

/** `code`, `ownerId` and `status` are known members that no patch changes. */
export const CarrierPatch = Type.Partial(
  Type.Object({ code: CarrierCode, ownerId: Id, status: OneOf(carrierStatuses), ...described, metadata: MetadataPatch }),
  closed,
)
export type CarrierPatch = Static<typeof CarrierPatch>

export const ListCarriers = listQuery({
  sorts: ['createdAt', 'updatedAt', 'name'],
  filters: {
    status: commaList(carrierStatuses),
    mode: OneOf(modes),
    country: Country,
    ownerId: Id,
    ownerActive: Type.Boolean(),
    scac: Scac,
    q: Text(1, 100, 'Beginning of the name or code'),
    externalRef: ExternalRefFilter,
  },
})
export type ListCarriers = Static<typeof ListCarriers>

/** The body may be left away where no reason is asked for. */
export const StatusChange = Nullable(Type.Object({ reason: Type.Optional(Reason) }, closed))
export const OwnerTransfer = Type.Object({ ownerId: Id, reason: Type.Optional(Reason) }, closed)

export const ServiceParams = Type.Object({ id: Id, code: ServiceCode }, closed)

const { maxWeight, maxLength, maxLengthPlusGirth, maxPieces } = ServiceLimits.properties
/** Limits that are not sent stay as they are, in a new service there are none; null takes a limit away. */
const Limits = Type.Partial(
  Type.Object({
    maxWeight,
    maxLength,
    maxLengthPlusGirth,
    maxPieces,
    maxDeclaredValue: Nullable(
      Type.Object(
        {
          amount: { ...Money.properties.amount, pattern: '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,10})?$' },
          currency: { ...Currency, format: 'currency-code' },
        },
        closed,
      ),
    ),
  }),
  closed,
)

const offered = {
  name: Text(1, 200),
  mode: OneOf(modes),
  transit: Nullable(Transit),
  guaranteed: Type.Boolean(),
  limits: Limits,
  features: Type.Array(OneOf(features), { maxItems: features.length, uniqueItems: true }),
}

export const NewService = Type.Object(
  {
    code: ServiceCode,
    name: offered.name,
    mode: offered.mode,
    transit: Type.Optional(offered.transit),
    guaranteed: Type.Optional(offered.guaranteed),
    limits: Type.Optional(offered.limits),
    features: Type.Optional(offered.features),
  },
  closed,
)
export type NewService = Static<typeof NewService>

/** `code` and `status` are known members that no patch changes. */
export const ServicePatch = Type.Partial(Type.Object({ code: ServiceCode, status: OneOf(serviceStatuses), ...offered }), closed)
export type ServicePatch = Static<typeof ServicePatch>

export const ListServices = listQuery({
  sorts: ['createdAt', 'updatedAt'],
  filters: { status: commaList(serviceStatuses), mode: OneOf(modes), feature: OneOf(features) },
})
export type ListServices = Static<typeof ListServices>
