import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answered } from '#support/module-world.ts'
import { admin, customer, dayAfter, flat, openPricingWorld, type PricingWorld, pounds, staff, today } from '#support/pricing-world.ts'

let world: PricingWorld
beforeAll(async () => {
  world = await openPricingWorld()
})
afterAll(() => world.close())

const at = (tariffId: number, number: number, rest = '') => `/v1/tariffs/${tariffId}/versions/${number}${rest}`
const get = (path: string) => world.ask(`GET ${path}`, { as: admin })
const patch = (path: string, body: object, ifMatch: number) => world.ask(`PATCH ${path}`, { as: admin, body, ifMatch })
const coded = ({ status, body }: Answered) => [status, body.code]
const faults = ({ body }: Answered) => (body.errors as { path: string; code: string }[]).map(({ path, code }) => [path, code])

async function draft(body: object = {}) {
  const { id, code } = world.makeCarrier(['GND', 'AIR'])
  const tariffId = await world.makeTariff(id)
  const made = await world.makeDraft(tariffId, [flat('GND', '10.00')], body)
  return { carrierId: id, carrierCode: code, tariffId, ...made, path: at(tariffId, made.number) }
}

describe('tariffs', () => {
  test('a new tariff has its defaults, an address and one audit row', async () => {
    const { id: carrierId } = world.makeCarrier(['GND'])
    const body = { code: 'plain', name: 'Plain', carrierId, scope: 'public', currency: 'USD', timezone: 'America/New_York' }

    const answer = await world.ask('POST /v1/tariffs', { as: staff, body })

    expect(answer).toMatchObject({ status: 201, location: `/v1/tariffs/${answer.body.id}`, etag: '"v1"' })
    expect(answer.body).toMatchObject({
      serviceCodes: [],
      side: 'sell',
      priority: 0,
      rateDateBasis: 'ship_date',
      fallbackPolicy: 'next',
      quoteValidityDays: 7,
      capAtTariffEnd: false,
    })
    expect(await world.audited(`tariff/${answer.body.id}`)).toMatchObject([{ action: 'tariff.created', actorId: 2 }])
  })

  test('a change is a version and an audit row of what changed; equal values and nothing change nothing', async () => {
    const tariffId = await world.makeTariff(world.makeCarrier(['GND']).id)
    const path = `/v1/tariffs/${tariffId}`

    const same = await patch(path, { name: 'Prices', serviceCodes: [] }, 1)
    const nothing = await patch(path, {}, 1)
    const changed = await patch(path, { name: 'Better prices', serviceCodes: ['GND'] }, 1)
    const stale = await patch(path, { name: 'Late' }, 1)

    expect([same, nothing, changed, stale].map(({ status, etag }) => [status, etag])).toEqual([
      [200, '"v1"'],
      [200, '"v1"'],
      [200, '"v2"'],
      [412, '"v2"'],
    ])
    const [, line, ...more] = await world.audited(`tariff/${tariffId}`)
    expect(line).toMatchObject({ before: { name: 'Prices', serviceCodes: [] }, after: { name: 'Better prices', serviceCodes: ['GND'] } })
    expect(more).toEqual([])
  })

  test('what every stored price rests on is fixed, and all of it is named', async () => {
    const tariffId = await world.makeTariff(world.makeCarrier(['GND']).id)

    const answer = await patch(`/v1/tariffs/${tariffId}`, { currency: 'EUR', timezone: 'Asia/Tokyo', name: 'Other' }, 1)

    expect(coded(answer)).toEqual([422, 'FIELD_IMMUTABLE'])
    expect(faults(answer).map(([path]) => path)).toEqual(['/currency', '/timezone'])
    expect((await get(`/v1/tariffs/${tariffId}`)).body).toMatchObject({ name: 'Prices', version: 1 })
  })

  test('a service that the carrier does not have is refused when the tariff is made and when it is changed', async () => {
    const { id: carrierId } = world.makeCarrier(['GND'])
    const tariffId = await world.makeTariff(carrierId)
    const body = { code: 'odd', name: 'Odd', carrierId, scope: 'public', currency: 'USD', timezone: 'UTC', serviceCodes: ['GND', 'SEA'] }

    const answers = [
      await world.ask('POST /v1/tariffs', { as: admin, body }),
      await patch(`/v1/tariffs/${tariffId}`, { serviceCodes: ['GND', 'SEA'] }, 1),
    ]

    for (const answer of answers) {
      expect(coded(answer)).toEqual([422, 'UNKNOWN_SERVICE'])
      expect(faults(answer)).toEqual([['/serviceCodes/1', 'UNKNOWN_SERVICE']])
    }
  })

  test('the same key makes one tariff', async () => {
    const { id: carrierId } = world.makeCarrier(['GND'])
    const body = { code: 'keyed', name: 'Keyed', carrierId, scope: 'public', currency: 'USD', timezone: 'UTC' }
    const once = () => world.ask('POST /v1/tariffs', { as: admin, body, headers: { 'idempotency-key': 'tariff-1' } })

    const [first, second] = [await once(), await once()]

    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.text).toBe(first.text)
  })

  test.each([
    'GET /v1/tariffs',
    'GET /v1/tariffs/1',
    'GET /v1/tariffs/1/versions',
    'GET /v1/tariffs/1/versions/1/rates',
    'GET /v1/pricing-rules',
  ])('%s does not exist for a customer', async (line) => {
    const answer = await world.ask(line, { as: customer(7) })

    expect(coded(answer)).toEqual([404, 'ROUTE_NOT_FOUND'])
  })
})

describe('drafts', () => {
  test('policies are merged member by member, null takes one away, lists are replaced whole', async () => {
    const { path, version } = await draft({
      weightPolicy: { ...pounds, divisor: '139', weightRounding: [{ upTo: '1', mode: 'up' }, { mode: 'half_up' }] },
      rounding: { mode: 'up', increment: '0.05' },
    })

    const merged = await patch(path, { weightPolicy: { divisor: '166', weightRounding: [{ mode: 'up' }] } }, version)
    const cleared = await patch(path, { weightPolicy: { divisor: null }, rounding: { mode: 'down', increment: null } }, version + 1)

    expect(merged.body.weightPolicy).toEqual({ ...pounds, divisor: '166', weightRounding: [{ mode: 'up' }] })
    expect(cleared.body).toMatchObject({ weightPolicy: { ...pounds, weightRounding: [{ mode: 'up' }] }, rounding: { mode: 'down' } })
    expect((await get(path)).body).toMatchObject({
      weightPolicy: cleared.body.weightPolicy,
      rounding: { mode: 'down' },
      version: version + 2,
    })
  })

  test('null clears a column, and equal values in another order change nothing', async () => {
    const { path, version, tariffId } = await draft({ effectiveTo: dayAfter(9), minTotal: '5.00', changeNote: 'for now' })
    const audited = (await world.audited(`tariff/${tariffId}`)).length

    const same = await patch(path, { minTotal: '5.00', weightPolicy: { aggregation: 'per_piece_sum', dimUnit: 'in' } }, version)
    expect([same.status, same.body.version]).toEqual([200, version])
    expect(await world.audited(`tariff/${tariffId}`)).toHaveLength(audited)

    const cleared = await patch(path, { effectiveTo: null, minTotal: null, changeNote: null }, version)
    expect(cleared.body).toMatchObject({ effectiveTo: null, minTotal: null, changeNote: null })
    expect((await world.audited(`tariff/${tariffId}`)).at(-1)).toMatchObject({
      action: 'tariff.version_changed',
      before: { effectiveTo: dayAfter(9), minTotal: '5.00', changeNote: 'for now' },
      after: { effectiveTo: null, minTotal: null, changeNote: null },
    })
  })

  const unsound: [string, object, string, string][] = [
    ['an interval that is empty', { effectiveTo: today() }, 'INVALID_INTERVAL', '/effectiveTo'],
    ['a divisor of zero', { weightPolicy: { ...pounds, divisor: '0' } }, 'INVALID_POLICY', '/weightPolicy/divisor'],
    [
      'rounding steps of which the last is closed',
      { weightPolicy: { ...pounds, weightRounding: [{ upTo: '1', mode: 'up' }] } },
      'INVALID_POLICY',
      '/weightPolicy/weightRounding/0/upTo',
    ],
    [
      'a divisor of revenue tons',
      { weightPolicy: { ...pounds, aggregation: 'revenue_ton', divisor: '139' } },
      'INVALID_POLICY',
      '/weightPolicy/divisor',
    ],
    ['an increment of half a cent', { rounding: { mode: 'up', increment: '0.005' } }, 'INVALID_ROUNDING', '/rounding/increment'],
    ['a minimum with three decimals', { minNet: '1.005' }, 'TOO_MANY_DECIMALS', '/minNet'],
    ['a minimum below zero', { minTotal: '-1.00' }, 'OUT_OF_RANGE', '/minTotal'],
    ['a minimum above the maximum', { minTotal: '9.00', maxTotal: '8.99' }, 'INVALID_RULE', '/minTotal'],
  ]
  test.each(unsound)('%s is refused when it is saved, in a new draft and in a changed one', async (_what, body, code, path) => {
    const made = await draft()
    const { tariffId } = made

    const created = await world.ask(`POST /v1/tariffs/${tariffId}/versions`, { as: admin, body: { effectiveFrom: today(), ...body } })
    const changed = await patch(made.path, body, made.version)

    for (const answer of [created, changed]) {
      expect(coded(answer)).toEqual([422, code])
      expect(faults(answer)).toEqual([[path, code]])
    }
    expect((await get(made.path)).body.version).toBe(made.version)
  })

  test('every fault of a draft is told at once', async () => {
    const { path, version } = await draft()

    const answer = await patch(path, { effectiveTo: today(), weightPolicy: { divisor: '0' }, minNet: '0.001' }, version)

    expect(faults(answer)).toEqual([
      ['/effectiveTo', 'INVALID_INTERVAL'],
      ['/weightPolicy/divisor', 'INVALID_POLICY'],
      ['/minNet', 'TOO_MANY_DECIMALS'],
    ])
  })

  test('rate tables that could price nothing are refused whole, each with its fault, and the old ones stay', async () => {
    const { path, version } = await draft()
    const tables = [
      flat('*', '1.00', {
        breaks: [
          { from: '0', to: '5', price: '1.00' },
          { from: '6', price: '2.00' },
        ],
      }),
      flat('GND', '1.001'),
      flat('GND', '2.00'),
      flat('AIR', '1.00', {
        breaks: [
          { from: '0', price: '1.00' },
          { from: '0', price: '1.00' },
        ],
      }),
      { service: 'SEA', zone: '*', type: 'volume', deficit: true, breakMode: 'upper_inclusive', breaks: [{ from: '0', rate: '1' }] },
      { service: 'ICE', zone: '*', type: 'per_unit', rate: '1', per: '0' },
    ]

    const answer = await world.ask(`PUT ${path}/rates`, { as: admin, body: { tables }, ifMatch: version })

    expect(answer.status).toBe(422)
    expect(faults(answer)).toEqual([
      ['/tables/0/breaks', 'INVALID_TABLE'],
      ['/tables/1/breaks/0/price', 'TOO_MANY_DECIMALS'],
      ['/tables/2/service', 'INVALID_TABLE'],
      ['/tables/3/breaks', 'INVALID_TABLE'],
      ['/tables/4/deficit', 'INVALID_TABLE'],
      ['/tables/5/per', 'OUT_OF_RANGE'],
    ])
    expect((await get(`${path}/rates`)).body).toEqual({ tables: [flat('GND', '10.00')], version })
  })

  test('numbers come back as the currency and plain decimals write them, tables in the order they were sent', async () => {
    const { path, version } = await draft()
    const tables = [
      { service: 'GND', zone: '*', type: 'per_unit', rate: '0.1250000', per: '100', minCharge: '5' },
      { service: 'AIR', zone: '*', type: 'package', size: '10.0', price: '3.5', free: '0' },
      {
        service: 'BIG',
        zone: '*',
        type: 'step',
        breaks: [
          { from: '10', price: '99999999999.99' },
          { from: '0.0', to: '10', price: '7' },
        ],
      },
    ]

    const answer = await world.ask(`PUT ${path}/rates`, { as: admin, body: { tables }, ifMatch: version })

    expect(answer.body.tables).toEqual([
      { service: 'GND', zone: '*', type: 'per_unit', rate: '0.125', per: '100', minCharge: '5.00' },
      { service: 'AIR', zone: '*', type: 'package', size: '10', price: '3.50', free: '0' },
      {
        service: 'BIG',
        zone: '*',
        type: 'step',
        breaks: [
          { from: '0', to: '10', price: '7.00' },
          { from: '10', price: '99999999999.99' },
        ],
      },
    ])
    expect((await get(`${path}/rates`)).body.tables).toEqual(answer.body.tables)
  })

  test('a draft based on a version begins with its policies, its tables and copies of its rules', async () => {
    const base = await draft({ minNet: '4.00', discountStacking: 'additive', changeNote: 'first' })
    const rule = await world.makeRule({ code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, tariffVersionId: base.id })

    const copy = await world.ask(`POST /v1/tariffs/${base.tariffId}/versions`, {
      as: admin,
      body: { basedOn: base.number, effectiveFrom: dayAfter(3), minNet: '5.00' },
    })

    expect(copy.body).toMatchObject({
      basedOn: base.number,
      minNet: '5.00',
      discountStacking: 'additive',
      changeNote: null,
      state: 'draft',
    })
    expect((await get(`${at(base.tariffId, Number(copy.body.number))}/rates`)).body.tables).toEqual([flat('GND', '10.00')])
    const copied = await get(`/v1/pricing-rules?tariffVersionId=${copy.body.id}`)
    expect(copied.body.data).toMatchObject([{ code: 'FUEL', action: { percent: '10' }, number: 1 }])
    const [{ id }] = copied.body.data as [{ id: number }]
    expect(id).not.toBe(rule.id)
    expect(await world.told(`pricing_rule/${id}`)).toMatchObject([{ type: 'pricing_rule.changed' }])
  })

  test('a draft is deleted with its tables and its rules', async () => {
    const { path, version, id, tariffId } = await draft()
    const rule = await world.makeRule({ code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, tariffVersionId: id })

    const deleted = await world.ask(`DELETE ${path}`, { as: admin, ifMatch: version })

    expect(deleted.status).toBe(204)
    expect(coded(await get(path))).toEqual([404, 'TARIFF_VERSION_NOT_FOUND'])
    expect(coded(await get(`/v1/pricing-rules/${rule.id}`))).toEqual([404, 'PRICING_RULE_NOT_FOUND'])
    expect((await world.audited(`tariff/${tariffId}`)).at(-1)).toMatchObject({ action: 'tariff.version_deleted' })
    expect((await world.audited(`pricing_rule/${rule.id}`)).at(-1)).toMatchObject({ action: 'pricing_rule.deleted' })
  })

  test('drafts made at once have one number each', async () => {
    const tariffId = await world.makeTariff(world.makeCarrier(['GND']).id)

    const made = await Promise.all(
      Array.from({ length: 20 }, () => world.ask(`POST /v1/tariffs/${tariffId}/versions`, { as: admin, body: { effectiveFrom: today() } })),
    )

    const numbers = made.map(({ body }) => Number(body.number)).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  test('of 30 writers on one draft one wins', async () => {
    const { path, version } = await draft()

    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => patch(path, { changeNote: `writer ${n}` }, version)))

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(29)
  })

  test('a change without If-Match is refused', async () => {
    const { path } = await draft()

    const answers = [
      await world.ask(`PATCH ${path}`, { as: admin, body: {} }),
      await world.ask(`PUT ${path}/rates`, { as: admin, body: { tables: [] } }),
      await world.ask(`DELETE ${path}`, { as: admin }),
    ]

    expect(answers.map(coded)).toEqual(answers.map(() => [428, 'IF_MATCH_REQUIRED']))
  })
})
