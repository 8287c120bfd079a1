import { desc } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { audit, changes } from './audit.ts'
import { runInContext } from './context.ts'
import { type Database, openDatabase } from './databases.ts'
import type { Principal } from './principal.ts'
import { auditLog } from './tables.ts'

let databases: TestDatabases
let database: Database<'customer_service_db'>

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log: { warn: () => {}, error: () => {} } })
})
afterAll(async () => {
  await database?.close()
  await databases?.drop()
})

const principal: Principal = { kind: 'user', userId: 42, roles: ['staff'], can: {} }
const last = async () => (await database.requests.db.select().from(auditLog).orderBy(desc(auditLog.id)).limit(1))[0]

test('an act and its audit row commit together, with the actor and the request of the context', async () => {
  await runInContext({ requestId: 'req-1', principal }, () =>
    database.requests.withTx((tx) =>
      audit(tx, {
        action: 'customer.suspended',
        subject: 'customer/7',
        before: { status: 'active' },
        after: { status: 'suspended' },
        reason: 'unpaid',
      }),
    ),
  )

  expect(await last()).toMatchObject({
    action: 'customer.suspended',
    subject: 'customer/7',
    actorKind: 'user',
    actorId: 42,
    onBehalfOf: null,
    requestId: 'req-1',
    before: { status: 'active' },
    after: { status: 'suspended' },
    reason: 'unpaid',
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
  })
})

test('an act that is rolled back leaves no audit row', async () => {
  const before = await databases.count('customer_service_db', 'audit_log')

  await database.requests
    .withTx(async (tx) => {
      await audit(tx, { action: 'customer.closed', subject: 'customer/8' })
      throw new Error('refused')
    })
    .catch(() => {})

  expect(await databases.count('customer_service_db', 'audit_log')).toBe(before)
})

test('changes name what differs, and of personal fields only the name', () => {
  const before = { id: 1, email: 'a@example.com', tags: ['x'], tier: 'standard' }
  const after = { id: 1, email: 'b@example.com', tags: ['x'], tier: 'premium' }

  expect(changes(before, after, { personal: ['email'] })).toEqual({
    before: { email: '(personal)', tier: 'standard' },
    after: { email: '(personal)', tier: 'premium' },
  })
})
