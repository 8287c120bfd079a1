import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { bearer, httpNeeds, memoryLog, principalOf } from '#support/http.ts'
import { type Database, openDatabase } from './databases.ts'
import { answers, createHttp, type Http, type ModuleRoutes } from './http.ts'
import { Unauthenticated } from './http-errors.ts'
import type { Principal } from './principal.ts'
import { auditLog } from './tables.ts'

/** What becomes of a request whose caller loses rights while it is at work. Its effect is a row of the audit log. */

let databases: TestDatabases
let database: Database<'customer_service_db'>
let http: Http
/** By caller: what the next look says. */
const rights = new Map<number, Principal | 'nobody'>()
/** By name: what happens while it is made. */
const meanwhile = new Map<string, () => Promise<void>>()

const routes: ModuleRoutes = async (app) => {
  app.post(
    '/v1/things',
    {
      schema: {
        operationId: 'createThing',
        summary: 'Create',
        tags: ['test'],
        body: Type.Object({ name: Type.String() }, { additionalProperties: false }),
        response: answers({ 200: Type.Object({ name: Type.String() }, { additionalProperties: false }) }),
      },
      config: { access: { permission: 'thing:create' } },
      bodyLimit: 1_000,
    },
    async (request) =>
      database.requests.withTx(async (tx) => {
        const { name } = request.body
        const row = { at: new Date().toISOString(), action: 'thing.created', actorKind: 'user', subject: name, requestId: request.id }
        await tx.db.insert(auditLog).values(row)
        await meanwhile.get(name)?.()
        return { name }
      }),
  )
}

beforeAll(async () => {
  databases = await createTestDatabases()
  database = openDatabase('customer_service_db', databases.settings.customer_service_db, { log: memoryLog() })
  http = createHttp(
    httpNeeds({
      security: {
        authenticate: ({ authorization }) => {
          const known = rights.get(Number(authorization?.split(' ')[1]))
          if (known === undefined || known === 'nobody') throw Unauthenticated()
          return known
        },
      },
    }),
  )
  await http.app.register(routes)
  await http.app.ready()
})
afterAll(async () => {
  await http.app.close()
  await database.close()
  await databases.drop()
})

let callers = 0

/** A request that is at work for so long, and whose caller has other rights after its beginning. */
async function changedAtWork(workMs: number, before: Principal, after: Principal | 'nobody') {
  callers += 1
  const [caller, name] = [callers, `thing/${callers}`]
  rights.set(caller, before)
  meanwhile.set(name, async () => {
    const began = performance.now()
    rights.set(caller, after)
    await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(workMs), { timeout: 5_000, interval: 10 })
  })
  const answer = await http.app.inject({ method: 'POST', url: '/v1/things', payload: { name }, headers: { authorization: bearer(caller) } })
  const [row] = await database.requests.db.select({ count: sql<string>`COUNT(*)` }).from(auditLog).where(sql`${auditLog.subject} = ${name}`)
  return { status: answer.statusCode, code: answer.json().code, effects: Number(row?.count) }
}

const mayCreate = principalOf(1, 'thing:create:any')

describe.concurrent('a request that has been at work for more than a second', () => {
  it.each([
    ['whose session has ended', 'nobody', 401, 'UNAUTHENTICATED'],
    ['whose permission is gone', principalOf(1, 'thing:read:any'), 403, 'FORBIDDEN'],
    ['whose permission is narrower now', principalOf(1, 'thing:create:own'), 403, 'FORBIDDEN'],
  ] as const)('%s is refused and leaves nothing behind', async (_which, after, status, code) => {
    expect(await changedAtWork(1_050, mayCreate, after)).toEqual({ status, code, effects: 0 })
  })

  it.each([
    ['the same rights', principalOf(1, 'thing:create:any')],
    ['more rights', principalOf(1, 'thing:create:any', 'thing:read:any')],
    ['every right', principalOf(1, '*:*:any')],
  ])('commits when its caller has %s', async (_which, after) => {
    expect(await changedAtWork(1_050, mayCreate, after)).toEqual({ status: 200, code: undefined, effects: 1 })
  })
})

it('a request that is quick is not asked again', async () => {
  expect(await changedAtWork(0, mayCreate, 'nobody')).toEqual({ status: 200, code: undefined, effects: 1 })
})
