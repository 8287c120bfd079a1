import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answered } from '#support/module-world.ts'
import { admin, customer, dayAfter, flat, openPricingWorld, type PricingWorld, shipment, staff, today } from '#support/pricing-world.ts'

let world: PricingWorld
beforeAll(async () => {
  world = await openPricingWorld()
})
afterAll(() => world.close())

interface Rate {
  serviceCode: string
  transitDays: number
  total: { amount: string; currency: string }
  lines: { type: string; code: string; amount: { amount: string } }[]
}
const rates = ({ body }: Answered) => body.rates as Rate[]
const totals = (answer: Answered) => rates(answer).map(({ total, transitDays }) => `${total.amount}/${transitDays}`)
const coded = ({ status, body }: Answered) => [status, body.code]
const get = (path: string, as: Parameters<PricingWorld['quote']>[1] = admin) => world.ask(`GET ${path}`, { as })
const stored = async (customerId: number) => ((await get(`/v1/quotes?customerId=${customerId}`)).body.data as object[]).length

async function shop(prices: Record<string, string> = { GND: '10.00' }) {
  const customerId = world.makeCustomer()
  const { id: carrierId } = world.makeCarrier(Object.keys(prices))
  return { customerId, carrierId, ...(await world.sell(carrierId, prices)) }
}

describe('a quote with a key', () => {
  test('Q01 is given once: again, and after a restart, the same answer', async () => {
    const { customerId, carrierId } = await shop()
    const body = shipment(carrierId, { customerId })
    const key = { 'idempotency-key': 'q01' }

    const first = await world.quote(body, admin, key)
    const second = await world.quote(body, admin, key)
    const restarted = await openPricingWorld(world)
    const third = await restarted.quote(body, admin, key)
    await restarted.close()

    expect([first, second, third].map(({ status, isReplay }) => [status, isReplay])).toEqual([
      [201, false],
      [201, true],
      [201, true],
    ])
    expect([second.text, third.text]).toEqual([first.text, first.text])
    expect(await stored(customerId)).toBe(1)
    expect(await world.told(`quote/${first.body.id}`)).toHaveLength(1)
  })

  test('Q02 is not given for another request', async () => {
    const { customerId, carrierId } = await shop()
    const heavier = { pieces: [{ weight: { value: '4', unit: 'lb' } }] }
    await world.quote(shipment(carrierId, { customerId }), admin, { 'idempotency-key': 'q02' })

    const answer = await world.quote(shipment(carrierId, { customerId, ...heavier }), admin, { 'idempotency-key': 'q02' })

    expect(coded(answer)).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    expect(await stored(customerId)).toBe(1)
  })

  test('Q03 asked for at once from two processes is given once', async () => {
    const { customerId, carrierId } = await shop()
    const other = await openPricingWorld(world)
    const body = shipment(carrierId, { customerId })

    const answers = await Promise.all([world, other, world, other].map((each) => each.quote(body, admin, { 'idempotency-key': 'q03' })))
    await other.close()

    for (const answer of answers) {
      if (answer.status !== 201) expect(coded(answer)).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS'])
    }
    const given = answers.filter(({ status }) => status === 201)
    expect(given.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(new Set(given.map(({ text }) => text)).size).toBe(1)
    expect(await stored(customerId)).toBe(1)
  })
})

test('Q04 a stored price of 19.17 stays byte for byte when a version 10 % dearer is published; a new quote has the new price', async () => {
  const customerId = world.makeCustomer()
  const { id: carrierId } = world.makeCarrier(['GND'])
  const tariffId = await world.makeTariff(carrierId)
  const first = await world.makeDraft(tariffId, [flat('GND', '14.20')], { minNet: '8.25' })
  const usd = (amount: string) => ({ amount: { amount, currency: 'USD' }, fuelable: true })
  const rules = [
    { code: 'CONTRACT_TIER', kind: 'discount', action: { percent: '32' } },
    { code: 'RESI', kind: 'surcharge', action: usd('5.95'), sequence: 1 },
    { code: 'PEAK', kind: 'surcharge', action: usd('0.60'), sequence: 2 },
    { code: 'FUEL', kind: 'surcharge', action: { percent: '18.25', basis: 'net+fuelable' }, sequence: 3 },
  ]
  for (const rule of rules) await world.makeRule({ ...rule, tariffVersionId: first.id })
  await world.publish(tariffId, first.number)
  const given = await world.quote(shipment(carrierId, { customerId }))
  const dearer = await world.ask(`POST /v1/tariffs/${tariffId}/versions`, { as: admin, body: { basedOn: 1, effectiveFrom: dayAfter(1) } })
  await world.ask(`PUT /v1/tariffs/${tariffId}/versions/2/rates`, { as: admin, ifMatch: 1, body: { tables: [flat('GND', '15.62')] } })
  expect(dearer.status).toBe(201)
  expect((await world.publish(tariffId, 2)).status).toBe(200)

  const read = await get(`/v1/quotes/${given.body.id}`)
  const fresh = await world.quote(shipment(carrierId, { customerId, shipDate: dayAfter(1) }))

  expect(rates(given)[0]?.lines.map(({ type, code, amount }) => [type, code, amount.amount])).toEqual([
    ['base', 'BASE', '14.20'],
    ['discount', 'CONTRACT_TIER', '-4.54'],
    ['surcharge', 'RESI', '5.95'],
    ['surcharge', 'PEAK', '0.60'],
    ['surcharge', 'FUEL', '2.96'],
  ])
  expect(rates(given)[0]?.total.amount).toBe('19.17')
  expect(read.text).toBe(given.text)
  // 15.62 − 5.00 + 5.95 + 0.60 = 17.17; 18.25 % of it is 3.13.
  expect(rates(fresh)[0]?.total.amount).toBe('20.30')
})

test('Q08 a service that takes less than the piece weighs is named with limit and value, the other is priced', async () => {
  const { customerId, carrierId } = await shop({ GND: '10.00', AIR: '20.00' })
  const [ground, air] = world.services.get(carrierId) ?? []
  if (!ground || !air) throw new Error('the carrier has no services')
  world.services.set(carrierId, [ground, { ...air, limits: { ...air.limits, maxWeight: { value: '70', unit: 'lb' } } }])
  const pieces = (value: string) => ({ pieces: [{ weight: { value, unit: 'lb' } }] })

  const over = await world.quote(shipment(carrierId, { customerId, ...pieces('71') }))
  const exactly = await world.quote(shipment(carrierId, { customerId, ...pieces('70') }))

  expect(rates(over).map(({ serviceCode }) => serviceCode)).toEqual(['GND'])
  expect(over.body.ineligible).toMatchObject([{ serviceCode: 'AIR', code: 'OVER_MAX_WEIGHT', limit: '70', value: '71', unit: 'lb' }])
  expect(exactly.body.ineligible).toEqual([])
})

test('Q09 rates are sorted by total, then by transit days', async () => {
  const customerId = world.makeCustomer()
  const { id: carrierId } = world.makeCarrier(['A', 'B', 'C'])
  const tariffId = await world.makeTariff(carrierId)
  const tables = [flat('A', '10.00', { transitDays: 3 }), flat('B', '10.00', { transitDays: 2 }), flat('C', '9.99', { transitDays: 5 })]
  await world.publish(tariffId, (await world.makeDraft(tariffId, tables)).number)

  const answer = await world.quote(shipment(carrierId, { customerId }))

  expect(totals(answer)).toEqual(['9.99/5', '10.00/2', '10.00/3'])
})

test('PRC-5 nothing that happens later changes a stored quote: withdrawal, disabled rules, a suspended carrier, another tier', async () => {
  const { customerId, carrierId, tariffId, number } = await shop()
  const { id: ruleId } = await world.makeRule({ code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, customerId })
  const given = await world.quote(shipment(carrierId, { customerId }))
  const explained = await get(`/v1/quotes/${given.body.id}/explanation`)

  await world.ask(`POST /v1/tariffs/${tariffId}/versions/${number}/withdraw`, { as: admin, body: { reason: 'wrong' } })
  await world.ask(`POST /v1/pricing-rules/${ruleId}/disable`, { as: admin })
  const carrier = world.carriers.get(carrierId)
  if (carrier) world.carriers.set(carrierId, { ...carrier, status: 'suspended', code: 'renamed' })
  const profile = world.profiles.get(customerId)
  if (profile) world.profiles.set(customerId, { ...profile, tier: 'Z', version: 9 })

  expect((await get(`/v1/quotes/${given.body.id}`)).text).toBe(given.text)
  expect((await get(`/v1/quotes/${given.body.id}/explanation`)).text).toBe(explained.text)
})

test('PRC-6 a publication prices the next quote of this process at once, and of another within a second', async () => {
  const { customerId, carrierId, tariffId } = await shop()
  const other = await openPricingWorld(world)
  const body = shipment(carrierId, { customerId, shipDate: dayAfter(1) })
  await other.quote(body)
  const { number } = await world.makeDraft(tariffId, [flat('GND', '11.00')], { effectiveFrom: dayAfter(1) })
  await world.publish(tariffId, number)
  const published = performance.now()

  const here = await world.quote(body)
  let there = await other.quote(body)
  while (totals(there)[0] !== '11.00/5' && performance.now() - published < 1_500) there = await other.quote(body)
  const took = performance.now() - published
  await other.close()

  expect(totals(here)).toEqual(['11.00/5'])
  expect(totals(there)).toEqual(['11.00/5'])
  expect(took).toBeLessThan(1_500)
})

describe('whose quote it is', () => {
  test('a customer quotes for itself, may leave itself out, and for nobody else', async () => {
    const { customerId, carrierId } = await shop()
    const foreign = world.makeCustomer()
    const as = customer(customerId)

    const own = await world.quote(shipment(carrierId), as)
    const other = await world.quote(shipment(carrierId, { customerId: foreign }), as)
    const unknown = await world.quote(shipment(carrierId, { customerId: 999_999 }), as)
    const unnamed = await world.quote(shipment(carrierId))

    expect([own.status, own.body.customerId]).toEqual([201, customerId])
    expect([other, unknown].map(coded)).toEqual([
      [422, 'CUSTOMER_NOT_FOUND'],
      [422, 'CUSTOMER_NOT_FOUND'],
    ])
    expect(coded(unnamed)).toEqual([400, 'VALIDATION_FAILED'])
  })

  test('nobody else sees it: the answer is that for a quote that does not exist, and lists leave it out', async () => {
    const { customerId, carrierId } = await shop()
    const stranger = customer(world.makeCustomer())
    const { id } = (await world.quote(shipment(carrierId), customer(customerId))).body

    const foreign = [await get(`/v1/quotes/${id}`, stranger), await get(`/v1/quotes/${id}/explanation`, stranger)]
    const missing = await get('/v1/quotes/999999', stranger)

    expect(foreign.map(coded)).toEqual(foreign.map(() => [404, 'QUOTE_NOT_FOUND']))
    const shape = ({ body: { detail, instance, requestId, ...rest } }: Answered) => rest
    expect(shape(foreign[0] ?? missing)).toEqual(shape(missing))
    expect((await get(`/v1/quotes?customerId=${customerId}`, stranger)).body.data).toEqual([])
    expect((await get('/v1/quotes', customer(customerId))).body.data).toMatchObject([{ id }])
  })

  test('an explanation never names a contract of another customer', async () => {
    const { customerId, carrierId } = await shop()
    const rival = world.makeCustomer()
    await world.makeRule({
      code: 'RIVALS',
      kind: 'discount',
      action: { percent: '90' },
      customerId: rival,
      conditions: [{ attribute: 'carrier.code', op: 'exists' }],
    })
    const tariffId = await world.makeTariff(carrierId, { scope: 'customer', customerId: rival, code: `rivals-${rival}` })
    await world.publish(tariffId, (await world.makeDraft(tariffId, [flat('GND', '1.00')])).number)

    const given = await world.quote(shipment(carrierId), customer(customerId))
    const explained = await get(`/v1/quotes/${given.body.id}/explanation`, customer(customerId))
    const rivals = await world.quote(shipment(carrierId), customer(rival))

    expect(totals(given)).toEqual(['10.00/5'])
    expect(totals(rivals)).toEqual(['0.10/5'])
    expect(explained.text.toLowerCase()).not.toContain('rivals')
  })

  test('an explanation names the rules of its own that lost, and why', async () => {
    const { customerId, carrierId } = await shop()
    const rule = { code: 'TIER', kind: 'discount', conditions: [{ attribute: 'carrier.code', op: 'eq', value: `carrier-${carrierId}` }] }
    const general = await world.makeRule({ ...rule, action: { percent: '5' } })
    const own = await world.makeRule({ ...rule, action: { percent: '12' }, customerId })
    const given = await world.quote(shipment(carrierId), customer(customerId))

    const { services } = (await get(`/v1/quotes/${given.body.id}/explanation?rateId=1`, customer(customerId))).body

    const steps = (
      services as { steps: { candidates: { id: number; slot: string; outcome: string; reason: string | null }[] }[] }[]
    ).flatMap((each) => each.steps)
    expect(steps.flatMap(({ candidates }) => candidates).filter(({ slot }) => slot === 'discount:TIER')).toMatchObject([
      { id: general.id, outcome: 'lost', reason: 'LOWER_SCOPE' },
      { id: own.id, outcome: 'won', reason: null },
    ])
    expect(coded(await get(`/v1/quotes/${given.body.id}/explanation?rateId=9`))).toEqual([422, 'RATE_NOT_FOUND'])
  })
})

describe('the state of the customer', () => {
  test('pending and suspended customers are priced with a warning, a suspended one without its contracts', async () => {
    const { carrierId } = await shop()
    const [pending, suspended] = [world.makeCustomer({ status: 'pending' }), world.makeCustomer({ status: 'suspended' })]
    for (const customerId of [pending, suspended])
      await world.makeRule({ code: 'DEAL', kind: 'discount', action: { percent: '50' }, customerId })

    const answers = await Promise.all([pending, suspended].map((customerId) => world.quote(shipment(carrierId, { customerId }))))

    expect(answers.map(totals)).toEqual([['5.00/5'], ['10.00/5']])
    for (const { body } of answers) expect(body.warnings).toContainEqual({ code: 'CUSTOMER_NOT_ACTIVE', path: '/customerId' })
  })

  test('closing a customer cancels its open quotes once, with an audit row and an event each', async () => {
    const { customerId, carrierId } = await shop()
    const quotes = [await world.quote(shipment(carrierId, { customerId })), await world.quote(shipment(carrierId, { customerId }))]
    const closed = { customerId, from: 'active', to: 'closed', reason: 'gone', version: 4 }

    await world.deliver('customer.status_changed', closed)
    await world.deliver('customer.status_changed', closed)

    for (const { body } of quotes) {
      expect((await get(`/v1/quotes/${body.id}`)).body).toMatchObject({ status: 'cancelled', version: 2, rates: body.rates })
      expect((await world.told(`quote/${body.id}`)).map(({ type }) => type)).toEqual(['quote.created', 'quote.cancelled'])
      expect(await world.audited(`quote/${body.id}`)).toMatchObject([
        {},
        { action: 'quote.cancelled', actorKind: 'system', reason: 'gone' },
      ])
    }
  })

  test('an event of before a reopening does not touch what was quoted after it; other states touch nothing', async () => {
    const customerId = world.makeCustomer({ version: 6 })
    const { carrierId } = await shop()
    const { id } = (await world.quote(shipment(carrierId, { customerId }))).body

    await world.deliver('customer.status_changed', { customerId, from: 'active', to: 'closed', reason: 'gone', version: 4 })
    await world.deliver('customer.status_changed', { customerId, from: 'active', to: 'suspended', reason: 'late', version: 9 })

    expect((await get(`/v1/quotes/${id}`)).body.status).toBe('open')
  })
})

describe('when a shipment goes', () => {
  test('a day gone by is for those who may price again, and has the price of that day', async () => {
    const customerId = world.makeCustomer()
    const { id: carrierId } = world.makeCarrier(['GND'])
    await world.sell(carrierId, { GND: '10.00' }, { version: { effectiveFrom: dayAfter(-30), effectiveTo: dayAfter(-10) } })
    const past = shipment(carrierId, { customerId, shipDate: dayAfter(-20) })

    expect(coded(await world.quote(past, staff))).toEqual([422, 'SHIP_DATE_OUT_OF_RANGE'])
    expect(totals(await world.quote(past, admin))).toEqual(['10.00/5'])
  })

  test.each([
    ['shipDate', dayAfter(367)],
    ['shipAt', `${dayAfter(367)}T12:00:00Z`],
  ])('%s more than a year ahead is for nobody', async (member, value) => {
    const { customerId, carrierId } = await shop()

    const answer = await world.quote(shipment(carrierId, { customerId, [member]: value }))

    expect(coded(answer)).toEqual([422, 'SHIP_DATE_OUT_OF_RANGE'])
    expect(answer.body.errors).toMatchObject([{ path: `/${member}` }])
  })

  test('it may be said as an instant, which is a day in the zone of the tariff', async () => {
    const customerId = world.makeCustomer()
    const { id: carrierId } = world.makeCarrier(['GND'])
    await world.sell(carrierId, { GND: '10.00' }, { tariff: { timezone: 'Asia/Tokyo' } })

    const answer = await world.quote(shipment(carrierId, { customerId, shipAt: `${dayAfter(3)}T15:00:00Z` }))

    expect(answer.body.rateDate).toBe(dayAfter(4))
  })
})

test('a quote is open until the instant it ends, by the clock of the database', async () => {
  const { customerId, carrierId } = await shop()
  const { id, pricedAt, expiresAt } = (await world.quote(shipment(carrierId, { customerId }))).body
  expect(Date.parse(String(expiresAt)) - Date.parse(String(pricedAt))).toBe(7 * 86_400_000)

  await world.connection.db.execute(sql`UPDATE quotes SET expires_at = NOW(3) WHERE id = ${id}`)

  expect((await get(`/v1/quotes/${id}`)).body.status).toBe('expired')
  expect((await get(`/v1/quotes?customerId=${customerId}&status=expired`)).body.data).toMatchObject([{ id }])
  expect((await get(`/v1/quotes?customerId=${customerId}&status=open,accepted`)).body.data).toEqual([])
})

test('POST /v1/rates answers what a quote would and stores nothing', async () => {
  const { customerId, carrierId } = await shop()
  const body = shipment(carrierId, { customerId })

  const rated = await world.ask('POST /v1/rates', { as: admin, body })
  const quoted = await world.quote(body)

  expect(rated.status).toBe(200)
  expect(rated.body.rates).toEqual(quoted.body.rates)
  expect(rated.body.requestHash).toBe(quoted.body.requestHash)
  expect(await stored(customerId)).toBe(1)
})

test('quotes are found by carrier, by reference exactly, and by when they end', async () => {
  const { customerId, carrierId } = await shop()
  const { id } = (await world.quote(shipment(carrierId, { customerId, ref: 'PO-é1' }))).body
  const found = async (query: string) =>
    ((await get(`/v1/quotes?customerId=${customerId}&${query}`)).body.data as { id: number }[]).map((quote) => quote.id)

  expect(await found(`carrierId=${carrierId}`)).toEqual([id])
  expect(await found(`carrierId=${carrierId + 1}`)).toEqual([])
  expect(await found(`ref=${encodeURIComponent('PO-é1')}`)).toEqual([id])
  expect(await found('ref=po-e1')).toEqual([])
  expect(await found(`expiresAt[lt]=${dayAfter(9)}T00:00:00Z`)).toEqual([id])
  expect(await found(`expiresAt[lt]=${dayAfter(6)}T00:00:00Z`)).toEqual([])
})

test('a quote that cannot be recorded is not there', async () => {
  const { customerId, carrierId } = await shop()
  const before = (await world.told()).length

  const unlock = await world.databases.lockTable('pricing_service_db', 'outbox')
  const answer = await world.quote(shipment(carrierId, { customerId }))
  await unlock()

  expect(answer.status).toBeGreaterThanOrEqual(500)
  expect(await stored(customerId)).toBe(0)
  expect((await world.told()).length).toBe(before)
})

test('a new quote is an event with the best price and an audit row', async () => {
  const { customerId, carrierId } = await shop({ GND: '10.00', AIR: '20.00' })

  const { id, expiresAt } = (await world.quote(shipment(carrierId), customer(customerId))).body

  expect(await world.told(`quote/${id}`)).toEqual([
    {
      type: 'quote.created',
      subject: `quote/${id}`,
      data: { quoteId: id, customerId, bestTotal: '10.00', currency: 'USD', rates: 2, ineligible: 0, expiresAt },
    },
  ])
  expect(await world.audited(`quote/${id}`)).toMatchObject([{ action: 'quote.created', actorId: 1_000 + customerId }])
  expect(today()).toBe(dayAfter(0))
})
