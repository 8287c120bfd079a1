/** The four databases, by the names that the design gives them; the real schemas may be called otherwise. */
export const databaseNames = ['shared_user_db', 'customer_service_db', 'carrier_service_db', 'pricing_service_db'] as const
export type DatabaseName = (typeof databaseNames)[number]

/** What a database is called as a source of events. */
export const sourceOf = (database: DatabaseName): string => database.replace(/(_service)?_db$/, '')

/** The prefix of a database's settings. */
export const settingPrefix = {
  shared_user_db: 'SHARED_DB',
  customer_service_db: 'CUSTOMER_DB',
  carrier_service_db: 'CARRIER_DB',
  pricing_service_db: 'PRICING_DB',
} as const satisfies Record<DatabaseName, string>
