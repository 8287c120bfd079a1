import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type System, startSystem } from '#support/system.ts'
import { type Api, login } from '../../scripts/api.ts'
import { profileOf, register, tomorrow } from '../../scripts/seed.ts'

/**
 * The main job as a story over HTTP, on real databases: each step stands on the ones before it.
 */
describe('the main job', () => {
  let system: System
  let admin: Api
  let ops: Api
  let owner: Api
  let customer: Api
  let customerId: number
  let carrierId: number
  let tariffId: number
  let quote: QuoteAnswer

  beforeAll(async () => {
    system = await startSystem()
    admin = await login(system.api, system.admin.email, system.admin.password)
  })
  afterAll(() => system.stop())

  it('a user registers, and the event gives the user exactly one customer profile', async () => {
    const userId = await register(system.api, {
      email: 'cora@example.com',
      password: 'seven tall lanterns',
      firstName: 'Cora',
      lastName: 'Cargo',
      company: { name: 'Acme Tools', country: 'US' },
    })

    const profile = await profileOf(admin, userId)

    customerId = profile.id
    customer = await login(system.api, 'cora@example.com', 'seven tall lanterns')
    const own = await customer.call<{ data: { userId: number; companyName: string; status: string }[] }>('GET', '/v1/customers')
    expect(own.body.data).toMatchObject([{ userId, companyName: 'Acme Tools', status: 'pending' }])
  })

  it('staff activates the customer', async () => {
    const userId = await register(system.api, {
      email: 'olga@example.com',
      password: 'nine quiet harbours',
      firstName: 'Olga',
      lastName: 'Ops',
    })
    const user = await admin.call('GET', `/v1/users/${userId}`)
    await admin.call('PUT', `/v1/users/${userId}/roles`, { ifMatch: user.etag, body: { roles: [{ name: 'ops' }] } })
    ops = await login(system.api, 'olga@example.com', 'nine quiet harbours')
    const pending = await ops.call('GET', `/v1/customers/${customerId}`)
    await ops.call('PATCH', `/v1/customers/${customerId}`, { ifMatch: pending.etag, body: { defaultCurrency: 'USD', tier: 'B' } })

    const active = await ops.call<{ status: string }>('POST', `/v1/customers/${customerId}/activate`)

    expect(active.body.status).toBe('active')
  })

  it('a carrier with services is submitted by its owner and approved by staff', async () => {
    await register(system.api, {
      email: 'carl@example.com',
      password: 'four blue engines',
      firstName: 'Carl',
      lastName: 'Carrier',
      userType: 'carrier',
    })
    owner = await login(system.api, 'carl@example.com', 'four blue engines')
    const carrier = await owner.call<{ id: number }>('POST', '/v1/carriers', {
      body: {
        code: 'fast',
        scac: 'FAST',
        name: 'Fast Freight',
        modes: ['parcel'],
        countries: ['US'],
        currency: 'USD',
        timezone: 'America/New_York',
      },
    })
    carrierId = carrier.body.id
    for (const service of [
      { code: 'GND', name: 'Ground', mode: 'parcel', transit: { minDays: 2, maxDays: 5 } },
      { code: 'AIR', name: 'Air', mode: 'air', limits: { maxWeight: { value: '70', unit: 'lb' } } },
    ]) {
      await owner.call('POST', `/v1/carriers/${carrierId}/services`, { body: service })
      await owner.call('POST', `/v1/carriers/${carrierId}/services/${service.code}/activate`)
    }
    await owner.call('POST', `/v1/carriers/${carrierId}/submit`)

    const approved = await ops.call<{ status: string }>('POST', `/v1/carriers/${carrierId}/approve`)

    expect(approved.body.status).toBe('active')
  })

  it('staff publishes a tariff', async () => {
    const tariff = await ops.call<{ id: number }>('POST', '/v1/tariffs', {
      body: { code: 'fast-public', name: 'Public prices', carrierId, scope: 'public', currency: 'USD', timezone: 'America/New_York' },
    })
    tariffId = tariff.body.id
    await publishVersion(ops, tariffId, [
      { from: '0', to: '5', price: '14.20' },
      { from: '5', to: '150', price: '21.80' },
    ])

    const [version] = (await ops.call<{ data: { state: string; contentHash: string }[] }>('GET', `/v1/tariffs/${tariffId}/versions`)).body
      .data

    expect(version).toMatchObject({ state: 'published', contentHash: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('and price rules, one of them for this customer alone', async () => {
    const effectiveFrom = new Date().toISOString().slice(0, 10)
    const rules = [
      {
        code: 'TIER',
        kind: 'discount',
        action: { percent: '5' },
        conditions: [{ attribute: 'customer.tier', op: 'eq', value: 'B' }],
        effectiveFrom,
        sequence: 1,
      },
      { code: 'TIER', kind: 'discount', action: { percent: '32' }, customerId, effectiveFrom, sequence: 1 },
      { code: 'FUEL', kind: 'surcharge', action: { percent: '12.5', basis: 'net+fuelable' }, effectiveFrom, sequence: 20 },
      {
        code: 'RESIDENTIAL',
        kind: 'surcharge',
        action: { amount: { amount: '4.95', currency: 'USD' }, fuelable: true },
        conditions: [{ attribute: 'dest.residential', op: 'eq', value: true }],
        effectiveFrom,
        sequence: 10,
      },
    ]

    const made = await Promise.all(rules.map((body) => ops.call<{ number: number }>('POST', '/v1/pricing-rules', { body })))

    expect(made.map((rule) => rule.status)).toEqual([201, 201, 201, 201])
  })

  it('the customer asks for a quote and gets an exact price, line by line', async () => {
    const answer = await customer.call<QuoteAnswer>('POST', '/v1/quotes', { body: shipment(), idempotencyKey: 'story-1' })

    quote = answer.body
    expect(answer.status).toBe(201)
    expect(quote).toMatchObject({ status: 'open', customerId })
    const [ground] = quote.rates
    expect(ground?.lines.map((line) => [line.type, line.code, line.amount.amount])).toEqual([
      ['base', 'BASE', '14.20'],
      ['discount', 'TIER', '-4.54'],
      ['surcharge', 'RESIDENTIAL', '4.95'],
      ['surcharge', 'FUEL', '1.83'],
    ])
    expect(ground?.total).toEqual({ amount: '16.44', currency: 'USD' })
  })

  it('every considered service has a price or the reason why it has none', () => {
    expect(quote.ineligible).toEqual([expect.objectContaining({ carrierCode: 'fast', serviceCode: 'AIR', code: 'NO_RATE' })])
  })

  it('the explanation names the rule that lost and why', async () => {
    const { body } = await customer.call<Explanation>('GET', `/v1/quotes/${quote.id}/explanation?rateId=1`)

    const lost = body.services
      .flatMap((service) => service.steps.flatMap((step) => step.candidates))
      .filter((candidate) => candidate.outcome === 'lost')
    expect(lost).toEqual([expect.objectContaining({ slot: 'discount:TIER', reason: 'LOWER_SCOPE' })])
  })

  it('the same request with the same key is answered with the same quote', async () => {
    const again = await customer.call<QuoteAnswer>('POST', '/v1/quotes', { body: shipment(), idempotencyKey: 'story-1' })

    expect(again.body).toEqual(quote)
  })

  it('a dearer version prices new quotes and leaves the stored one as it is', async () => {
    await publishVersion(ops, tariffId, [{ from: '0', to: '150', price: '142.00' }], tomorrow())
    const dearer = await customer.call<QuoteAnswer>('POST', '/v1/quotes', { body: shipment() })

    const stored = await customer.call<QuoteAnswer>('GET', `/v1/quotes/${quote.id}`)

    expect(dearer.body.rates[0]?.lines[0]?.amount.amount).toBe('142.00')
    expect(stored.body).toEqual(quote)
  })

  it('nobody else sees the quote: the answer is the one for a quote that does not exist', async () => {
    await register(system.api, { email: 'nosy@example.com', password: 'three odd windows', firstName: 'Nosy', lastName: 'Neighbour' })
    const stranger = await login(system.api, 'nosy@example.com', 'three odd windows')

    await expect(stranger.call('GET', `/v1/quotes/${quote.id}`)).rejects.toMatchObject({
      problem: { status: 404, code: 'QUOTE_NOT_FOUND' },
    })
  })
})

interface QuoteAnswer {
  id: number
  status: string
  customerId: number
  rates: {
    serviceCode: string
    total: { amount: string; currency: string }
    lines: { type: string; code: string; amount: { amount: string } }[]
  }[]
  ineligible: object[]
}

interface Explanation {
  services: { steps: { candidates: { slot: string; outcome: string; reason: string | null }[] }[] }[]
}

const shipment = () => ({
  origin: { country: 'US', postalCode: '10001' },
  destination: { country: 'US', postalCode: '94105', residential: true },
  pieces: [{ weight: { value: '3.2', unit: 'lb' }, dimensions: { length: '10', width: '8', height: '6', unit: 'in' } }],
  shipDate: tomorrow(),
})

async function publishVersion(
  api: Api,
  tariffId: number,
  breaks: object[],
  effectiveFrom = new Date().toISOString().slice(0, 10),
): Promise<void> {
  const draft = await api.call<{ number: number }>('POST', `/v1/tariffs/${tariffId}/versions`, {
    body: {
      effectiveFrom,
      weightPolicy: {
        weightUnit: 'lb',
        dimUnit: 'in',
        aggregation: 'per_piece_sum',
        divisor: '139',
        weightRounding: [{ increment: '1', mode: 'up' }],
      },
    },
  })
  const address = `/v1/tariffs/${tariffId}/versions/${draft.body.number}`
  await api.call('PUT', `${address}/rates`, {
    ifMatch: draft.etag,
    body: { tables: [{ service: 'GND', zone: '*', type: 'step', breaks }] },
  })
  await api.call('POST', `${address}/publish`, { body: { reason: 'new prices' } })
}
