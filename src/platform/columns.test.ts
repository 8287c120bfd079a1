import { eq, sql } from 'drizzle-orm'
import { int, mysqlTable } from 'drizzle-orm/mysql-core'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import {
  asciiKey,
  binaryText,
  bytes,
  decimal,
  flag,
  fromDatabaseInstant,
  instant,
  json,
  localDate,
  minorUnits,
  toDatabaseInstant,
} from './columns.ts'
import { type Database, openDatabase } from './databases.ts'

const samples = mysqlTable('samples', {
  id: int('id').primaryKey(),
  at: instant('at'),
  day: localDate('day'),
  document: json<unknown>('document'),
  hash: bytes('hash', 4),
  code: asciiKey('code', 10),
  email: binaryText('email', 40),
  rate: decimal('rate'),
  amount: minorUnits('amount'),
  enabled: flag('enabled'),
})

let databases: TestDatabases
let database: Database<'pricing_service_db'>

beforeAll(async () => {
  databases = await createTestDatabases()
  const { schema, username } = databases.settings.pricing_service_db
  await databases.asRoot(
    `CREATE TABLE ${schema}.samples (id int PRIMARY KEY, at datetime(3), day date, document json, hash binary(4),
     code varchar(10) CHARACTER SET ascii COLLATE ascii_bin UNIQUE, email varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin UNIQUE,
     rate decimal(25,10), amount bigint, enabled tinyint(1)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
  )
  await databases.asRoot(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.samples TO '${username}'@'%'`)
  database = openDatabase('pricing_service_db', databases.settings.pricing_service_db, { log: { warn: () => {}, error: () => {} } })
})
afterAll(async () => {
  await database?.close()
  await databases?.drop()
})

test('every kind of column reads back what was written', async () => {
  const row = {
    id: 1,
    at: '2026-03-29T02:30:00.000Z',
    day: '2026-03-29',
    document: { text: 'ü€😀', nested: [1, null, { deep: true }] },
    hash: Buffer.from([0, 255, 128, 10]),
    code: 'AbC',
    email: 'josé@example.com',
    rate: '18.25',
    amount: '9007199254740993',
    enabled: true,
  }
  const { db } = database.requests

  await db.insert(samples).values(row)

  expect(await db.select().from(samples).where(eq(samples.id, 1))).toEqual([row])
})

test.each([['a plain string'], ['"quoted"'], ['{}'], [''], [0], [false], [[]], [{ a: 'null' }]])(
  'JSON that is %j stays what it is',
  async (document) => {
    const { db } = database.requests
    await db.insert(samples).values({ id: 2, document }).onDuplicateKeyUpdate({ set: { document } })

    const [row] = await db.select({ document: samples.document }).from(samples).where(eq(samples.id, 2))

    expect(row?.document).toEqual(document)
  },
)

test('an expression over JSON reads like the column', async () => {
  const { db } = database.requests
  await db.insert(samples).values({ id: 3, document: { a: [1] } })

  const [row] = await db
    .select({ document: sql`COALESCE(${samples.document}, '{}')`.mapWith(samples.document) })
    .from(samples)
    .where(eq(samples.id, 3))

  expect(row?.document).toEqual({ a: [1] })
})

test('keys that differ in case, accent or a space at the end are different keys', async () => {
  const { db } = database.requests

  await db.insert(samples).values([
    { id: 10, code: 'x', email: 'jose@x' },
    { id: 11, code: 'X', email: 'josé@x' },
    { id: 12, email: 'JOSE@x' },
  ])

  expect(await db.select({ id: samples.id }).from(samples).where(eq(samples.email, 'jose@x'))).toEqual([{ id: 10 }])
})

test('instants survive the way to the database and back, whatever their zone', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
      expect(fromDatabaseInstant(toDatabaseInstant(date.toISOString()))).toBe(date.toISOString())
    }),
  )
  expect(toDatabaseInstant('2026-03-29T04:30:00+02:00')).toBe('2026-03-29 02:30:00.000')
  expect(() => toDatabaseInstant('2026-03-29 02:30:00')).toThrow(/no|not/)
})
