import { expect, it } from 'vitest'
import type { Reply } from './client.ts'
import { ok, problem, type Stage } from './stage.ts'
import { type Quote, shipment } from './wishes.ts'

const nowhere = 2_147_483_647

/** Quotes: what pricing makes of what customer and carrier say at the moment. */
export function quotes(stage: Stage): void {
  const [cora, olga, carl] = [() => stage.person('cora'), () => stage.person('olga'), () => stage.person('carl')]
  const rates = (over: object = {}) => cora().ask<Quote>('POST /v1/rates', { body: { ...shipment(), ...over } })
  const codesOf = ({ ineligible }: Quote) =>
    ineligible.map((service) =>
      Object.values({ ...service })
        .slice(0, 3)
        .join(' '),
    )

  it('prices are told without storing anything', async () => {
    const before = await cora().ask('GET /v1/quotes')

    const answer = await rates()

    expect([answer.status, answer.body.rates.length]).toEqual([200, 1])
    expect((await cora().ask('GET /v1/quotes')).body).toEqual(before.body)
  })

  it('staff gets prices for a customer whom it names', async () => {
    const named = await olga().ask<Quote>('POST /v1/rates', { body: { ...shipment(), customerId: stage.id('customer') } })

    expect(named.body.rates[0]?.total).toEqual((await rates()).body.rates[0]?.total)
    expect(await olga().ask('POST /v1/rates', { body: shipment() })).toMatchObject({
      status: 400,
      body: { errors: [{ path: '/customerId' }] },
    })
    expect(await olga().ask('POST /v1/rates', { body: { ...shipment(), customerId: nowhere } })).toMatchObject({
      status: 422,
      body: { code: 'CUSTOMER_NOT_FOUND', errors: [{ path: '/customerId' }] },
    })
  })

  it('a carrier that is named must exist, and so must its service', async () => {
    const services = (carrierId: number, serviceCode?: string) =>
      rates({ services: [{ carrierId, ...(serviceCode ? { serviceCode } : {}) }] })

    expect(await services(nowhere)).toMatchObject({
      status: 422,
      body: { code: 'CARRIER_NOT_FOUND', errors: [{ path: '/services/0/carrierId' }] },
    })
    expect(await services(stage.id('carrier'), 'NONE')).toMatchObject(problem(422, 'UNKNOWN_SERVICE'))
    expect((await services(stage.id('carrier'), 'GND')).body.rates.map(({ serviceCode }) => serviceCode)).toEqual(['GND'])
  })

  it.each([
    ['a day gone by', { shipDate: '2020-01-01' }, 'SHIP_DATE_OUT_OF_RANGE'],
    ['a postal code of another form', { origin: { country: 'US', postalCode: 'ABC' } }, 'INVALID_POSTAL_CODE'],
    ['a currency that does not exist', { declaredValue: { amount: '1.00', currency: 'QQQ' } }, 'UNKNOWN_CURRENCY'],
    ['a cent too small', { declaredValue: { amount: '1.005', currency: 'USD' } }, 'TOO_MANY_DECIMALS'],
  ])('%s is refused with its place', async (_, over, code) => {
    expect(await rates(over)).toMatchObject({ status: 422, body: { code, errors: [{ in: 'body', path: expect.stringMatching(/^\//) }] } })
  })

  it('what does not fit is named, every member of it', async () => {
    const { status, body } = await rates({ pieces: [{ weight: { value: 3, unit: 'stone' } }], shipDate: 'soon', colour: 'red' })

    expect([status, body]).toMatchObject([400, { code: 'VALIDATION_FAILED' }])
    const places = Object.values({ ...body }).flatMap((member) => (Array.isArray(member) ? member.map(({ path }) => path) : []))
    expect(places.toSorted()).toEqual(['/colour', '/pieces/0/weight/unit', '/pieces/0/weight/value', '/shipDate'])
  })

  it('a key counts for one person and one request', async () => {
    const asked = { body: { ...shipment(), ref: 'order 1' }, key: 'order-1' }
    const first = ok(await cora().ask<Quote>('POST /v1/quotes', asked))

    const again = await cora().ask<Quote>('POST /v1/quotes', asked)
    const other = await cora().ask('POST /v1/quotes', { ...asked, body: shipment() })
    const byStaff = await olga().ask<Quote>('POST /v1/quotes', { ...asked, body: { ...asked.body, customerId: stage.id('customer') } })

    expect([again.status, again.body.id, again.headers['idempotent-replayed']]).toEqual([201, first.body.id, 'true'])
    expect(other).toMatchObject(problem(422, 'IDEMPOTENCY_KEY_REUSED'))
    expect([byStaff.status, byStaff.body.id === first.body.id]).toEqual([201, false])
    expect(await cora().ask('POST /v1/quotes', { ...asked, key: 'ö' })).toMatchObject(problem(400, 'IDEMPOTENCY_KEY_INVALID'))
  })

  it('the same key at the same moment makes one quote', async () => {
    const asked = { body: { ...shipment(), ref: 'order 2' }, key: 'order-2' }

    // Whichever of them made it, by asking again each is told what was made.
    const isReplay = ({ headers }: Reply<Quote>): boolean => headers['idempotent-replayed'] === 'true'
    const answers = await Promise.all([1, 2, 3, 4].map(() => cora().until<Quote>('POST /v1/quotes', isReplay, asked)))

    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    expect((await cora().ask('GET /v1/quotes?ref=order%202')).body.data.length).toBe(1)
  })

  it('an explanation is of a rate that the quote has', async () => {
    expect(await cora().ask(`GET /v1/quotes/${stage.id('quote')}/explanation?rateId=9`)).toMatchObject(problem(422, 'RATE_NOT_FOUND'))
    expect((await cora().ask(`GET /v1/quotes/${stage.id('quote')}/explanation`)).status).toBe(200)
  })

  it('a service that its owner pauses gets no more prices, and gets them again', async () => {
    const service = `/v1/carriers/${stage.id('carrier')}/services/GND`

    ok(await carl().ask(`POST ${service}/pause`))
    const paused = await cora().until<Quote>('POST /v1/rates', ({ body }) => body.rates.length === 0, { body: shipment() })
    ok(await carl().ask(`POST ${service}/resume`))
    const resumed = await cora().until<Quote>('POST /v1/rates', ({ body }) => body.rates.length === 1, { body: shipment() })

    expect(codesOf(paused.body)).toContain('fast GND SERVICE_PAUSED')
    expect(resumed.status).toBe(200)
  })

  it('a carrier that staff suspends gets no more prices, and the stored quote stays', async () => {
    const carrier = `/v1/carriers/${stage.id('carrier')}`

    ok(await olga().ask(`POST ${carrier}/suspend`, { body: { reason: 'late' } }))
    const suspended = await cora().until<Quote>('POST /v1/rates', ({ body }) => body.rates.length === 0, { body: shipment() })
    const stored = await cora().ask<Quote>(`GET /v1/quotes/${stage.id('quote')}`)
    ok(await olga().ask(`POST ${carrier}/reinstate`))
    await cora().until<Quote>('POST /v1/rates', ({ body }) => body.rates.length === 1, { body: shipment() })

    expect(codesOf(suspended.body)).toContain('fast GND CARRIER_SUSPENDED')
    expect([stored.body.status, stored.body.rates.length]).toEqual(['open', 1])
  })

  it('a customer who may not trade gets prices with a warning', async () => {
    const customer = `/v1/customers/${stage.id('customer')}`

    ok(await olga().ask(`POST ${customer}/suspend`, { body: { reason: 'unpaid' } }))
    const warned = await cora().until<Quote>('POST /v1/rates', ({ body }) => body.warnings.length > 0, {
      body: shipment(),
    })
    ok(await olga().ask(`POST ${customer}/reactivate`, { body: { reason: 'paid' } }))
    await cora().until<Quote>('POST /v1/rates', ({ body }) => body.warnings.length === 0, { body: shipment() })

    expect(warned.body.warnings).toEqual([{ code: 'CUSTOMER_NOT_ACTIVE', path: '/customerId' }])
  })

  it('quotes are listed page by page, each once', async () => {
    const seen: number[] = []
    let page = await cora().ask('GET /v1/quotes?limit=2&sort=-createdAt')
    for (;;) {
      seen.push(...page.body.data.map(({ id }) => id))
      if (page.body.page.nextCursor === null) break
      page = await cora().ask(`GET /v1/quotes?limit=2&sort=-createdAt&cursor=${page.body.page.nextCursor}`)
    }

    const all = await cora().ask('GET /v1/quotes')
    expect(seen.toSorted((one, other) => one - other)).toEqual(all.body.data.map(({ id }) => id))
    expect(seen.length).toBe(4)
  })
}
