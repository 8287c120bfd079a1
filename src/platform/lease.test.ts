import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { type Database, openDatabase } from './databases.ts'
import { createLeases } from './lease.ts'

let databases: TestDatabases
let database: Database<'pricing_service_db'>

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('pricing_service_db', databases.settings.pricing_service_db, { log: { warn: () => {}, error: () => {} } })
})
afterAll(async () => {
  await database?.close()
  await databases?.drop()
})

const expire = (name: string) =>
  databases.asRoot(
    `UPDATE ${databases.settings.pricing_service_db.schema}.leases SET until = NOW(3) - INTERVAL 1 SECOND WHERE name = '${name}'`,
  )

test('of many who ask at once one gets the lease, and may prolong it', async () => {
  const owners = Array.from({ length: 8 }, (_, at) => createLeases(database.requests, `owner-${at}`))

  const got = await Promise.all(owners.slice(0, 6).map((leases) => leases.acquire('sweep', 30)))
  const winner = owners[got.indexOf(true)]

  expect(got.filter(Boolean)).toHaveLength(1)
  expect(await winner?.acquire('sweep', 30)).toBe(true)
  expect(await winner?.renew('sweep', 30)).toBe(true)
})

test('a lease that ran out goes to the next one, and the first cannot renew it', async () => {
  const first = createLeases(database.requests, 'first')
  const second = createLeases(database.requests, 'second')
  await first.acquire('expiry', 30)

  expect(await second.acquire('expiry', 30)).toBe(false)
  await expire('expiry')
  expect(await first.renew('expiry', 30)).toBe(false)
  expect(await second.acquire('expiry', 30)).toBe(true)
  await first.release('expiry')

  expect(await second.renew('expiry', 30)).toBe(true)
})

test('a lease given back may be taken at once', async () => {
  const first = createLeases(database.requests, 'first')
  await first.acquire('return', 30)

  await first.release('return')

  expect(await createLeases(database.requests, 'second').acquire('return', 30)).toBe(true)
})
