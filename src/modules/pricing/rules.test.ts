import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answered } from '#support/module-world.ts'
import { admin, dayAfter, flat, openPricingWorld, type PricingWorld, shipment, staff, today } from '#support/pricing-world.ts'

let world: PricingWorld
let customerId: number
let carrierId: number
beforeAll(async () => {
  world = await openPricingWorld()
  customerId = world.makeCustomer()
  carrierId = world.makeCarrier(['GND']).id
  await world.sell(carrierId, { GND: '10.00' })
})
afterAll(() => world.close())

const fuel = { code: 'FUEL', kind: 'surcharge', action: { percent: '12.5', basis: 'net' }, effectiveFrom: '2026-01-01' }
const coded = ({ status, body }: Answered) => [status, body.code]
const get = (path: string) => world.ask(`GET ${path}`, { as: admin })
const make = (body: object, headers: Record<string, string> = {}) =>
  world.ask('POST /v1/pricing-rules', { as: admin, body: { customerId, ...body }, headers })
const patch = (id: number, body: object, ifMatch: number | undefined) =>
  world.ask(`PATCH /v1/pricing-rules/${id}`, { as: admin, body, ifMatch })
const act = (id: number, action: string, ifMatch?: number) => world.ask(`POST /v1/pricing-rules/${id}/${action}`, { as: admin, ifMatch })
async function made(body: object = {}): Promise<number> {
  const answer = await make({ ...fuel, ...body })
  expect(answer.status, answer.text).toBe(201)
  return Number(answer.body.id)
}

describe('a rule', () => {
  test('is made with its defaults, its first number, one audit row and one event', async () => {
    const answer = await world.ask('POST /v1/pricing-rules', { as: staff, body: { ...fuel, customerId } })

    const { id } = answer.body
    expect(answer).toMatchObject({ status: 201, location: `/v1/pricing-rules/${id}`, etag: '"v1"' })
    expect(answer.body).toMatchObject({
      ...fuel,
      conditions: null,
      sequence: null,
      priority: 0,
      effectiveTo: null,
      enabled: true,
      number: 1,
    })
    expect(await world.told(`pricing_rule/${id}`)).toEqual([
      {
        type: 'pricing_rule.changed',
        subject: `pricing_rule/${id}`,
        data: { ruleId: id, code: 'FUEL', number: 1, effectiveFrom: '2026-01-01', enabled: true, version: 1 },
      },
    ])
    expect(await world.audited(`pricing_rule/${id}`)).toMatchObject([{ action: 'pricing_rule.created', actorId: 2 }])
  })

  test('that changes has the next number, and every content before stays readable', async () => {
    const id = await made({ conditions: { all: [{ attribute: 'customer.tier', op: 'eq', value: 'B' }] } })

    await patch(id, { action: { percent: '13' } }, 1)
    await patch(id, { priority: 5, effectiveTo: '2027-01-01' }, 2)
    await act(id, 'disable')

    const { data } = (await get(`/v1/pricing-rules/${id}/history`)).body
    expect(data).toMatchObject([
      { number: 1, action: { percent: '12.5', basis: 'net' }, conditions: { all: [{ op: 'eq' }] }, priority: 0, enabled: true },
      { number: 2, action: { percent: '13', basis: 'net' }, priority: 0, enabled: true },
      { number: 3, action: { percent: '13', basis: 'net' }, priority: 5, effectiveTo: '2027-01-01', enabled: true },
      { number: 4, action: { percent: '13', basis: 'net' }, priority: 5, effectiveTo: '2027-01-01', enabled: false },
    ])
    const { updatedAt: _, ...current } = (await get(`/v1/pricing-rules/${id}`)).body
    expect((data as object[]).at(-1)).toMatchObject(current)
    expect((await world.told(`pricing_rule/${id}`)).map(({ data: { number, version } }) => [number, version])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ])
  })

  test('is patched as the merge patch says: members of an action merge, null takes away, lists are whole', async () => {
    const conditions = { all: [{ attribute: 'customer.tier', op: 'eq', value: 'B' }] }
    const id = await made({ conditions, effectiveTo: '2027-01-01', name: 'Fuel' })

    const changed = await patch(
      id,
      {
        action: { percent: null, basis: null, amount: { amount: '5.00', currency: 'USD' } },
        conditions: { all: null, any: [{ attribute: 'dest.residential', op: 'eq', value: true }] },
        effectiveTo: null,
        name: null,
      },
      1,
    )

    expect(changed.body).toMatchObject({
      action: { amount: { amount: '5.00', currency: 'USD' } },
      conditions: { any: [{ attribute: 'dest.residential', op: 'eq', value: true }] },
      effectiveTo: null,
      name: null,
    })
    expect(changed.body.action).not.toHaveProperty('percent')
    expect((await patch(id, { conditions: null }, 2)).body.conditions).toBeNull()
  })

  test('that is patched with what it says already does not change, nor does one enabled or disabled again', async () => {
    const id = await made()
    const answers = [
      await patch(id, {}, 1),
      await patch(id, { action: { basis: 'net' }, priority: 0, enabled: true, code: 'FUEL' }, 1),
      await act(id, 'enable'),
    ]

    expect(answers.map(({ status, body }) => [status, body.number, body.version])).toEqual(answers.map(() => [200, 1, 1]))
    expect(await world.told(`pricing_rule/${id}`)).toHaveLength(1)
    expect(await world.audited(`pricing_rule/${id}`)).toHaveLength(1)
  })

  test('keeps its code, its kind, its version and its customer', async () => {
    const id = await made()

    const answer = await patch(id, { code: 'TOLL', kind: 'discount', customerId: null, priority: 1 }, 1)

    expect(coded(answer)).toEqual([422, 'FIELD_IMMUTABLE'])
    expect(answer.body.errors).toMatchObject([{ path: '/code' }, { path: '/kind' }, { path: '/customerId' }])
    expect((await get(`/v1/pricing-rules/${id}`)).body.priority).toBe(0)
  })

  test('is changed on the version that was read; an action looks at it only when it is sent', async () => {
    const id = await made()

    expect(coded(await patch(id, { priority: 1 }, undefined))).toEqual([428, 'IF_MATCH_REQUIRED'])
    expect((await patch(id, { priority: 1 }, 1)).status).toBe(200)
    expect(await patch(id, { priority: 2 }, 1)).toMatchObject({ status: 412, etag: '"v2"' })
    expect(coded(await act(id, 'disable', 1))).toEqual([412, 'VERSION_MISMATCH'])
    expect((await act(id, 'disable')).status).toBe(200)
  })

  test('of 40 writers on one version one wins; actions without If-Match all succeed', async () => {
    const id = await made()

    const writers = await Promise.all(Array.from({ length: 40 }, (_, n) => patch(id, { priority: n + 1 }, 1)))
    const actors = await Promise.all(Array.from({ length: 20 }, () => act(id, 'disable')))

    expect(writers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(writers.filter(({ status }) => status === 412)).toHaveLength(39)
    expect(actors.map(({ status }) => status)).toEqual(actors.map(() => 200))
    expect((await get(`/v1/pricing-rules/${id}`)).body).toMatchObject({ number: 3, version: 3, enabled: false })
    expect(await world.told(`pricing_rule/${id}`)).toHaveLength(3)
  })

  test('is made once for a key', async () => {
    const [first, second] = [await make(fuel, { 'idempotency-key': 'rule-1' }), await make(fuel, { 'idempotency-key': 'rule-1' })]
    const other = await make({ ...fuel, priority: 9 }, { 'idempotency-key': 'rule-1' })

    expect([first.isReplay, second.isReplay]).toEqual([false, true])
    expect(second.text).toBe(first.text)
    expect(coded(other)).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
  })
})

describe('what a rule says is checked when it is saved', () => {
  const money = (amount: string, currency = 'USD') => ({ amount, currency })
  const unsound: [string, object, string, string][] = [
    ['an interval that is empty', { effectiveTo: '2026-01-01' }, 'INVALID_INTERVAL', '/effectiveTo'],
    ['an action without an amount or a percentage', { action: {} }, 'INVALID_RULE', '/action'],
    ['a member of another kind', { kind: 'discount', action: { percent: '5', basis: 'net' } }, 'INVALID_RULE', '/action/basis'],
    ['an override without its amount', { kind: 'override', action: {} }, 'INVALID_RULE', '/action/amount'],
    ['a block that costs something', { kind: 'block', action: { amount: money('1.00') } }, 'INVALID_RULE', '/action/amount'],
    ['a minimum that bounds nothing', { kind: 'minimum', action: { amount: money('1.00') } }, 'INVALID_RULE', '/action/of'],
    ['a maximum of the net', { kind: 'maximum', action: { amount: money('1.00'), of: 'net' } }, 'INVALID_RULE', '/action/of'],
    ['a reserved code', { code: 'MIN_NET' }, 'INVALID_RULE', '/code'],
    ['amounts in two currencies', { action: { amount: money('1.00'), max: money('1.00', 'EUR') } }, 'INVALID_RULE', '/action/max/currency'],
    ['a currency that does not exist', { action: { amount: money('1.00', 'ZZZ') } }, 'UNKNOWN_CURRENCY', '/action/amount/currency'],
    ['yen with decimals', { action: { amount: money('1.5', 'JPY') } }, 'TOO_MANY_DECIMALS', '/action/amount'],
    ['a discount above 100 %', { kind: 'discount', action: { percent: '100.1' } }, 'OUT_OF_RANGE', '/action/percent'],
    [
      'an unknown attribute',
      { conditions: [{ attribute: 'moon', op: 'eq', value: 'full' }] },
      'INVALID_CONDITION',
      '/conditions/0/attribute',
    ],
    [
      'an operator that is not of the type',
      { conditions: { any: [{ attribute: 'zone', op: 'lt', value: '5' }] } },
      'INVALID_CONDITION',
      '/conditions/any/0/op',
    ],
    ['a number that is no text', { conditions: [{ attribute: 'pieces', op: 'gt', value: 5 }] }, 'INVALID_CONDITION', '/conditions/0/value'],
    ['an empty group', { conditions: { any: [] } }, 'INVALID_CONDITION', '/conditions/any'],
  ]
  test.each(unsound)('%s is refused', async (_what, body, code, path) => {
    const answer = await make({ ...fuel, ...body })

    expect(coded(answer)).toEqual([422, code])
    expect(answer.body.errors).toMatchObject([{ path, code }])
  })

  test('so is a patch that would make it so', async () => {
    const id = await made()

    const answer = await patch(id, { action: { amount: money('1.00') } }, 1)

    expect(coded(answer)).toEqual([422, 'INVALID_RULE'])
    expect((await get(`/v1/pricing-rules/${id}`)).body).toMatchObject({ number: 1, action: fuel.action })
  })
})

test('a change of a rule is in the next price, and the stored price names the number that made it', async () => {
  const own = world.makeCustomer()
  const { id } = await world.makeRule({ ...fuel, customerId: own })
  const first = await world.quote(shipment(carrierId, { customerId: own }))
  await patch(id, { action: { percent: '50' } }, 1)

  const second = await world.quote(shipment(carrierId, { customerId: own }))

  const lines = (answer: Answered) => (answer.body.rates as { lines: object[] }[])[0]?.lines
  expect(lines(first)).toMatchObject([{ code: 'BASE' }, { amount: { amount: '1.25' }, rule: { id, number: 1 } }])
  expect(lines(second)).toMatchObject([{ code: 'BASE' }, { amount: { amount: '5.00' }, rule: { id, number: 2 } }])
  expect((await get(`/v1/quotes/${first.body.id}`)).text).toBe(first.text)
})

test('rules are found by what they are', async () => {
  const own = world.makeCustomer()
  const draft = await world.makeDraft(await world.makeTariff(carrierId), [flat('GND', '1.00')])
  const attached = await made({ code: 'ATT', customerId: null, tariffVersionId: draft.id })
  const past = await made({ code: 'PAST', customerId: own, effectiveTo: '2026-02-01' })
  const off = await made({ code: 'OFF', customerId: own, enabled: false, kind: 'discount', action: { percent: '1' } })
  const found = async (query: string) => ((await get(`/v1/pricing-rules?${query}`)).body.data as { id: number }[]).map(({ id }) => id)

  expect(await found(`tariffVersionId=${draft.id}`)).toEqual([attached])
  expect(await found(`customerId=${own}`)).toEqual([past, off])
  expect(await found(`customerId=${own}&enabled=false`)).toEqual([off])
  expect(await found(`customerId=${own}&kind=discount,block`)).toEqual([off])
  expect(await found(`customerId=${own}&on=2026-01-31`)).toEqual([past, off])
  expect(await found(`customerId=${own}&on=2026-02-01`)).toEqual([off])
  expect(await found('code=ATT')).toEqual([attached])
})

test('dates of a rule are days of the tariff it meets', async () => {
  const own = world.makeCustomer()
  await world.makeRule({ ...fuel, customerId: own, effectiveFrom: dayAfter(2) })
  const priced = async (shipDate: string) =>
    ((await world.quote(shipment(carrierId, { customerId: own, shipDate }))).body.rates as { lines: object[] }[])[0]?.lines.length

  expect(await priced(today())).toBe(1)
  expect(await priced(dayAfter(1))).toBe(1)
  expect(await priced(dayAfter(2))).toBe(2)
})
