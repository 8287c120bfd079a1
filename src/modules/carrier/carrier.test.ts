import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPublisher } from '#platform/events.ts'
import { type Answered, type ModuleWorld, noCache, openModuleWorld } from '#support/module-world.ts'
import { type CarrierStatus, carrierEvents, carrierStatuses, type ServiceStatus, serviceStatuses } from './contract.ts'
import { createCarrier } from './module.ts'
import { type CarrierAction, carrierActions, type ServiceAction, serviceActions } from './states.ts'

type Caller = readonly [userId: number, ...permissions: string[]]

const admin: Caller = [1, '*:*:any']
const ops: Caller = [2, ...['browse', 'read', 'create', 'operate', 'review', 'suspend'].map((action) => `carrier:${action}:any`)]
const owner = (userId: number): Caller => [
  userId,
  'carrier:browse:any',
  ...['read', 'create', 'operate', 'update', 'submit'].map((action) => `carrier:${action}:own`),
]
const customer: Caller = [4, 'carrier:browse:any']
const missingUser = 999_999
const suspendedUser = 900

const user = (id: number) => ({
  id,
  email: `user${id}@example.com`,
  firstName: 'Grace',
  lastName: 'Hopper',
  userType: 'carrier' as const,
  status: id === suspendedUser ? ('suspended' as const) : ('active' as const),
  roles: ['carrier_owner'],
  locale: 'en',
  timezone: 'UTC',
  emailVerifiedAt: null,
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
})

const startOfTest = Date.parse('2026-05-01T12:00:00Z')
let now = startOfTest
let world: ModuleWorld<'carrier_service_db'>
let contract: ReturnType<typeof createCarrier>['service']
let count = 0

beforeAll(async () => {
  world = await openModuleWorld(
    'carrier_service_db',
    (connection) => {
      const carrier = createCarrier({
        connection,
        cache: noCache,
        publish: createPublisher(carrierEvents, 'carrier_service_db', { ringCommitted: () => {} }),
        users: { getUser: async ({ id }) => (id === missingUser ? undefined : user(id)) },
        now: () => now,
      })
      contract = carrier.service
      return carrier
    },
    { poolSize: 50 },
  )
})
afterAll(() => world.close())

const codeOf = ({ body }: Answered): unknown => body.code
const seen = ({ status, body }: Answered) => [status, status < 400 ? body.status : body.code]
const patch = (id: number, body: object, ifMatch: number | undefined, as: Caller = admin) =>
  world.ask(`PATCH /v1/carriers/${id}`, { as, body, ifMatch })
const act = (id: number, action: string, as: Caller = admin, body: object = { reason: 'because' }) =>
  world.ask(`POST /v1/carriers/${id}/${action}`, { as, body })
const get = (id: number, as: Caller = admin) => world.ask(`GET /v1/carriers/${id}`, { as })

async function made(over: object = {}, as: Caller = admin): Promise<{ id: number; ownerId: number }> {
  count += 1
  const body = {
    code: `carrier-${count}`,
    name: `Carrier ${count}`,
    modes: ['parcel'],
    ...(as === admin ? { ownerId: 5_000 + count } : {}),
    ...over,
  }
  const answer = await world.ask('POST /v1/carriers', { as, body })
  expect(answer.status, answer.text).toBe(201)
  return { id: Number(answer.body.id), ownerId: Number(answer.body.ownerId) }
}

async function withService(id: number, code = 'GROUND', status: ServiceStatus = 'active'): Promise<void> {
  const added = await world.ask(`POST /v1/carriers/${id}/services`, { as: admin, body: { code, name: code, mode: 'parcel' } })
  expect(added.status, added.text).toBe(201)
  const ways: Record<ServiceStatus, ServiceAction[]> = {
    draft: [],
    active: ['activate'],
    paused: ['activate', 'pause'],
    retired: ['retire'],
  }
  for (const action of ways[status]) await world.ask(`POST /v1/carriers/${id}/services/${code}/${action}`, { as: admin })
}

async function madeIn(status: CarrierStatus, over: object = {}): Promise<{ id: number; ownerId: number }> {
  const carrier = await made(over)
  await withService(carrier.id)
  const ways: Record<CarrierStatus, CarrierAction[]> = {
    draft: [],
    pending_review: ['submit'],
    active: ['submit', 'approve'],
    suspended: ['submit', 'approve', 'suspend'],
    retired: ['submit', 'approve', 'retire'],
  }
  for (const action of ways[status]) expect((await act(carrier.id, action)).status).toBe(200)
  return carrier
}

describe('making a carrier', () => {
  test('a new carrier is a draft, and says so once', async () => {
    const { id, ownerId } = await made({ scac: 'FSTF', contact: { name: 'Desk', email: 'Desk@Example.com' } })

    const { body } = await get(id)

    expect(body).toMatchObject({
      status: 'draft',
      scac: 'FSTF',
      ownerId,
      ownerActive: true,
      contact: { name: 'Desk', email: 'desk@example.com', phone: null },
      version: 1,
    })
    expect(await world.told(`carrier/${id}`)).toEqual([
      {
        type: 'carrier.created',
        subject: `carrier/${id}`,
        data: { carrierId: id, code: body.code, scac: 'FSTF', ownerId, changed: [], version: 1 },
      },
    ])
    expect(await world.audited(`carrier/${id}`)).toMatchObject([{ action: 'carrier.created', actorId: 1 }])
  })

  test('an owner makes carriers of their own only', async () => {
    const own = await made({}, owner(77))
    const foreign = await world.ask('POST /v1/carriers', {
      as: owner(77),
      body: { code: 'not-mine', name: 'Not mine', modes: ['air'], ownerId: 78 },
    })

    expect(own.ownerId).toBe(77)
    expect([foreign.status, codeOf(foreign)]).toEqual([403, 'FIELD_FORBIDDEN'])
  })

  test.each([
    ['missing', missingUser],
    ['suspended', suspendedUser],
  ])('a %s user is no owner', async (_, ownerId) => {
    const body = { code: 'orphan', name: 'Orphan', modes: ['air'], ownerId }

    const answer = await world.ask('POST /v1/carriers', { as: admin, body })

    expect([answer.status, codeOf(answer)]).toEqual([422, 'USER_NOT_FOUND'])
  })

  test('staff say for whom', async () => {
    const answer = await world.ask('POST /v1/carriers', { as: ops, body: { code: 'whose', name: 'Whose', modes: ['air'] } })

    expect(answer.status).toBe(400)
    expect(answer.body.errors).toMatchObject([{ path: '/ownerId' }])
  })

  test.each([
    ['FSTU', 422],
    ['FSTX', 422],
    ['FSTZ', 422],
    ['FSTA', 201],
    ['UZ', 201],
  ])('the SCAC %s is answered with %i', async (scac, status) => {
    count += 1
    const body = { code: `scac-${count}`, name: 'Scac', modes: ['ltl'], ownerId: 5, scac }

    expect((await world.ask('POST /v1/carriers', { as: admin, body })).status).toBe(status)
  })

  test('a code is taken for ever', async () => {
    await made({ code: 'once-only' })

    const again = await world.ask('POST /v1/carriers', {
      as: admin,
      body: { code: 'once-only', name: 'Again', modes: ['air'], ownerId: 5 },
    })

    expect([again.status, codeOf(again)]).toEqual([409, 'CARRIER_CODE_TAKEN'])
  })
})

describe('every action in every state', () => {
  /** The state it leads to, `=` for reached already, `-` for refused. */
  const matrix: Record<CarrierStatus, Record<CarrierAction, string>> = {
    draft: { submit: 'pending_review', approve: '-', reject: '=', suspend: '-', reinstate: '-', retire: '-' },
    pending_review: { submit: '=', approve: 'active', reject: 'draft', suspend: '-', reinstate: '-', retire: '-' },
    active: { submit: '-', approve: '=', reject: '-', suspend: 'suspended', reinstate: '=', retire: 'retired' },
    suspended: { submit: '-', approve: '-', reject: '-', suspend: '=', reinstate: 'active', retire: 'retired' },
    retired: { submit: '-', approve: '-', reject: '-', suspend: '-', reinstate: '-', retire: '=' },
  }
  const cells = carrierStatuses.flatMap((status) => carrierActions.map((action) => [status, action, matrix[status][action]] as const))

  test.each(cells)('%s, %s: %s', async (status, action, expected) => {
    const { id } = await madeIn(status)
    const before = (await get(id)).body
    const toldBefore = (await world.told(`carrier/${id}`)).length

    const answer = await act(id, action)

    const told = (await world.told(`carrier/${id}`)).slice(toldBefore).filter(({ type }) => type === 'carrier.status_changed')
    if (expected === '-') {
      expect([answer.status, codeOf(answer)]).toEqual([409, 'INVALID_TRANSITION'])
      expect(answer.text).toContain(status)
    } else if (expected === '=') {
      expect([answer.status, answer.body]).toEqual([200, before])
    } else {
      expect([answer.status, answer.body.status, answer.body.version]).toEqual([200, expected, Number(before.version) + 1])
    }
    const moved = expected !== '-' && expected !== '='
    expect(told.map(({ data }) => [data.from, data.to])).toEqual(moved ? [[status, expected]] : [])
  })

  const serviceMatrix: Record<ServiceStatus, Record<ServiceAction, string>> = {
    draft: { activate: 'active', pause: '-', resume: '-', retire: 'retired' },
    active: { activate: '=', pause: 'paused', resume: '=', retire: 'retired' },
    paused: { activate: '-', pause: '=', resume: 'active', retire: 'retired' },
    retired: { activate: '-', pause: '-', resume: '-', retire: '=' },
  }
  const serviceCells = serviceStatuses.flatMap((status) =>
    serviceActions.map((action) => [status, action, serviceMatrix[status][action]] as const),
  )

  test.each(serviceCells)('a service that is %s, %s: %s', async (status, action, expected) => {
    const { id } = await made()
    await withService(id, 'AIR', status)
    const before = (await world.told(`carrier/${id}`)).length

    const answer = await world.ask(`POST /v1/carriers/${id}/services/AIR/${action}`, { as: admin })

    expect(seen(answer)).toEqual(expected === '-' ? [409, 'INVALID_TRANSITION'] : [200, expected === '=' ? status : expected])
    expect(await world.told(`carrier/${id}`)).toHaveLength(before + (expected === '-' || expected === '=' ? 0 : 1))
  })
})

describe('guards', () => {
  test('a carrier without an active service is not reviewed', async () => {
    const { id } = await made()
    await withService(id, 'SLOW', 'draft')

    expect(seen(await act(id, 'submit'))).toEqual([422, 'CARRIER_INCOMPLETE'])
  })

  test.each(['approve', 'reject'])('nobody reviews their own carrier: %s', async (action) => {
    const { id } = await madeIn('pending_review', { ownerId: 2 })

    expect(seen(await act(id, action, ops))).toEqual([403, 'SELF_REVIEW'])
    expect((await get(id)).body.status).toBe('pending_review')
  })

  test.each(['reject', 'suspend'])('%s needs a reason', async (action) => {
    const { id } = await madeIn(action === 'reject' ? 'pending_review' : 'active')

    expect(seen(await act(id, action, admin, {}))).toEqual([422, 'REASON_REQUIRED'])
  })

  test('retiring takes the services along, each with its own event and audit row', async () => {
    const { id } = await madeIn('active')
    await withService(id, 'NIGHT', 'paused')

    await act(id, 'retire')

    const services = await world.ask(`GET /v1/carriers/${id}/services`, { as: admin })
    expect(services.body.data).toMatchObject([{ status: 'retired' }, { status: 'retired' }])
    const told = (await world.told(`carrier/${id}`)).filter(
      ({ type, data }) => type === 'carrier.service_changed' && data.status === 'retired',
    )
    expect(told.map(({ data }) => data.serviceCode)).toEqual(['GROUND', 'NIGHT'])
    expect(
      (await world.audited()).filter(({ subject, after }) => subject.startsWith(`carrier/${id}/service/`) && after?.status === 'retired'),
    ).toHaveLength(2)
  })

  test('a retired carrier is not described any more and gets no services', async () => {
    const { id } = await madeIn('retired')
    const version = Number((await get(id)).body.version)

    const answers = [
      await patch(id, { name: 'New' }, version),
      await world.ask(`POST /v1/carriers/${id}/services`, { as: admin, body: { code: 'X', name: 'X', mode: 'air' } }),
      await world.ask(`POST /v1/carriers/${id}/transfer-owner`, { as: admin, body: { ownerId: 5 } }),
    ]

    expect(answers.map(seen)).toEqual(Array(3).fill([409, 'INVALID_TRANSITION']))
  })

  test('of 100 writers on one version one wins', async () => {
    const { id } = await made()

    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => patch(id, { name: `Name ${n}` }, 1)))

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(99)
    expect(await world.told(`carrier/${id}`)).toHaveLength(2)
  })
})

describe('owners', () => {
  const description = {
    name: 'New name',
    countries: ['DE'],
    contact: { name: 'Me', phone: '+4930123456' },
    insuranceExpiresOn: '2027-01-01',
  }

  test('they describe their carrier', async () => {
    const { id, ownerId } = await made()

    const answer = await patch(id, { ...description, scac: 'ABCD' }, 1, owner(ownerId))

    expect([answer.status, answer.body.name, answer.body.scac]).toEqual([200, 'New name', 'ABCD'])
  })

  test.each([
    ['draft', { ownerId: 9 }, [403, 'FIELD_FORBIDDEN']],
    ['draft', { status: 'active' }, [403, 'FIELD_FORBIDDEN']],
    ['draft', { code: 'other' }, [422, 'FIELD_IMMUTABLE']],
    ['draft', { scac: 'ABCD' }, [200, 'draft']],
    ['pending_review', { status: 'active' }, [403, 'FIELD_FORBIDDEN']],
    ['active', { scac: 'ABCD' }, [403, 'FIELD_FORBIDDEN']],
    ['active', { ownerId: 9 }, [403, 'FIELD_FORBIDDEN']],
    ['active', { name: 'Mine' }, [200, 'active']],
    ['suspended', { scac: 'ABCD' }, [403, 'FIELD_FORBIDDEN']],
    ['suspended', { status: 'active' }, [403, 'FIELD_FORBIDDEN']],
  ] as const)('%s, %o: %o', async (status, body, expected) => {
    const { id, ownerId } = await madeIn(status)
    const { version } = (await get(id)).body

    expect(seen(await patch(id, body, Number(version), owner(ownerId)))).toEqual(expected)
  })

  test.each([
    [{ ownerId: 9 }, [422, 'FIELD_IMMUTABLE']],
    [{ status: 'active' }, [422, 'FIELD_IMMUTABLE']],
    [{ code: 'other' }, [422, 'FIELD_IMMUTABLE']],
    [{ scac: 'ABCD' }, [200, 'active']],
  ] as const)('an administrator, %o: %o', async (body, expected) => {
    const { id } = await madeIn('active')
    const { version } = (await get(id)).body
    const statusOfDraft = 'status' in body ? { status: 'draft' } : body

    expect(seen(await patch(id, statusOfDraft, Number(version)))).toEqual(expected)
  })

  test('they pause their services, and no others', async () => {
    const mine = await madeIn('active')
    const foreign = await madeIn('active')
    const as = owner(mine.ownerId)

    const own = await world.ask(`POST /v1/carriers/${mine.id}/services/GROUND/pause`, { as })
    const other = await world.ask(`POST /v1/carriers/${foreign.id}/services/GROUND/pause`, { as })

    expect([seen(own), seen(other)]).toEqual([
      [200, 'paused'],
      [404, 'CARRIER_NOT_FOUND'],
    ])
  })

  test("another owner's carrier answers exactly like one that is not there", async () => {
    const mine = await made()
    const foreign = await made()
    const as = owner(mine.ownerId)
    const bytes = ({ status, text }: Answered) => [status, text.replace(/carriers\/\d+/, 'carriers/N').replace(/"requestId":"[^"]*"/, '')]

    for (const line of [
      'GET /v1/carriers/ID',
      'GET /v1/carriers/ID/services',
      'POST /v1/carriers/ID/submit',
      'GET /v1/carriers/ID/services/X',
    ]) {
      const answers = [
        await world.ask(line.replace('ID', String(foreign.id)), { as }),
        await world.ask(line.replace('ID', '2000000000'), { as }),
      ]
      expect(answers.map(codeOf)).toEqual(['CARRIER_NOT_FOUND', 'CARRIER_NOT_FOUND'])
      expect(answers.map(bytes)[0]).toEqual(answers.map(bytes)[1])
    }
  })

  test('a transfer changes the owner with an audit row and an event of its own, its repeat does nothing', async () => {
    const { id, ownerId } = await madeIn('active')

    const first = await world.ask(`POST /v1/carriers/${id}/transfer-owner`, { as: admin, body: { ownerId: 4_321, reason: 'sold' } })
    const repeat = await world.ask(`POST /v1/carriers/${id}/transfer-owner`, { as: admin, body: { ownerId: 4_321 } })

    expect(first.body).toMatchObject({ ownerId: 4_321, ownerActive: true })
    expect(repeat.text).toBe(first.text)
    const told = (await world.told(`carrier/${id}`)).filter(({ type }) => type === 'carrier.owner_transferred')
    expect(told.map(({ data }) => data)).toEqual([{ carrierId: id, fromUserId: ownerId, toUserId: 4_321, version: first.body.version }])
    expect((await world.audited(`carrier/${id}`)).at(-1)).toMatchObject({ action: 'carrier.owner_transferred', reason: 'sold' })
  })

  test('an owner who may not log in is marked at each of their carriers, once', async () => {
    const { id, ownerId } = await madeIn('active')
    const second = await made({ ownerId })

    await world.deliver('user.suspended', { userId: ownerId, version: 2 })
    await world.deliver('user.suspended', { userId: ownerId, version: 2 })

    expect([(await get(id)).body, (await get(second.id)).body]).toMatchObject([
      { ownerActive: false, status: 'active' },
      { ownerActive: false, version: 2 },
    ])
    expect(await world.told(`carrier/${second.id}`)).toHaveLength(2)
    await world.deliver('user.reactivated', { userId: ownerId, version: 3 })
    await world.deliver('user.deactivated', { userId: ownerId, version: 2 })
    expect((await get(id)).body.ownerActive).toBe(true)
  })
})

describe('who may only browse', () => {
  test('sees active carriers, without owner, contact, insurance and references', async () => {
    const { id } = await madeIn('active', { contact: { name: 'Secret' }, insuranceExpiresOn: '2030-01-01' })
    const draft = await made()

    const answer = await get(id, customer)

    expect(Object.keys(answer.body).toSorted()).toEqual(
      [
        'code',
        'countries',
        'createdAt',
        'currency',
        'id',
        'modes',
        'name',
        'scac',
        'status',
        'timezone',
        'updatedAt',
        'version',
      ].toSorted(),
    )
    expect(seen(await get(draft.id, customer))).toEqual([404, 'CARRIER_NOT_FOUND'])
  })

  test('sees the services that are active', async () => {
    const { id } = await madeIn('active')
    await withService(id, 'HIDDEN', 'draft')

    const list = await world.ask(`GET /v1/carriers/${id}/services`, { as: customer })
    const hidden = await world.ask(`GET /v1/carriers/${id}/services/HIDDEN`, { as: customer })

    expect(list.body.data).toMatchObject([{ code: 'GROUND' }])
    expect(seen(hidden)).toEqual([404, 'CARRIER_SERVICE_NOT_FOUND'])
  })

  test('learns nothing by filtering on what they may not see', async () => {
    const { ownerId } = await madeIn('active', { externalRefs: [{ system: 'sap', id: 'B-1' }] })
    const dataOf = async (query: string, as: Caller) => (await world.ask(`GET /v1/carriers?${query}`, { as })).body.data

    for (const query of [`ownerId=${ownerId}`, 'externalRef=sap:B-1']) {
      expect(await dataOf(query, customer)).toEqual([])
      expect(await dataOf(query, admin)).toHaveLength(1)
      expect(await dataOf(query, owner(ownerId))).toHaveLength(1)
    }
    expect(await dataOf('ownerActive=true', customer)).toEqual([])
  })

  test('an owner sees their own in full and the others so', async () => {
    const mine = await made()
    await madeIn('active')

    const { data } = (await world.ask('GET /v1/carriers?limit=200', { as: owner(mine.ownerId) })).body
    const rows: Record<string, unknown>[] = Array.isArray(data) ? data : []

    expect(rows.filter((row) => row.ownerId !== undefined).map(({ id }) => id)).toEqual([mine.id])
    expect(rows.filter((row) => row.ownerId === undefined).every(({ status }) => status === 'active')).toBe(true)
    expect(rows.length).toBeGreaterThan(1)
  })
})

describe('insurance', () => {
  test('from the first day without cover a carrier counts as suspended in every answer', async () => {
    const { id } = await madeIn('active', { insuranceExpiresOn: '2026-06-01', timezone: 'America/New_York' })
    const listed = async (status: string) => {
      const { data } = (await world.ask(`GET /v1/carriers?status=${status}&limit=200`, { as: admin })).body
      return Array.isArray(data) && data.some((row: { id: number }) => row.id === id)
    }
    const answers = async () => ({
      read: (await get(id)).body.status,
      contract: (await contract.getCarrier({ id }))?.status,
      batch: (await contract.getCarriers({ ids: [id] }))[0]?.status,
      listedActive: await listed('active'),
      listedSuspended: await listed('suspended'),
      browsed: (await get(id, customer)).status,
    })

    now = Date.parse('2026-06-01T03:59:59.999Z')
    const before = await answers()
    now = Date.parse('2026-06-01T04:00:00.000Z')
    const after = await answers()
    const reinstated = await act(id, 'reinstate')
    now = startOfTest

    expect(before).toEqual({
      read: 'active',
      contract: 'active',
      batch: 'active',
      listedActive: true,
      listedSuspended: false,
      browsed: 200,
    })
    expect(after).toEqual({
      read: 'suspended',
      contract: 'suspended',
      batch: 'suspended',
      listedActive: false,
      listedSuspended: true,
      browsed: 404,
    })
    expect(seen(reinstated)).toEqual([409, 'INSURANCE_EXPIRED'])
  })

  test('a later date brings the carrier back without an action', async () => {
    const { id } = await madeIn('active', { insuranceExpiresOn: '2026-04-01' })
    expect((await get(id)).body.status).toBe('suspended')

    const answer = await patch(id, { insuranceExpiresOn: '2027-01-01' }, Number((await get(id)).body.version))

    expect(seen(answer)).toEqual([200, 'active'])
  })
})

describe('services', () => {
  const limits = { maxWeight: { value: '31.5', unit: 'kg' }, maxPieces: 20, maxDeclaredValue: { amount: '1000', currency: 'USD' } }

  test('limits are kept as they were entered, money with the digits of its currency', async () => {
    const { id } = await made()

    const answer = await world.ask(`POST /v1/carriers/${id}/services`, {
      as: admin,
      body: { code: 'AIR', name: 'Air', mode: 'air', transit: { minDays: 1, maxDays: 2 }, limits, features: ['hazmat'] },
    })

    expect(answer).toMatchObject({ status: 201, etag: '"v1"', location: `/v1/carriers/${id}/services/AIR` })
    expect(answer.body.limits).toEqual({
      maxWeight: { value: '31.5', unit: 'kg' },
      maxLength: null,
      maxLengthPlusGirth: null,
      maxPieces: 20,
      maxDeclaredValue: { amount: '1000.00', currency: 'USD' },
    })
  })

  test('a patch of one limit leaves the others, null takes one away, equal ones change nothing', async () => {
    const { id } = await made()
    const url = `/v1/carriers/${id}/services`
    await world.ask(`POST ${url}`, { as: admin, body: { code: 'AIR', name: 'Air', mode: 'air', limits } })
    const change = (body: object, ifMatch: number) => world.ask(`PATCH ${url}/AIR`, { as: admin, body, ifMatch })

    const same = await change({ limits: { maxDeclaredValue: { amount: '1000.0', currency: 'USD' }, maxLength: null } }, 1)
    const other = await change({ limits: { maxPieces: null } }, 1)

    expect([same.status, same.body.version]).toEqual([200, 1])
    expect(other.body).toMatchObject({ version: 2, limits: { maxPieces: null, maxWeight: { value: '31.5' } } })
    expect((await world.told(`carrier/${id}`)).at(-1)).toMatchObject({
      type: 'carrier.service_changed',
      data: { serviceCode: 'AIR', changed: ['limits'], version: 2 },
    })
  })

  test.each([
    [{ transit: { minDays: 3, maxDays: 2 } }, 'INVALID_TRANSIT'],
    [{ limits: { maxDeclaredValue: { amount: '1.005', currency: 'USD' } } }, 'TOO_MANY_DECIMALS'],
    [{ code: 'ROAD' }, 'FIELD_IMMUTABLE'],
    [{ status: 'active' }, 'FIELD_IMMUTABLE'],
  ])('%o is refused as %s', async (body, code) => {
    const { id } = await made()
    await withService(id, 'AIR', 'draft')

    const answer = await world.ask(`PATCH /v1/carriers/${id}/services/AIR`, { as: admin, body, ifMatch: 1 })

    expect([answer.status, codeOf(answer)]).toEqual([422, code])
  })

  test('neighbours are given the services of many carriers at once, in order', async () => {
    const first = await made()
    const second = await made()
    await withService(second.id, 'B', 'paused')
    await withService(first.id, 'Z')
    await withService(first.id, 'A', 'draft')

    const services = await contract.listServices({ carrierIds: [second.id, first.id, 2_000_000_000] })

    expect(services.map(({ carrierId, code, status }) => [carrierId, code, status])).toEqual([
      [first.id, 'A', 'draft'],
      [first.id, 'Z', 'active'],
      [second.id, 'B', 'paused'],
    ])
  })
})
