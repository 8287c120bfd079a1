import Type, { type Static } from 'typebox'
import { type ContractOf, defineContract, lookup, query } from '#platform/contracts.ts'
import { defineEvents, type EventsOf } from '#platform/events.ts'
import {
  Country,
  Currency,
  ExternalRefs,
  Id,
  Instant,
  LocalDate,
  Metadata,
  Money,
  Nullable,
  OneOf,
  Personal,
  Text,
  Timezone,
} from '#platform/schemas.ts'

const closed = { additionalProperties: false } as const

export const modes = ['parcel', 'ltl', 'ftl', 'air', 'ocean', 'rail'] as const
export type Mode = (typeof modes)[number]

/**
 * `draft`: being described by its owner. `pending_review`: waits for staff. `active`: may be quoted. `suspended`: not now, also
 * while its insurance has run out. `retired`: never again.
 */
export const carrierStatuses = ['draft', 'pending_review', 'active', 'suspended', 'retired'] as const
export type CarrierStatus = (typeof carrierStatuses)[number]

/** `draft`: being described. `active`: may be quoted. `paused`: not now. `retired`: never again. */
export const serviceStatuses = ['draft', 'active', 'paused', 'retired'] as const
export type ServiceStatus = (typeof serviceStatuses)[number]

export const features = ['signature', 'liftgate', 'residential', 'hazmat', 'reefer', 'insurance', 'appointment'] as const

const Version = Type.Integer({ minimum: 1, description: 'Number of the last change' })

export const CarrierCode = Type.String({ pattern: '^[a-z0-9-]{2,40}$', description: 'Unique and for ever', examples: ['fast-freight'] })
export const Scac = Type.String({ pattern: '^[A-Z]{2,4}$', description: 'Standard Carrier Alpha Code', examples: ['FSTF'] })
export const ServiceCode = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,40}$',
  description: 'Unique in the carrier and for ever',
  examples: ['GROUND'],
})
export const CarrierContact = Type.Object(
  {
    name: Personal(Text(1, 100)),
    email: Nullable(Personal(Type.String({ minLength: 3, maxLength: 254 }))),
    phone: Nullable(Personal(Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$', description: 'E.164' }))),
  },
  closed,
)
const PositiveDecimal = Type.String({ pattern: '^(?!0(\\.0+)?$)(0|[1-9][0-9]{0,14})(\\.[0-9]{1,10})?$', examples: ['31.5'] })
export const Weight = Type.Object({ value: PositiveDecimal, unit: OneOf(['g', 'kg', 't', 'oz', 'lb'] as const) }, closed)
export const Length = Type.Object({ value: PositiveDecimal, unit: OneOf(['mm', 'cm', 'm', 'in', 'ft'] as const) }, closed)

/** What a service takes; null means no limit. Weight and sizes are per piece. */
export const ServiceLimits = Type.Object(
  {
    maxWeight: Nullable(Weight),
    maxLength: Nullable(Length),
    maxLengthPlusGirth: Nullable(Length),
    maxPieces: Nullable(Type.Integer({ minimum: 1, maximum: 100_000 })),
    maxDeclaredValue: Nullable(Money),
  },
  closed,
)
export const Transit = Type.Object(
  { minDays: Type.Integer({ minimum: 0, maximum: 365 }), maxDays: Type.Integer({ minimum: 0, maximum: 365 }) },
  closed,
)

const publicMembers = {
  id: Id,
  code: CarrierCode,
  scac: Nullable(Scac),
  name: Text(1, 200),
  modes: Type.Array(OneOf(modes)),
  countries: Type.Array(Country),
  currency: Nullable(Currency),
  timezone: Timezone,
  /** As of now: `suspended` also while an active carrier's insurance has run out. */
  status: OneOf(carrierStatuses),
  version: Version,
  createdAt: Instant,
  updatedAt: Instant,
}
const confidentialMembers = {
  ownerId: Type.Integer({ minimum: 1, description: 'The user the carrier belongs to' }),
  ownerActive: Type.Boolean({ description: 'Whether the owner may log in; the carrier stays quotable' }),
  contact: Nullable(CarrierContact),
  insuranceExpiresOn: Nullable(LocalDate),
  externalRefs: ExternalRefs,
  metadata: Metadata,
}

/** Who carries: the whole of a carrier. */
export const Carrier = Type.Object({ ...publicMembers, ...confidentialMembers }, { ...closed })
export type Carrier = Static<typeof Carrier>

/** What everybody may know of a carrier. */
export const PublicCarrier = Type.Object(publicMembers, closed)
export type PublicCarrier = Static<typeof PublicCarrier>

/** A carrier as it is shown: owner, contact, insurance and references are absent for readers who may only browse. */
export const ShownCarrier = Type.Object(
  {
    ...publicMembers,
    ownerId: Type.Optional(confidentialMembers.ownerId),
    ownerActive: Type.Optional(confidentialMembers.ownerActive),
    contact: Type.Optional(confidentialMembers.contact),
    insuranceExpiresOn: Type.Optional(confidentialMembers.insuranceExpiresOn),
    externalRefs: Type.Optional(confidentialMembers.externalRefs),
    metadata: Type.Optional(confidentialMembers.metadata),
  },
  { ...closed, $id: 'Carrier' },
)
export type ShownCarrier = Static<typeof ShownCarrier>

/** One way in which a carrier carries. */
export const CarrierService = Type.Object(
  {
    id: Id,
    carrierId: Id,
    code: ServiceCode,
    name: Text(1, 200),
    mode: OneOf(modes),
    status: OneOf(serviceStatuses),
    transit: Nullable(Transit),
    guaranteed: Type.Boolean({ description: 'The transit time is promised' }),
    limits: ServiceLimits,
    features: Type.Array(OneOf(features)),
    version: Version,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'CarrierService' },
)
export type CarrierService = Static<typeof CarrierService>

/**
 * What carrier offers. Everything is a query; answers may be up to a second old in this process and come from MySQL or a copy
 * under the carrier's version, but the effective status is computed at the moment of the answer. Deadline 500 ms each.
 */
export const carrierContract = defineContract('carrier', 1, {
  /** One carrier in any state, or undefined when there is none. */
  getCarrier: lookup({ input: Type.Object({ id: Id }, closed), output: Carrier }),
  /** Those that exist of up to 200 ids, ordered by id. */
  getCarriers: query({ input: Type.Object({ ids: Type.Array(Id, { maxItems: 200 }) }, closed), output: Type.Array(Carrier) }),
  /** Every service, in every state, of up to 200 carriers, ordered by carrier and code. Unknown carriers have none. */
  listServices: query({
    input: Type.Object({ carrierIds: Type.Array(Id, { maxItems: 200 }) }, closed),
    output: Type.Array(CarrierService),
  }),
})
export type CarrierContract = ContractOf<typeof carrierContract>

const reason = Nullable(Type.String({ maxLength: 500 }))
const facts = { carrierId: Id, code: CarrierCode, scac: Nullable(Scac), ownerId: Id, changed: Type.Array(Type.String()), version: Version }

/** What carrier says. `version` is the version of what changed, after the change: the carrier's, or the service's. */
export const carrierEvents = defineEvents('carrier', {
  /** A carrier exists, as a draft; `changed` is empty. */
  'carrier.created': { version: 1, aggregate: 'carrier', data: Type.Object(facts, closed) },
  /** Members changed; `changed` names them. */
  'carrier.updated': { version: 1, aggregate: 'carrier', data: Type.Object(facts, closed) },
  /** The carrier is in another state. `reason` is null where none was given. */
  'carrier.status_changed': {
    version: 1,
    aggregate: 'carrier',
    data: Type.Object({ carrierId: Id, from: OneOf(carrierStatuses), to: OneOf(carrierStatuses), reason, version: Version }, closed),
  },
  /** The carrier belongs to another user. */
  'carrier.owner_transferred': {
    version: 1,
    aggregate: 'carrier',
    data: Type.Object({ carrierId: Id, fromUserId: Id, toUserId: Id, version: Version }, closed),
  },
  /** A service was added or changed; `changed` names the members, `status` among them when the state is another one. */
  'carrier.service_changed': {
    version: 1,
    aggregate: 'carrier',
    data: Type.Object(
      { carrierId: Id, serviceCode: ServiceCode, status: OneOf(serviceStatuses), changed: Type.Array(Type.String()), version: Version },
      closed,
    ),
  },
})
export type CarrierEvents = EventsOf<typeof carrierEvents>
