import Type, { type Static } from 'typebox'
import { type ContractOf, defineContract, lookup, query } from '#platform/contracts.ts'
import { defineEvents, type EventsOf } from '#platform/events.ts'
import { Country, Currency, ExternalRefs, Id, Instant, Metadata, Nullable, OneOf, Personal, Text, Timezone } from '#platform/schemas.ts'

const closed = { additionalProperties: false } as const

export const customerTypes = ['company', 'individual'] as const
export type CustomerType = (typeof customerTypes)[number]

/**
 * `pending`: known, not yet trading. `active`: may be quoted and may accept. `suspended`: nothing new until reactivated.
 * `closed`: the relation has ended; may be reopened.
 */
export const customerStatuses = ['pending', 'active', 'suspended', 'closed'] as const
export type CustomerStatus = (typeof customerStatuses)[number]

const Version = Type.Integer({ minimum: 1, description: 'Number of the last change' })

export const Tier = Text(1, 20, 'Price level that rules and tariffs refer to')
export const AccountNumber = Type.String({
  pattern: '^[A-Z0-9][A-Z0-9._/-]{0,39}$',
  description: 'Number under which the customer is known on paper; C- and the id until it is set, which can be done once',
  examples: ['C-000042'],
})
export const TaxId = Type.Object(
  { country: Country, type: Type.String({ pattern: '^[a-z][a-z0-9_]{0,19}$', examples: ['vat'] }), value: Text(1, 40) },
  closed,
)
export const EmailAddress = Personal(
  Type.String({ minLength: 3, maxLength: 254, description: 'E-mail address', examples: ['billing@example.com'] }),
)

/** Who buys: the business side of a user. */
export const Customer = Type.Object(
  {
    id: Id,
    userId: Type.Integer({ minimum: 1, description: 'The user the profile belongs to' }),
    accountNumber: AccountNumber,
    type: OneOf(customerTypes),
    companyName: Nullable(Text(1, 255)),
    legalName: Nullable(Personal(Text(1, 255))),
    country: Nullable(Country),
    taxIds: Type.Array(TaxId),
    status: OneOf(customerStatuses),
    tier: Tier,
    defaultCurrency: Nullable(Currency),
    timezone: Timezone,
    invoiceEmail: Nullable(EmailAddress),
    paymentTermsDays: Type.Integer({ minimum: 0, maximum: 365 }),
    portalUserActive: Type.Boolean({ description: 'Whether the user may log in; the profile keeps its own state' }),
    salesRepUserId: Nullable(Type.Integer({ minimum: 1, description: 'The user who looks after the customer' })),
    externalRefs: ExternalRefs,
    tags: Type.Array(Text(1, 40)),
    metadata: Metadata,
    version: Version,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'Customer' },
)
export type Customer = Static<typeof Customer>

/** What pricing needs to know of a customer. Credit state and groups will be added as further members. */
export const PricingProfile = Type.Object(
  {
    id: Id,
    accountNumber: AccountNumber,
    status: OneOf(customerStatuses),
    tier: Tier,
    defaultCurrency: Nullable(Currency),
    timezone: Timezone,
    version: Version,
  },
  closed,
)
export type PricingProfile = Static<typeof PricingProfile>

/**
 * What customer offers. Everything is a query; answers by id may be up to a second old in this process and come from MySQL or
 * a copy under the customer's version. Deadline 500 ms each.
 */
export const customerContract = defineContract('customer', 1, {
  /** One customer in any state, or undefined when there is none. */
  getCustomer: lookup({ input: Type.Object({ id: Id }, closed), output: Customer }),
  /** Those that exist of up to 200 ids, ordered by id. */
  getCustomers: query({ input: Type.Object({ ids: Type.Array(Id, { maxItems: 200 }) }, closed), output: Type.Array(Customer) }),
  /** The profile a user owns, or undefined. Read from the database at this moment. */
  getCustomerByUser: lookup({ input: Type.Object({ userId: Id }, closed), output: Customer }),
  /** Ids of the customers a user may act for, ordered: the scope "own" of whatever belongs to a customer. Empty when there are none. */
  getCustomersOfUser: query({ input: Type.Object({ userId: Id }, closed), output: Type.Array(Id) }),
  /** The part of a customer that prices depend on, or undefined when there is no such customer. */
  getPricingProfile: lookup({ input: Type.Object({ id: Id }, closed), output: PricingProfile }),
})
export type CustomerContract = ContractOf<typeof customerContract>

const groups = Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,40}$' })))
const currency = Nullable(Currency)

/** What customer says. `version` is the customer's version after the change. `groups` is absent while customers have none. */
export const customerEvents = defineEvents('customer', {
  /** A profile exists, made for a new user or by staff. */
  'customer.created': {
    version: 1,
    aggregate: 'customer',
    data: Type.Object(
      {
        customerId: Id,
        userId: Id,
        accountNumber: AccountNumber,
        status: OneOf(customerStatuses),
        tier: Tier,
        groups,
        currency,
        version: Version,
      },
      closed,
    ),
  },
  /** Members changed; `changed` names them. The ones that prices depend on are here with their value of now. */
  'customer.updated': {
    version: 1,
    aggregate: 'customer',
    data: Type.Object({ customerId: Id, changed: Type.Array(Type.String()), tier: Tier, groups, currency, version: Version }, closed),
  },
  /** The customer is in another state. `reason` is null where none is asked for. */
  'customer.status_changed': {
    version: 1,
    aggregate: 'customer',
    data: Type.Object(
      {
        customerId: Id,
        from: OneOf(customerStatuses),
        to: OneOf(customerStatuses),
        reason: Nullable(Type.String({ maxLength: 500 })),
        version: Version,
      },
      closed,
    ),
  },
})
export type CustomerEvents = EventsOf<typeof customerEvents>
