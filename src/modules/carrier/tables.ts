import { index, int, mysqlTable, primaryKey, unique, varchar } from 'drizzle-orm/mysql-core'
import {
  asciiKey,
  binaryText,
  createdAt,
  currency,
  flag,
  id,
  instant,
  json,
  localDate,
  minorUnits,
  ref,
  updatedAt,
  version,
} from '#platform/columns.ts'
import type { Carrier, CarrierService, CarrierStatus, Mode, ServiceStatus } from './contract.ts'

/** Tables of `carrier_service_db`. `owner_id` is a reference into another database: a number, resolved through the contract of user. */

export type StoredContact = { name: string; email?: string; phone?: string }
export type StoredLimits = { [K in Exclude<keyof CarrierService['limits'], 'maxDeclaredValue'>]?: NonNullable<CarrierService['limits'][K]> }

export const carriers = mysqlTable(
  'carriers',
  {
    id: id(),
    ownerId: ref('owner_id'),
    code: asciiKey('code', 40).notNull(),
    scac: asciiKey('scac', 4),
    name: varchar('name', { length: 200 }).notNull(),
    modes: json<Mode[]>('modes').notNull(),
    countries: json<string[]>('countries').notNull(),
    currency: currency('currency'),
    timezone: asciiKey('timezone', 64).notNull(),
    status: asciiKey('status', 20).$type<CarrierStatus>().notNull(),
    contact: json<StoredContact>('contact'),
    insuranceExpiresOn: localDate('insurance_expires_on'),
    /** The instant at which that day begins in the carrier's zone, so that SQL and every answer compare instants. */
    insuranceEndsAt: instant('insurance_ends_at'),
    ownerActive: flag('owner_active').notNull(),
    /** Version of the user that `owner_active` was taken from; an older event changes nothing. */
    ownerVersion: int('owner_version').notNull(),
    externalRefs: json<Carrier['externalRefs']>('external_refs').notNull(),
    metadata: json<Record<string, string>>('metadata').notNull(),
    /** Counts the changes of the carrier's services: the version under which their list is cached. */
    servicesVersion: int('services_version').notNull().default(1),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    unique('carriers_code').on(table.code),
    index('carriers_by_owner').on(table.ownerId, table.id),
    index('carriers_by_scac').on(table.scac, table.id),
    index('carriers_by_status').on(table.status, table.id),
    index('carriers_by_name').on(table.name, table.id),
    index('carriers_by_created').on(table.createdAt, table.id),
    index('carriers_by_updated').on(table.updatedAt, table.id),
  ],
)

/** The unique key behind `carriers.external_refs`, and the way to find a carrier by one. Written together with it. */
export const carrierExternalRefs = mysqlTable(
  'carrier_external_refs',
  {
    system: asciiKey('ref_system', 40).notNull(),
    refId: binaryText('ref_id', 100).notNull(),
    carrierId: ref('carrier_id'),
  },
  (table) => [
    primaryKey({ name: 'carrier_external_refs_pk', columns: [table.system, table.refId] }),
    index('carrier_external_refs_carrier').on(table.carrierId),
  ],
)

export const carrierServices = mysqlTable(
  'carrier_services',
  {
    id: id(),
    carrierId: ref('carrier_id'),
    code: asciiKey('code', 40).notNull(),
    name: varchar('name', { length: 200 }).notNull(),
    mode: asciiKey('mode', 20).$type<Mode>().notNull(),
    status: asciiKey('status', 20).$type<ServiceStatus>().notNull(),
    transit: json<NonNullable<CarrierService['transit']>>('transit'),
    guaranteed: flag('guaranteed').notNull(),
    limits: json<StoredLimits>('limits').notNull(),
    maxDeclaredMinor: minorUnits('max_declared_minor'),
    maxDeclaredCurrency: currency('max_declared_currency'),
    features: json<CarrierService['features']>('features').notNull(),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    unique('carrier_services_code').on(table.carrierId, table.code),
    index('carrier_services_by_carrier').on(table.carrierId, table.id),
    index('carrier_services_by_created').on(table.carrierId, table.createdAt, table.id),
    index('carrier_services_by_updated').on(table.carrierId, table.updatedAt, table.id),
  ],
)
