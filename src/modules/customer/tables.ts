import { index, int, mysqlTable, primaryKey, smallint, unique, varchar } from 'drizzle-orm/mysql-core'
import { asciiKey, binaryText, createdAt, currency, flag, id, json, ref, updatedAt, version } from '#platform/columns.ts'
import type { Customer, CustomerStatus, CustomerType } from './contract.ts'

/** Tables of `customer_service_db`. `user_id` and `sales_rep_user_id` are references into another database: numbers, resolved through the contract of user. */

export const customers = mysqlTable(
  'customers',
  {
    id: id(),
    userId: ref('user_id'),
    /** Null until it is set: the customer is then known under C- and its id. */
    accountNumber: asciiKey('account_number', 40),
    type: asciiKey('type', 20).$type<CustomerType>().notNull(),
    companyName: varchar('company_name', { length: 255 }),
    legalName: varchar('legal_name', { length: 255 }),
    country: asciiKey('country', 2),
    taxIds: json<Customer['taxIds']>('tax_ids').notNull(),
    status: asciiKey('status', 20).$type<CustomerStatus>().notNull(),
    tier: binaryText('tier', 20).notNull(),
    defaultCurrency: currency('default_currency'),
    timezone: asciiKey('timezone', 64).notNull(),
    invoiceEmail: binaryText('invoice_email', 255),
    paymentTermsDays: smallint('payment_terms_days').notNull(),
    portalUserActive: flag('portal_user_active').notNull(),
    /** Version of the user that `portal_user_active` was taken from; an older event changes nothing. */
    portalUserVersion: int('portal_user_version').notNull(),
    salesRepUserId: int('sales_rep_user_id'),
    externalRefs: json<Customer['externalRefs']>('external_refs').notNull(),
    tags: json<string[]>('tags').notNull(),
    metadata: json<Record<string, string>>('metadata').notNull(),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    unique('customers_user').on(table.userId),
    unique('customers_account_number').on(table.accountNumber),
    index('customers_by_created').on(table.createdAt, table.id),
    index('customers_by_updated').on(table.updatedAt, table.id),
    index('customers_by_company').on(table.companyName, table.id),
    index('customers_by_status').on(table.status, table.id),
    index('customers_by_tier').on(table.tier, table.id),
    index('customers_by_sales_rep').on(table.salesRepUserId, table.id),
  ],
)

/** The unique key behind `customers.external_refs`, and the way to find a customer by one. Written together with it. */
export const customerExternalRefs = mysqlTable(
  'customer_external_refs',
  {
    system: asciiKey('ref_system', 40).notNull(),
    refId: binaryText('ref_id', 100).notNull(),
    customerId: ref('customer_id'),
  },
  (table) => [
    primaryKey({ name: 'customer_external_refs_pk', columns: [table.system, table.refId] }),
    index('customer_external_refs_customer').on(table.customerId),
  ],
)
