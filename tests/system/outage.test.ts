import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DatabaseName, databaseNames } from '#platform/config.ts'
import { type ApiDocument, readApiDocument } from '#support/api-document.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { type RunningProcess, startProcess } from '#support/process.ts'
import { privateMariaDb, privateRedis, type Restartable } from '#support/servers.ts'
import { type Answer, json, type Line, openLine, wrongWith } from '#support/surface.ts'
import { createApi, login } from '../../scripts/api.ts'
import { demoEmails, demoShipment, profileOf, seedDemo } from '../../scripts/seed.ts'

/**
 * One server after the other dies under a running process and comes back. Every database has a server of its own here, as in
 * the separate layout, so that what fails with one and what goes on without it is seen from outside.
 */

const password = 'seven tall lanterns'

let mariadbs: Record<DatabaseName, Restartable<Awaited<ReturnType<typeof privateMariaDb>>['server']>>
let redis: Awaited<ReturnType<typeof privateRedis>>
let databases: TestDatabases
let running: RunningProcess
let document: ApiDocument
let line: Line
let adminToken: string
let customerToken: string
let refreshToken: string

beforeAll(async () => {
  const [shared, customer, carrier, pricing, cache] = await Promise.all([
    privateMariaDb(),
    privateMariaDb(),
    privateMariaDb(),
    privateMariaDb(),
    privateRedis(),
  ])
  mariadbs = { shared_user_db: shared, customer_service_db: customer, carrier_service_db: carrier, pricing_service_db: pricing }
  redis = cache
  databases = await createTestDatabases({
    servers: {
      shared_user_db: shared.server,
      customer_service_db: customer.server,
      carrier_service_db: carrier.server,
      pricing_service_db: pricing.server,
    },
  })
  running = await startProcess(databases, {
    REDIS_HOST: redis.server.host,
    REDIS_PORT: String(redis.server.port),
    REDIS_PASSWORD: redis.server.password,
    LOG_LEVEL: 'info',
  })
  await seedDemo({ baseUrl: running.url, admin: running.admin, password })
  document = await readApiDocument(running.url)
  line = openLine(running.url)
  adminToken = (await logIn(running.admin.email, running.admin.password)).accessToken
  const customerTokens = await logIn(demoEmails.customer, password)
  customerToken = customerTokens.accessToken
  refreshToken = customerTokens.refreshToken
}, 90_000)
afterAll(async () => {
  await line?.close()
  await running?.kill()
  await Promise.all([...Object.values(mariadbs ?? {}), redis].map((server) => server?.remove()))
})

const logIn = async (email: string, secret: string) =>
  (
    await createApi(running.url).call<{ accessToken: string; refreshToken: string }>('POST', '/v1/auth/login', {
      body: { email, password: secret },
    })
  ).body

/** What each database's module answers, asked by the administrator. */
const readsOf: Readonly<Record<DatabaseName, string>> = {
  shared_user_db: '/v1/users',
  customer_service_db: '/v1/customers',
  carrier_service_db: '/v1/carriers',
  pricing_service_db: '/v1/quotes',
}
const modulesOf: Readonly<Record<DatabaseName, readonly string[]>> = {
  shared_user_db: ['auth', 'user'],
  customer_service_db: ['customer'],
  carrier_service_db: ['carrier'],
  pricing_service_db: ['pricing'],
}

const read = (database: DatabaseName): Promise<Answer> => line.ask('GET', readsOf[database], { token: adminToken })
const quote = (): Promise<Answer> => line.ask('POST', '/v1/quotes', { ...json(demoShipment()), token: customerToken })
const ready = (module?: string): Promise<Answer> => line.ask('GET', `/health/ready${module === undefined ? '' : `?module=${module}`}`)

async function timed(work: Promise<Answer>): Promise<Answer & { ms: number }> {
  const started = performance.now()
  return { ...(await work), ms: performance.now() - started }
}

/** 503 in the words of the registry, with a time to come back, and nothing of what lies behind it. */
function isContained(answer: Answer): string[] {
  const wrong = wrongWith(document, undefined, answer).filter((each) => !each.startsWith('status 503'))
  if (answer.status !== 503 || answer.body?.code !== 'DEPENDENCY_UNAVAILABLE')
    wrong.push(`answered ${answer.status} ${answer.text.slice(0, 200)}`)
  if (!/^[1-9]\d*$/.test(answer.headers['retry-after'] ?? '')) wrong.push(`Retry-After: ${answer.headers['retry-after']}`)
  return wrong
}

const business = databaseNames.filter((name) => name !== 'shared_user_db')

describe.each(business)('with %s dead', (dead) => {
  beforeAll(() => mariadbs[dead].server.kill())

  it('its module answers 503 within a second, first and always', async () => {
    const answers = []
    for (let count = 0; count < 20; count += 1) answers.push(await timed(read(dead)))

    expect(answers.flatMap(isContained)).toEqual([])
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(1_000)
  })

  it('the others answer as before', async () => {
    const others = databaseNames.filter((name) => name !== dead)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => others)
        .flat()
        .map(read),
    )

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    await expect(logIn(demoEmails.ops, password)).resolves.toMatchObject({ accessToken: expect.any(String) })
  })

  it('the process stays ready, degraded, and says which module is not', async () => {
    await expect.poll(async () => (await ready()).body, { timeout: 5_000 }).toEqual({ status: 'degraded' })

    expect((await ready()).status).toBe(200)
    for (const name of databaseNames) {
      for (const module of modulesOf[name]) expect([module, (await ready(module)).status]).toEqual([module, name === dead ? 503 : 200])
    }
  })

  it('everything works again within five seconds of its return, without a restart', async () => {
    await mariadbs[dead].restart()

    await expect.poll(async () => (await read(dead)).status, { timeout: 5_000 }).toBe(200)
    await expect.poll(async () => (await quote()).status, { timeout: 5_000 }).toBe(201)
    await expect.poll(async () => (await ready()).body, { timeout: 5_000 }).toEqual({ status: 'ok' })
  })
})

describe('with a database that hangs', () => {
  beforeAll(() => mariadbs.carrier_service_db.server.freeze())
  afterAll(() => mariadbs.carrier_service_db.server.thaw())

  it('nobody waits without end, and the others do not wait at all', { timeout: 20_000 }, async () => {
    const waiting = Promise.all(Array.from({ length: 30 }, () => timed(read('carrier_service_db'))))
    const others = await Promise.all(Array.from({ length: 30 }, () => timed(read('customer_service_db'))))
    const waited = await waiting

    expect(others.map(({ status }) => status)).toEqual(others.map(() => 200))
    expect(waited.map(({ status }) => status)).toEqual(waited.map(() => 503))
    expect(Math.max(...waited.map(({ ms }) => ms))).toBeLessThan(4_000)
    expect(waited.flatMap((answer) => wrongWith(document, undefined, answer)).filter((each) => !each.startsWith('status 503'))).toEqual([])
  })

  it('that goes on again is used again', async () => {
    mariadbs.carrier_service_db.server.thaw()

    await expect.poll(async () => (await read('carrier_service_db')).status, { timeout: 5_000 }).toBe(200)
  })
})

describe('with shared_user_db dead', () => {
  beforeAll(() => mariadbs.shared_user_db.server.kill())

  it('who is known goes on working in the other modules', async () => {
    const answers = await Promise.all(business.map(read))

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await quote()).status).toBe(201)
  })

  it('users and log-ins answer 503 within a second', async () => {
    const users = await timed(read('shared_user_db'))
    const logins = await timed(line.ask('POST', '/v1/auth/login', json({ email: demoEmails.ops, password })))

    for (const answer of [users, logins]) {
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      expect(answer.ms).toBeLessThan(1_000)
      expect(wrongWith(document, undefined, answer).filter((each) => !each.startsWith('status 503'))).toEqual([])
    }
  })

  it('everything works again within five seconds of its return', async () => {
    await mariadbs.shared_user_db.restart()

    await expect.poll(async () => (await read('shared_user_db')).status, { timeout: 5_000 }).toBe(200)
    await expect
      .poll(
        () =>
          logIn(demoEmails.ops, password).then(
            () => 'in',
            () => 'out',
          ),
        { timeout: 5_000 },
      )
      .toBe('in')
  })
})

describe('with Redis dead', () => {
  beforeAll(() => redis.server.kill())

  it('everything works: nobody is logged out, people log in, refresh, read and quote', async () => {
    const answers = await Promise.all([...databaseNames.map(read), quote(), line.ask('GET', '/v1/auth/me', { token: customerToken })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 201, 200])

    await expect(logIn(demoEmails.ops, password)).resolves.toMatchObject({ accessToken: expect.any(String) })
    const refreshed = await line.ask('POST', '/v1/auth/refresh', json({ refreshToken }))
    expect(refreshed.status).toBe(200)
    refreshToken = String(refreshed.body?.refreshToken)
  })

  it('a logout still bites at once', async () => {
    const { accessToken } = await logIn(demoEmails.ops, password)
    expect((await line.ask('POST', '/v1/auth/logout', { token: accessToken })).status).toBe(204)

    expect((await line.ask('GET', '/v1/auth/me', { token: accessToken })).status).toBe(401)
  })

  it('the process is ready, degraded', async () => {
    await expect.poll(async () => (await ready()).body, { timeout: 5_000 }).toEqual({ status: 'degraded' })
  })

  it('and with its return nobody has noticed', async () => {
    await redis.restart()

    await expect.poll(async () => (await ready()).body, { timeout: 5_000 }).toEqual({ status: 'ok' })
    expect((await line.ask('GET', '/v1/auth/me', { token: customerToken })).status).toBe(200)
  })
})

describe('somebody who registers while the customer database is away', () => {
  it('has exactly one profile after it returns', { timeout: 40_000 }, async () => {
    const api = createApi(running.url)
    await mariadbs.customer_service_db.server.kill()
    const { body: user } = await api.call<{ id: number }>('POST', '/v1/auth/register', {
      body: { email: 'dora@example.com', password, firstName: 'Dora', lastName: 'Early', company: { name: 'Early & Co', country: 'US' } },
    })
    const dora = await login(api, 'dora@example.com', password)
    await expect(dora.call('GET', '/v1/customers')).rejects.toMatchObject({ problem: { status: 503 } })

    await mariadbs.customer_service_db.restart()

    await expect.poll(async () => (await read('customer_service_db')).status, { timeout: 5_000 }).toBe(200)
    await profileOf(api.as(adminToken), user.id)
    const schema = databases.settings.customer_service_db.schema
    const rows = await databases.asRoot(
      `SELECT company_name FROM \`${schema}\`.customers WHERE user_id = ${user.id}`,
      'customer_service_db',
    )
    expect(rows).toEqual([{ company_name: 'Early & Co' }])
  })
})
