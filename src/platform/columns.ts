import { sql } from 'drizzle-orm'
import { bigint, boolean, customType, int } from 'drizzle-orm/mysql-core'

/**
 * The column types of every table. What a driver and two database servers see differently (instants, JSON, binary, 64-bit
 * numbers, collations) is decided here once; `tables.ts` of a module is written with these only.
 */

/** The database's own clock, with milliseconds; the only clock that several processes share. */
export const databaseNow = sql`NOW(3)`

/** Primary key: a positive integer given by the database. */
export const id = () => int('id').autoincrement().primaryKey()

/** Reference to an id, perhaps of another database: a number and a promise. */
export const ref = <Name extends string>(name: Name) => int(name).notNull()

/** Counts the changes of a row, beginning with 1. */
export const version = () => int('version').notNull().default(1)

export const flag = <Name extends string>(name: Name) => boolean(name)

const instantType = customType<{ data: string; driverData: string }>({
  dataType: () => 'datetime(3)',
  toDriver: toDatabaseInstant,
  fromDriver: fromDatabaseInstant,
})

/** Instant in UTC with milliseconds, an ISO string with Z on our side: `2026-03-29T02:30:00.123Z`. */
export const instant = <Name extends string>(name: Name) => instantType(name)

export const createdAt = () => instantType('created_at').notNull().default(sql`CURRENT_TIMESTAMP(3)`)

/** Set by the repository on every change; the database fills it at the insert only. */
export const updatedAt = () => instantType('updated_at').notNull().default(sql`CURRENT_TIMESTAMP(3)`)

/** Also for raw statements, whose results no column maps. */
export function fromDatabaseInstant(value: string): string {
  // The binary protocol leaves a fraction of zero away.
  const [seconds = '', fraction = ''] = value.replace(' ', 'T').split('.')
  return `${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

/** Also for raw statements, whose parameters no column maps. */
export function toDatabaseInstant(value: string): string {
  const parsed = new Date(value)
  if (Number.isNaN(parsed.getTime()) || !/(?:Z|[+-]\d\d:\d\d)$/.test(value)) throw new TypeError(`${value} is not an instant with a zone`)
  return parsed.toISOString().slice(0, 23).replace('T', ' ')
}

/** Calendar date without a zone: `2026-03-29`. */
export const localDate = customType<{ data: string; driverData: string }>({ dataType: () => 'date' })

/**
 * JSON document. MySQL has a type for it, MariaDB keeps text with a check, and expressions over either come back as text:
 * the column takes both.
 */
export const json = <T>(name: string) =>
  customType<{ data: T; driverData: unknown }>({
    dataType: () => 'json',
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value) => (typeof value === 'string' ? JSON.parse(value) : value) as T,
  })(name)

/** Exactly `length` bytes. */
export const bytes = <Name extends string>(name: Name, length: number) =>
  customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => `binary(${length})` })(name)

/** Up to `length` bytes. */
export const varbytes = <Name extends string>(name: Name, length: number) =>
  customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => `varbinary(${length})` })(name)

const text = customType<{ data: string; driverData: string; config: { type: string } }>({
  dataType: (config) => config?.type ?? 'text',
})

/** Short machine-made key or code: ASCII, compared byte by byte. */
export const asciiKey = <Name extends string>(name: Name, length: number) =>
  text(name, { type: `varchar(${length}) CHARACTER SET ascii COLLATE ascii_bin` })

/** Human text that identifies something: compared code point by code point, so `josé` is not `jose`. Normalise before. */
export const binaryText = <Name extends string>(name: Name, length: number) =>
  text(name, { type: `varchar(${length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin` })

/** ISO 4217 code. */
export const currency = <Name extends string = 'currency'>(name?: Name) =>
  text(name ?? 'currency', { type: 'char(3) CHARACTER SET ascii COLLATE ascii_bin' })

/** Text longer than 64 KB: rendered answers, envelopes. */
export const longText = <Name extends string>(name: Name) => text(name, { type: 'longtext' })

/** Exact decimal as a string without trailing zeros: `18.25`. Up to 15 digits before and 10 after the point. */
export const decimal = customType<{ data: string; driverData: string }>({
  dataType: () => 'decimal(25,10)',
  fromDriver: (value) => (value.includes('.') ? value.replace(/\.?0+$/, '') : value),
})

/** Exact amount in the minor unit of its currency, as a string: it never becomes a JavaScript number. */
export const minorUnits = customType<{ data: string; driverData: string | number }>({
  dataType: () => 'bigint',
  fromDriver: (value) => String(value),
})

/** Number of a row or of an event: 64 bits in the database, because 31 are reached in the life of one, 53 on our side. */
export const rowNumber = <Name extends string>(name: Name) => bigint(name, { mode: 'number' })
