import { expect, it } from 'vitest'
import { tomorrow } from '../../scripts/seed.ts'
import type { Body, Client } from './client.ts'
import { ok, type Stage } from './stage.ts'
import { publishVersion, type Quote, shipment, today } from './wishes.ts'

/** The main job, told in order: each step stands on the ones before it, and the other stories on this one. */
export function mainJob(stage: Stage): void {
  let quote: Quote

  it('a user registers, and the event gives the user exactly one customer profile', async () => {
    const cora = await stage.join('cora', { company: { name: 'Acme Tools', country: 'US' } })

    const own = await cora.until('GET /v1/customers', ({ body }) => body.data.length > 0)

    expect(own.body.data).toMatchObject([{ userId: cora.userId, companyName: 'Acme Tools', status: 'pending' }])
    stage.keep('customer', own.body.data[0]?.id ?? 0)
  })

  it('staff activates the customer', async () => {
    const olga = await stage.join('olga', {}, 'ops')
    const customer = `/v1/customers/${stage.id('customer')}`
    const pending = await olga.ask(`GET ${customer}`)
    await olga.ask(`PATCH ${customer}`, { ifMatch: pending.headers.etag, body: { defaultCurrency: 'USD', tier: 'B' } })

    const active = await olga.ask(`POST ${customer}/activate`)

    expect(active).toMatchObject({ status: 200, body: { status: 'active', tier: 'B' } })
  })

  it('a carrier with services is submitted by its owner and approved by staff', async () => {
    const carl = await stage.join('carl', { userType: 'carrier' })
    const made = await carl.ask('POST /v1/carriers', {
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
    const carrier = `/v1/carriers/${made.body.id}`
    for (const service of [
      { code: 'GND', name: 'Ground', mode: 'parcel', transit: { minDays: 2, maxDays: 5 } },
      { code: 'AIR', name: 'Air', mode: 'air', limits: { maxWeight: { value: '70', unit: 'lb' } } },
    ]) {
      ok(await carl.ask(`POST ${carrier}/services`, { body: service }))
      ok(await carl.ask(`POST ${carrier}/services/${service.code}/activate`))
    }
    const submitted = await carl.ask(`POST ${carrier}/submit`)

    const approved = await stage.person('olga').ask(`POST ${carrier}/approve`)

    expect([made.status, submitted.body.status, approved.body.status]).toEqual([201, 'pending_review', 'active'])
    stage.keep('carrier', made.body.id)
  })

  it('staff publishes a tariff', async () => {
    const olga = stage.person('olga')
    const tariff = await olga.ask('POST /v1/tariffs', {
      body: {
        code: 'fast-public',
        name: 'Public prices',
        carrierId: stage.id('carrier'),
        scope: 'public',
        currency: 'USD',
        timezone: 'America/New_York',
      },
    })
    stage.keep('tariff', tariff.body.id)
    await publishVersion(olga, tariff.body.id, [
      { from: '0', to: '5', price: '14.20' },
      { from: '5', to: '150', price: '21.80' },
    ])

    const { body } = await olga.ask(`GET /v1/tariffs/${tariff.body.id}/versions`)

    expect(body.data).toMatchObject([{ state: 'published', contentHash: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  })

  it('and price rules, one of them for this customer alone', async () => {
    const effectiveFrom = today()
    const fuelable = { amount: { amount: '4.95', currency: 'USD' }, fuelable: true }
    const rules = [
      {
        code: 'TIER',
        kind: 'discount',
        action: { percent: '5' },
        conditions: [{ attribute: 'customer.tier', op: 'eq', value: 'B' }],
        sequence: 1,
      },
      { code: 'TIER', kind: 'discount', action: { percent: '32' }, customerId: stage.id('customer'), sequence: 1 },
      { code: 'FUEL', kind: 'surcharge', action: { percent: '12.5', basis: 'net+fuelable' }, sequence: 20 },
      {
        code: 'RESIDENTIAL',
        kind: 'surcharge',
        action: fuelable,
        conditions: [{ attribute: 'dest.residential', op: 'eq', value: true }],
        sequence: 10,
      },
    ]

    const made: number[] = []
    for (const rule of rules)
      made.push((await stage.person('olga').ask('POST /v1/pricing-rules', { body: { ...rule, effectiveFrom } })).status)

    expect(made).toEqual([201, 201, 201, 201])
  })

  it('the customer asks for a quote and gets an exact price, line by line', async () => {
    const cora = stage.person('cora')
    // Whether the customer trades, and what is in force, reaches the engine through copies that live a moment.
    await cora.until<Quote>('POST /v1/rates', ({ body }) => body.rates.length > 0 && body.warnings.length === 0, { body: shipment() })

    const answer = await cora.ask<Quote>('POST /v1/quotes', { body: shipment(), key: 'story-1' })

    quote = answer.body
    stage.keep('quote', quote.id)
    expect([answer.status, quote]).toMatchObject([201, { status: 'open', customerId: stage.id('customer') }])
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
    const { body } = await stage.person('cora').ask<Explanation>(`GET /v1/quotes/${quote.id}/explanation?rateId=1`)

    const lost = body.services
      .flatMap((service) => service.steps.flatMap((step) => step.candidates))
      .filter((candidate) => candidate.outcome === 'lost')
    expect(lost).toEqual([expect.objectContaining({ slot: 'discount:TIER', reason: 'LOWER_SCOPE' })])
  })

  it('the same request with the same key is answered with the same quote', async () => {
    const again = await stage.person('cora').ask<Quote>('POST /v1/quotes', { body: shipment(), key: 'story-1' })

    expect(again.body).toEqual(quote)
    expect(again.headers['idempotent-replayed']).toBe('true')
  })

  it('a dearer version prices new quotes and leaves the stored one as it is', async () => {
    const cora = stage.person('cora')
    await publishVersion(stage.person('olga'), stage.id('tariff'), [{ from: '0', to: '150', price: '142.00' }], tomorrow())
    const dearer = await cora.until<Quote>('POST /v1/rates', ({ body }) => body.rates[0]?.lines[0]?.amount.amount === '142.00', {
      body: shipment(),
    })

    const stored = await cora.ask<Quote>(`GET /v1/quotes/${quote.id}`)

    expect(dearer.status).toBe(200)
    expect(stored.body).toEqual(quote)
  })

  it('nobody else sees the quote: the answer is the one for a quote that does not exist', async () => {
    const nosy = await stage.join('nosy')
    const readBy = async (reader: Client, id: number): Promise<Body> => (await reader.ask(`GET /v1/quotes/${id}`)).body

    const [foreign, missing] = [await readBy(nosy, quote.id), await readBy(nosy, 2_147_483_647)]

    expect(foreign).toMatchObject({ status: 404, code: 'QUOTE_NOT_FOUND' })
    const comparable = ({ detail, instance: _place, requestId: _request, ...rest }: Body) => ({
      ...rest,
      detail: String(detail).replace(/\d+/, ''),
    })
    expect(comparable(foreign)).toEqual(comparable(missing))
  })
}

interface Explanation {
  services: { steps: { candidates: { slot: string; outcome: string; reason: string | null }[] }[] }[]
}
