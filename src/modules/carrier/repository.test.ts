import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '#platform/databases.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { planOf } from '#support/plans.ts'
import type { Reader } from './readers.ts'
import { carrierListStatement, createCarrierRepository, type NewCarrierRow } from './repository.ts'
import { serviceListStatement } from './service-repository.ts'
import { carrierServices, carriers } from './tables.ts'

/** Enough for an index to be worth its while. */
const total = 3_000
const now = '2026-05-01T00:00:00.000Z'
const all: Reader = { full: { scope: 'any' }, mayBrowse: true }

let databases: TestDatabases
let database: Database<'carrier_service_db'>

const row = (n: number): NewCarrierRow => ({
  ownerId: 1 + (n % 50),
  code: `carrier-${n}`,
  scac: null,
  name: `Carrier ${String(n % 97).padStart(3, '0')}`,
  modes: n % 2 === 0 ? ['parcel'] : ['ltl', 'air'],
  countries: ['US', 'DE'],
  currency: null,
  timezone: 'UTC',
  status: n % 3 === 0 ? 'draft' : 'active',
  contact: null,
  insuranceExpiresOn: null,
  insuranceEndsAt: null,
  ownerActive: true,
  ownerVersion: 1,
  externalRefs: [],
  metadata: {},
})

const service = (n: number) => ({
  carrierId: 1 + (n % 5),
  code: `S${n}`,
  name: `Service ${n}`,
  mode: 'parcel' as const,
  status: 'active' as const,
  guaranteed: false,
  limits: {},
  features: [],
})

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('carrier_service_db', databases.settings.carrier_service_db, { log: memoryLog() })
  for (let from = 1; from <= total; from += 500) {
    await database.requests.db.insert(carriers).values(Array.from({ length: 500 }, (_, n) => row(from + n)))
    await database.requests.db.insert(carrierServices).values(Array.from({ length: 500 }, (_, n) => service(from + n)))
  }
  // Plans follow the statistics of the tables, which the server refreshes when it likes.
  const { schema } = databases.settings.carrier_service_db
  await databases.asRoot(`ANALYZE TABLE \`${schema}\`.carriers, \`${schema}\`.carrier_services`)
})
afterAll(async () => {
  await database.close()
  await databases.drop()
})

describe('the lists read an index in their order', () => {
  test.each([
    ['id', 'PRIMARY'],
    ['createdAt', 'carriers_by_created'],
    ['-createdAt', 'carriers_by_created'],
    ['-updatedAt', 'carriers_by_updated'],
    ['name', 'carriers_by_name'],
    ['-name', 'carriers_by_name'],
  ])('carriers by %s: %s', async (sort, index) => {
    const { statement } = carrierListStatement(database.requests.db, { limit: 10, sort }, all, now)

    const { key, extra } = await planOf(database.requests.db, statement)

    expect([key, extra]).toEqual([index, expect.not.stringContaining('filesort')])
  })

  test.each([
    ['id', 'carrier_services_by_carrier'],
    ['createdAt', 'carrier_services_by_created'],
    ['-createdAt', 'carrier_services_by_created'],
    ['-updatedAt', 'carrier_services_by_updated'],
  ])('services of a carrier by %s: %s', async (sort, index) => {
    const { statement } = serviceListStatement(database.requests.db, 1, { limit: 10, sort }, false)

    const { key, extra } = await planOf(database.requests.db, statement)

    expect([key, extra]).toEqual([index, expect.not.stringContaining('filesort')])
  })
})

test('the list is cut after the scope was applied: an owner who sees every third page still gets full pages', async () => {
  const repository = createCarrierRepository(database.requests)
  const reader: Reader = { full: { scope: 'own', userId: 4 }, mayBrowse: false }
  const seen: number[] = []

  let cursor: string | undefined
  do {
    const { data, page } = await repository.list({ limit: 25, sort: '-name', ...(cursor ? { cursor } : {}) }, reader, now)
    if (page.hasMore) expect(data).toHaveLength(25)
    expect(data.every(({ ownerId }) => ownerId === 4)).toBe(true)
    seen.push(...data.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)

  expect(seen).toHaveLength(total / 50)
  expect(new Set(seen).size).toBe(total / 50)
})

test('mode, country and the beginning of a name are filters', async () => {
  const repository = createCarrierRepository(database.requests)
  const found = async (filter: object) =>
    (await repository.list({ limit: 3, sort: 'id', ...filter }, all, now)).data.map(({ code }) => code)

  expect(await found({ mode: 'air' })).toEqual(['carrier-1', 'carrier-3', 'carrier-5'])
  expect(await found({ country: 'FR' })).toEqual([])
  expect(await found({ q: 'CARRIER-299', country: 'DE' })).toEqual(['carrier-299', 'carrier-2990', 'carrier-2991'])
})
