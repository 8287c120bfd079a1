import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { createCache } from '#platform/cache.ts'
import { openDatabase } from '#platform/databases.ts'
import { createMetrics } from '#platform/metrics.ts'
import { system } from '#platform/principal.ts'
import { createRedis } from '#platform/redis.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { createCustomer } from './module.ts'

/** Two processes of the module, each with its own connections and copies, on one database and one Redis. */

let databases: TestDatabases
const closing: (() => void | Promise<void>)[] = []
const keyPrefix = `t${randomBytes(4).toString('hex')}:`

function createReplica() {
  const log = memoryLog()
  const database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log })
  const redis = createRedis({ ...inject('servers').redis, keyPrefix }, { log })
  closing.push(
    () => database.close(),
    () => redis.close(),
  )
  return createCustomer({
    connection: database.requests,
    cache: createCache(redis.forModule('customer'), createMetrics({ process: false })),
    publish: async () => {},
    users: {
      getUser: async ({ id }) => ({
        id,
        email: 'ada@example.com',
        firstName: 'Ada',
        lastName: 'Lovelace',
        userType: 'customer',
        status: 'active',
        roles: [],
        locale: 'en',
        timezone: 'UTC',
        emailVerifiedAt: null,
        version: 1,
        createdAt: '2026-01-01T00:00:00.000Z',
        updatedAt: '2026-01-01T00:00:00.000Z',
      }),
    },
  }).service
}

beforeAll(async () => {
  databases = await createTestDatabases()
})
afterAll(async () => {
  for (const close of closing) await close()
  await databases.drop()
})

test('what one process changes it knows at once, and another within a second', async () => {
  const here = createReplica()
  const there = createReplica()
  const { id } = await here.createCustomer({ userId: 1, companyName: 'Blue', defaultCurrency: 'EUR' })
  await here.changeStatus({ id, action: 'activate', reason: undefined, expectedVersion: undefined }, system)
  expect(await there.getPricingProfile({ id })).toMatchObject({ status: 'active', version: 2 })

  await here.changeStatus({ id, action: 'suspend', reason: 'unpaid', expectedVersion: undefined }, system)

  expect(await here.getPricingProfile({ id })).toMatchObject({ status: 'suspended', version: 3 })
  await vi.waitFor(async () => expect(await there.getPricingProfile({ id })).toMatchObject({ status: 'suspended', version: 3 }), {
    timeout: 1_100,
    interval: 20,
  })
})

test('a value that came from a copy can be patched like any other', async () => {
  const here = createReplica()
  const { id } = await here.createCustomer({ userId: 2, metadata: { a: '1' } })
  await here.requireCustomer({ id }, system)

  const changed = await here.updateCustomer({ id, patch: { metadata: { b: '2' } }, expectedVersion: 1 }, system)

  expect(changed.metadata).toEqual({ a: '1', b: '2' })
  expect((await here.requireCustomer({ id }, system)).metadata).toEqual({ a: '1', b: '2' })
})
