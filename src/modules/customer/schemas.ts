import Type, { type Static } from 'typebox'
import { ExternalRefFilter } from '#platform/external-refs.ts'
import { commaList, listQuery } from '#platform/lists.ts'
import { MetadataPatch } from '#platform/metadata.ts'
import { Country, Currency, ExternalRefs, Id, Metadata, Nullable, OneOf, Personal, Reason, Text, Timezone } from '#platform/schemas.ts'
import { AccountNumber, customerStatuses, customerTypes, EmailAddress, TaxId, Tier } from './contract.ts'

/** Shapes of what comes in over HTTP; what goes out is the contract's. */

const closed = { additionalProperties: false } as const

const profile = {
  type: OneOf(customerTypes),
  companyName: Nullable(Text(1, 255)),
  legalName: Nullable(Personal(Text(1, 255))),
  country: Nullable(Country),
  taxIds: Type.Array(TaxId, { maxItems: 20 }),
  tier: Tier,
  defaultCurrency: Nullable({ ...Currency, format: 'currency-code' }),
  timezone: { ...Timezone, format: 'time-zone' },
  invoiceEmail: Nullable({ ...EmailAddress, format: 'email-address' }),
  paymentTermsDays: Type.Integer({ minimum: 0, maximum: 365 }),
  salesRepUserId: Nullable(Id),
  externalRefs: ExternalRefs,
  tags: Type.Array(Text(1, 40), { maxItems: 20, uniqueItems: true }),
  metadata: Metadata,
}

export const NewCustomer = Type.Object(
  { userId: Id, ...Type.Partial(Type.Object({ accountNumber: AccountNumber, ...profile })).properties },
  closed,
)
export type NewCustomer = Static<typeof NewCustomer>

/** `userId` and `status` are known members that no patch changes; `accountNumber` may be set once. */
export const CustomerPatch = Type.Partial(
  Type.Object({
    userId: Id,
    accountNumber: AccountNumber,
    status: OneOf(customerStatuses),
    ...profile,
    metadata: MetadataPatch,
  }),
  closed,
)
export type CustomerPatch = Static<typeof CustomerPatch>

export const customerSorts = ['createdAt', 'updatedAt', 'companyName'] as const

export const ListCustomers = listQuery({
  sorts: customerSorts,
  filters: {
    status: commaList(customerStatuses),
    tier: Tier,
    userId: Id,
    portalUserActive: Type.Boolean(),
    q: Text(1, 100, 'Beginning of the company name or account number'),
    externalRef: ExternalRefFilter,
  },
})
export type ListCustomers = Static<typeof ListCustomers>

/** The body may be left away where no reason is asked for. */
export const StatusChange = Nullable(Type.Object({ reason: Type.Optional(Reason) }, closed))
