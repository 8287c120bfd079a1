import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '#platform/databases.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { planOf } from '#support/plans.ts'
import { blankProfile } from './profiles.ts'
import { createCustomerRepository, listStatement, type NewRow } from './repository.ts'
import { customers } from './tables.ts'

/** Enough for an index to be worth its while. */
const total = 3_000

let databases: TestDatabases
let database: Database<'customer_service_db'>

const row = (userId: number, over: Partial<NewRow> = {}): NewRow => ({
  ...blankProfile,
  timezone: 'UTC',
  userId,
  accountNumber: null,
  portalUserActive: true,
  portalUserVersion: 1,
  companyName: `Company ${String(userId % 97).padStart(3, '0')}`,
  ...over,
})

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log: memoryLog() })
  for (let from = 1; from <= total; from += 500) {
    await database.requests.db.insert(customers).values(Array.from({ length: 500 }, (_, n) => row(from + n)))
  }
  // Plans follow the statistics of the table, which the server refreshes when it likes.
  await databases.asRoot(`ANALYZE TABLE \`${databases.settings.customer_service_db.schema}\`.customers`)
})
afterAll(async () => {
  await database.close()
  await databases.drop()
})

test.each([
  ['id', 'PRIMARY'],
  ['-id', 'PRIMARY'],
  ['createdAt', 'customers_by_created'],
  ['-createdAt', 'customers_by_created'],
  ['-updatedAt', 'customers_by_updated'],
  ['companyName', 'customers_by_company'],
  ['-companyName', 'customers_by_company'],
])('the list sorted by %s reads the index %s in order', async (sort, index) => {
  const { statement } = listStatement(database.requests.db, { limit: 10, sort }, { scope: 'any' })

  const { key, extra } = await planOf(database.requests.db, statement)

  expect(key).toBe(index)
  expect(extra).not.toContain('filesort')
})

test('walking the list by name shows every customer once', async () => {
  const repository = createCustomerRepository(database.requests)
  const seen: number[] = []

  let cursor: string | undefined
  do {
    const { data, page } = await repository.list({ limit: 190, sort: '-companyName', ...(cursor ? { cursor } : {}) }, { scope: 'any' })
    seen.push(...data.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)

  expect(new Set(seen).size).toBe(total)
  expect(seen).toHaveLength(total)
})

test('the scope of a caller stands in the statement, so nobody is shown a row they may not see', async () => {
  const repository = createCustomerRepository(database.requests)

  expect(await repository.find(7, { scope: 'own', userId: 8 })).toBeUndefined()
  expect(await repository.find(7, { scope: 'none' })).toBeUndefined()
  expect((await repository.list({ limit: 50, sort: 'id' }, { scope: 'own', userId: 8 })).data.map(({ userId }) => userId)).toEqual([8])
  expect((await repository.list({ limit: 50, sort: 'id' }, { scope: 'none' })).data).toEqual([])
})

test('the beginning of a name or of an account number finds a customer, wildcards are plain characters', async () => {
  const repository = createCustomerRepository(database.requests)
  const found = async (q: string) => (await repository.list({ limit: 50, sort: 'id', q }, { scope: 'any' })).data.map(({ id }) => id)

  expect((await found('company 096')).slice(0, 3)).toEqual([96, 193, 290])
  expect(await found('C-000042')).toContain(42)
  expect(await found('%')).toEqual([])
  expect(await found('Company_0')).toEqual([])
})

test('a change on a version that is no longer the one that was read writes nothing', async () => {
  const repository = createCustomerRepository(database.requests)
  const before = await repository.find(9, { scope: 'any' })
  if (!before) throw new Error('there is no customer 9')

  await repository.inTransaction((tx) => repository.update(tx, before, { tier: 'A' }))
  const late = repository.inTransaction((tx) => repository.update(tx, before, { tier: 'B' }))

  await expect(late).rejects.toMatchObject({ code: 'VERSION_MISMATCH' })
  expect(await repository.find(9, { scope: 'any' })).toMatchObject({ tier: 'A', version: 2 })
})

test('a change that rolls back leaves no row, no audit line and no event', async () => {
  const repository = createCustomerRepository(database.requests)

  const failing = repository.inTransaction(async (tx) => {
    await repository.insert(tx, row(9_001, { externalRefs: [{ system: 'sap', id: 'x' }] }))
    throw new Error('the caller has gone')
  })

  await expect(failing).rejects.toThrow('the caller has gone')
  expect(await repository.findByUser(9_001)).toBeUndefined()
  expect(await databases.count('customer_service_db', 'customer_external_refs')).toBe(0)
})
