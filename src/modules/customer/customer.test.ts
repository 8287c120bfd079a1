import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPublisher } from '#platform/events.ts'
import { type Answered, type ModuleWorld, noCache, openModuleWorld } from '#support/module-world.ts'
import { customerEvents } from './contract.ts'
import { createCustomer } from './module.ts'

const admin = [1, '*:*:any'] as const
const customerOf = (userId: number) => [userId, 'customer:read:own', 'customer:update:own'] as const
const inactiveUser = 900
const missingUser = 999_999

const user = (id: number) => ({
  id,
  email: `user${id}@example.com`,
  firstName: 'Ada',
  lastName: 'Lovelace',
  userType: 'customer' as const,
  status: id === inactiveUser ? ('suspended' as const) : ('active' as const),
  roles: ['customer'],
  locale: 'en',
  timezone: 'Europe/Berlin',
  emailVerifiedAt: null,
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
})

let world: ModuleWorld<'customer_service_db'>
let nextUser = 1_000

beforeAll(async () => {
  world = await openModuleWorld(
    'customer_service_db',
    (connection) =>
      createCustomer({
        connection,
        cache: noCache,
        publish: createPublisher(customerEvents, 'customer_service_db', { ringCommitted: () => {} }),
        users: { getUser: async ({ id }) => (id === missingUser ? undefined : user(id)) },
      }),
    { poolSize: 50 },
  )
})
afterAll(() => world.close())

async function made(body: object = {}): Promise<{ id: number; userId: number; version: number }> {
  const userId = nextUser++
  const answer = await world.ask('POST /v1/customers', {
    as: admin,
    body: { userId, companyName: 'Blue Freight', defaultCurrency: 'EUR', ...body },
  })
  expect(answer.status, answer.text).toBe(201)
  return { id: Number(answer.body.id), userId, version: Number(answer.body.version) }
}

const patch = (id: number, body: object, ifMatch: number | undefined, as: readonly [number, ...string[]] = admin): Promise<Answered> =>
  world.ask(`PATCH /v1/customers/${id}`, { as, body, ifMatch })
const act = (id: number, action: string, body: object = { reason: 'because' }, as: readonly [number, ...string[]] = admin) =>
  world.ask(`POST /v1/customers/${id}/${action}`, { as, body })
const codeOf = ({ body }: Answered): unknown => body.code

describe('making a customer', () => {
  test('a new customer is pending, has a number made from its id, and says so once', async () => {
    const userId = nextUser++
    const answer = await world.ask('POST /v1/customers', { as: admin, body: { userId, companyName: 'Red Freight' } })

    const id = Number(answer.body.id)
    expect(answer).toMatchObject({ status: 201, location: `/v1/customers/${id}`, etag: '"v1"' })
    expect(answer.body).toMatchObject({
      userId,
      accountNumber: `C-${String(id).padStart(6, '0')}`,
      status: 'pending',
      tier: 'C',
      timezone: 'Europe/Berlin',
      portalUserActive: true,
      version: 1,
    })
    expect(await world.told(`customer/${id}`)).toEqual([
      {
        type: 'customer.created',
        subject: `customer/${id}`,
        data: {
          customerId: id,
          userId,
          accountNumber: answer.body.accountNumber,
          status: 'pending',
          tier: 'C',
          currency: null,
          version: 1,
        },
      },
    ])
    expect(await world.audited(`customer/${id}`)).toMatchObject([{ action: 'customer.created', actorKind: 'user', actorId: 1 }])
  })

  test('a user has one profile only', async () => {
    const { userId } = await made()

    const again = await world.ask('POST /v1/customers', { as: admin, body: { userId } })

    expect([again.status, codeOf(again)]).toEqual([409, 'CUSTOMER_EXISTS'])
  })

  test.each(['userId', 'salesRepUserId'])('a %s that does not resolve is refused with its path', async (member) => {
    const answer = await world.ask('POST /v1/customers', { as: admin, body: { userId: nextUser++, [member]: missingUser } })

    expect([answer.status, codeOf(answer)]).toEqual([422, 'USER_NOT_FOUND'])
    expect(answer.body.errors).toMatchObject([{ path: `/${member}` }])
  })

  test('an external reference names one customer only, and finds it', async () => {
    const { id } = await made({ externalRefs: [{ system: 'sap', id: '4711' }] })

    const second = await world.ask('POST /v1/customers', {
      as: admin,
      body: { userId: nextUser++, externalRefs: [{ system: 'sap', id: '4711' }] },
    })
    const found = await world.ask('GET /v1/customers?externalRef=sap:4711', { as: admin })

    expect([second.status, codeOf(second)]).toEqual([409, 'EXTERNAL_REF_TAKEN'])
    expect(found.body.data).toMatchObject([{ id }])
  })

  test('the same Idempotency-Key gives the same answer and one customer', async () => {
    const userId = nextUser++
    const once = () => world.ask('POST /v1/customers', { as: admin, body: { userId }, headers: { 'idempotency-key': `key-${userId}` } })

    const first = await once()
    const second = await once()

    expect(second.status).toBe(201)
    expect(second.text).toBe(first.text)
  })
})

describe('changing a customer', () => {
  test('a change writes a new version, one audit row without personal values, and one event', async () => {
    const { id } = await made()

    const answer = await patch(id, { tier: 'A', invoiceEmail: 'Bills@Example.com' }, 1)

    expect(answer).toMatchObject({ status: 200, etag: '"v2"' })
    expect(answer.body).toMatchObject({ tier: 'A', invoiceEmail: 'bills@example.com', version: 2 })
    expect((await world.told(`customer/${id}`)).slice(1)).toEqual([
      {
        type: 'customer.updated',
        subject: `customer/${id}`,
        data: { customerId: id, changed: ['tier', 'invoiceEmail'], tier: 'A', currency: 'EUR', version: 2 },
      },
    ])
    const [, line] = await world.audited(`customer/${id}`)
    expect(line).toMatchObject({ action: 'customer.updated', before: { tier: 'C' }, after: { tier: 'A' } })
    expect(JSON.stringify(line)).not.toContain('bills@')
    expect(JSON.stringify(line)).toContain('invoiceEmail')
  })

  test('equal values and an empty patch change nothing and say nothing', async () => {
    const { id } = await made()
    const before = (await world.told()).length

    const answers = [await patch(id, {}, 1), await patch(id, { companyName: 'Blue Freight', tags: [] }, 1)]

    expect(answers.map(({ status, body }) => [status, body.version])).toEqual([
      [200, 1],
      [200, 1],
    ])
    expect((await world.told()).length).toBe(before)
  })

  test('of 100 writers on one version one wins and the others learn the version of now', async () => {
    const { id } = await made()

    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => patch(id, { tier: `T${n}` }, 1)))

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(99)
    expect(await world.told(`customer/${id}`)).toHaveLength(2)
    expect(await world.audited(`customer/${id}`)).toHaveLength(2)
  })

  test('without If-Match nothing is written', async () => {
    const { id } = await made()

    expect((await patch(id, { tier: 'A' }, undefined)).status).toBe(428)
  })

  test.each([
    ['userId', 5],
    ['status', 'active'],
  ])('%s is fixed, also for an administrator', async (member, value) => {
    const { id } = await made()

    const answer = await patch(id, { tier: 'A', [member]: value }, 1)

    expect([answer.status, codeOf(answer)]).toEqual([422, 'FIELD_IMMUTABLE'])
    expect(await world.audited(`customer/${id}`)).toHaveLength(1)
  })

  test('an account number is set once, and never in the form that is given out', async () => {
    const { id } = await made()

    const reserved = await patch(id, { accountNumber: 'C-777777' }, 1)
    const set = await patch(id, { accountNumber: 'ACME/7' }, 1)
    const again = await patch(id, { accountNumber: 'ACME/8' }, 2)

    expect([reserved.status, codeOf(reserved)]).toEqual([422, 'ACCOUNT_NUMBER_RESERVED'])
    expect([set.status, set.body.accountNumber]).toEqual([200, 'ACME/7'])
    expect([again.status, codeOf(again)]).toEqual([422, 'FIELD_IMMUTABLE'])
  })

  test('an account number belongs to one customer', async () => {
    const { id } = await made()
    const taken = await made({ accountNumber: 'NORTH-1' })

    const answer = await patch(id, { accountNumber: 'NORTH-1' }, 1)

    expect([answer.status, codeOf(answer)]).toEqual([409, 'ACCOUNT_NUMBER_TAKEN'])
    expect(taken.version).toBe(1)
  })
})

describe('what customers may do themselves', () => {
  test('they write their names and their invoice e-mail', async () => {
    const { id, userId } = await made()

    const answer = await patch(id, { companyName: 'Bluer Freight', invoiceEmail: 'b@example.com' }, 1, customerOf(userId))

    expect([answer.status, answer.body.companyName]).toEqual([200, 'Bluer Freight'])
  })

  test.each([
    ['tier', 'A'],
    ['status', 'active'],
    ['userId', 1],
    ['accountNumber', 'MINE-1'],
    ['salesRepUserId', 1],
    ['defaultCurrency', 'USD'],
    ['paymentTermsDays', 365],
    ['tags', ['vip']],
    ['metadata', { a: 'b' }],
    ['externalRefs', []],
  ])('they do not write %s, and nothing else of that patch is written', async (member, value) => {
    const { id, userId } = await made()

    const answer = await patch(id, { companyName: 'Mine', [member]: value }, 1, customerOf(userId))

    expect([answer.status, codeOf(answer)]).toEqual([403, 'FIELD_FORBIDDEN'])
    expect(answer.body.errors).toMatchObject([{ path: `/${member}` }])
    const { body } = await world.ask(`GET /v1/customers/${id}`, { as: admin })
    expect([body.companyName, body.version]).toEqual(['Blue Freight', 1])
  })

  test.each(['id', 'version', 'createdAt', 'portalUserActive', 'portalUserVersion', 'user_id'])(
    'nobody knows a member %s to write',
    async (member) => {
      const { id } = await made()

      expect((await patch(id, { [member]: 1 }, 1)).status).toBe(400)
    },
  )

  test("another customer's profile answers exactly like one that is not there", async () => {
    const mine = await made()
    const foreign = await made()
    const as = customerOf(mine.userId)
    const nowhere = 2_000_000_000
    const bytes = ({ status, text }: Answered) =>
      [status, text.replace(/customers\/\d+/, 'customers/N').replace(/"requestId":"[^"]*"/, '')] as const

    const reads = [await world.ask(`GET /v1/customers/${foreign.id}`, { as }), await world.ask(`GET /v1/customers/${nowhere}`, { as })]
    const writes = [await patch(foreign.id, { companyName: 'X' }, 1, as), await patch(nowhere, { companyName: 'X' }, 1, as)]

    expect(reads.map(bytes)[0]).toEqual(reads.map(bytes)[1])
    expect(writes.map(bytes)[0]).toEqual(writes.map(bytes)[1])
    expect([...reads, ...writes].map(codeOf)).toEqual(Array(4).fill('CUSTOMER_NOT_FOUND'))
    expect(await world.audited(`customer/${foreign.id}`)).toHaveLength(1)
  })

  test('their list holds their own profile only', async () => {
    const { id, userId } = await made()
    await made()

    const own = await world.ask('GET /v1/customers', { as: customerOf(userId) })
    const tried = await world.ask(`GET /v1/customers?userId=${userId + 1}`, { as: customerOf(userId) })

    expect(own.body.data).toMatchObject([{ id }])
    expect(tried.body.data).toEqual([])
  })
})

describe('states', () => {
  test('an action without its reason is refused', async () => {
    const { id } = await made()
    await act(id, 'activate')

    const answers = [await act(id, 'suspend', {}), await act(id, 'suspend', { reason: '  ' })]

    expect(answers.map((answer) => [answer.status, codeOf(answer)])).toEqual([
      [422, 'REASON_REQUIRED'],
      [422, 'REASON_REQUIRED'],
    ])
  })

  test('a customer without a name or a currency cannot be activated', async () => {
    const { id } = await made({ companyName: null, defaultCurrency: null })

    const answer = await act(id, 'activate')

    expect([answer.status, codeOf(answer)]).toEqual([422, 'CUSTOMER_INCOMPLETE'])
    expect(answer.body.errors).toMatchObject([{ path: '/companyName' }, { path: '/defaultCurrency' }])
  })

  test('a move is one version, one audit row with its reason and one event; its repeat is none', async () => {
    const { id } = await made()
    await world.ask(`POST /v1/customers/${id}/activate`, { as: admin })

    const first = await act(id, 'suspend', { reason: 'unpaid' })
    const repeat = await act(id, 'suspend', { reason: 'unpaid' })

    expect([first.status, first.body.status, first.body.version]).toEqual([200, 'suspended', 3])
    expect([repeat.status, repeat.text]).toEqual([200, first.text])
    expect((await world.told(`customer/${id}`)).slice(1).map(({ data }) => data)).toEqual([
      { customerId: id, from: 'pending', to: 'active', reason: null, version: 2 },
      { customerId: id, from: 'active', to: 'suspended', reason: 'unpaid', version: 3 },
    ])
    expect((await world.audited(`customer/${id}`)).at(-1)).toMatchObject({
      action: 'customer.suspended',
      before: { status: 'active' },
      after: { status: 'suspended' },
      reason: 'unpaid',
    })
  })

  test('an action the state does not allow names the state and the action', async () => {
    const { id } = await made()

    const answer = await act(id, 'suspend')

    expect([answer.status, codeOf(answer)]).toEqual([409, 'INVALID_TRANSITION'])
    expect(answer.text).toContain('pending')
    expect(answer.text).toContain('suspend')
  })

  test('of 50 who suspend at once one does it and all are answered alike', async () => {
    const { id } = await made()
    await act(id, 'activate')

    const answers = await Promise.all(Array.from({ length: 50 }, () => act(id, 'suspend')))

    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(await world.told(`customer/${id}`)).toHaveLength(3)
  })

  test('an action on an old version is refused when the version is sent', async () => {
    const { id } = await made()
    await patch(id, { tier: 'A' }, 1)

    const answer = await world.ask(`POST /v1/customers/${id}/activate`, { as: admin, ifMatch: 1 })

    expect(answer.status).toBe(412)
  })
})

describe('following users', () => {
  const created = (userId: number, over: object = {}) => ({
    userId,
    email: 'new@example.com',
    firstName: 'New',
    lastName: 'Person',
    userType: 'customer',
    roles: ['customer'],
    locale: 'en',
    timezone: 'America/New_York',
    company: { name: 'Green Freight', country: 'US' },
    version: 1,
    ...over,
  })
  const profileOf = async (userId: number) => {
    const { body } = await world.ask(`GET /v1/customers?userId=${userId}`, { as: admin })
    return body.data
  }

  test('a new user gets one pending profile, however often the event comes', async () => {
    const userId = nextUser++

    await world.deliver('user.created', created(userId))
    await world.deliver('user.created', created(userId))

    expect(await profileOf(userId)).toMatchObject([
      {
        status: 'pending',
        type: 'company',
        companyName: 'Green Freight',
        country: 'US',
        timezone: 'America/New_York',
        portalUserActive: true,
      },
    ])
    expect((await world.told()).filter(({ data }) => data.userId === userId)).toHaveLength(1)
  })

  test('events that race make one profile', async () => {
    const userId = nextUser++

    await Promise.allSettled(Array.from({ length: 4 }, () => world.deliver('user.created', created(userId))))

    expect(await profileOf(userId)).toHaveLength(1)
    expect((await world.told()).filter(({ data }) => data.userId === userId)).toHaveLength(1)
  })

  test.each(['staff', 'carrier', 'service'])('a user of the type %s gets none', async (userType) => {
    const userId = nextUser++

    await world.deliver('user.created', created(userId, { userType }))

    expect(await profileOf(userId)).toEqual([])
  })

  test('a profile that staff made before the event came stays as it is', async () => {
    const { id, userId } = await made()

    await world.deliver('user.created', created(userId))

    expect(await profileOf(userId)).toMatchObject([{ id, companyName: 'Blue Freight', version: 1 }])
  })

  test('who may not log in is marked, and the profile keeps its state', async () => {
    const { id, userId } = await made()
    await act(id, 'activate')

    await world.deliver('user.suspended', { userId, version: 2 })

    expect(await profileOf(userId)).toMatchObject([{ status: 'active', portalUserActive: false, version: 3 }])
    expect((await world.told(`customer/${id}`)).at(-1)).toMatchObject({ type: 'customer.updated', data: { changed: ['portalUserActive'] } })
    expect((await world.audited(`customer/${id}`)).at(-1)).toMatchObject({ actorKind: 'system', after: { portalUserActive: false } })
  })

  test('an event that is older than what is known changes nothing', async () => {
    const { id, userId } = await made()

    await world.deliver('user.suspended', { userId, version: 2 })
    await world.deliver('user.reactivated', { userId, version: 3 })
    await world.deliver('user.suspended', { userId, version: 2 })

    expect(await profileOf(userId)).toMatchObject([{ portalUserActive: true }])
    expect(await world.told(`customer/${id}`)).toHaveLength(3)
  })

  test('a profile made for a suspended user knows it', async () => {
    const answer = await world.ask('POST /v1/customers', { as: admin, body: { userId: inactiveUser } })

    expect(answer.body.portalUserActive).toBe(false)
  })
})
