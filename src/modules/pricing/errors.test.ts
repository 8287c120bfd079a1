import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, dayAfter, flat, openPricingWorld, type PricingWorld, shipment, staff, today } from '#support/pricing-world.ts'
import * as declared from './errors.ts'

/** Every error that pricing declares is what somebody can be answered with, on a route that says so. */

let world: PricingWorld
let carrierId: number
let customerId: number
let tariffId: number
let draft: { number: number; id: number; version: number }
let quoteId: number

beforeAll(async () => {
  world = await openPricingWorld()
  carrierId = world.makeCarrier(['GND']).id
  customerId = world.makeCustomer()
  tariffId = (await world.sell(carrierId, { GND: '10.00' }, { tariff: { code: 'taken' } })).tariffId
  draft = await world.makeDraft(tariffId, [flat('GND', '0.00')], { effectiveFrom: dayAfter(1) })
  quoteId = Number((await world.quote(shipment(carrierId, { customerId }))).body.id)
})
afterAll(() => world.close())

const usd = (amount: string) => ({ amount, currency: 'USD' })
const tariff = (body: object) => ({ code: 'new', name: 'New', carrierId, scope: 'public', currency: 'USD', timezone: 'UTC', ...body })
const rule = (body: object) => ({ code: 'FUEL', kind: 'surcharge', action: { percent: '5' }, effectiveFrom: today(), customerId, ...body })
const at = (number: number, rest = '') => `/v1/tariffs/${tariffId}/versions/${number}${rest}`
const asked = (body: object) => shipment(carrierId, { customerId, ...body })
const piece = (body: object) => asked({ pieces: [{ weight: { value: '1', unit: 'lb' }, ...body }] })
const patchDraft = (body: object) => world.ask(`PATCH ${at(draft.number)}`, { as: admin, body, ifMatch: draft.version })
const post = (path: string, body: object = {}, as: Parameters<PricingWorld['quote']>[1] = admin) => world.ask(`POST ${path}`, { as, body })

const ways: Record<string, [status: number, () => ReturnType<PricingWorld['ask']>]> = {
  TARIFF_NOT_FOUND: [404, () => world.ask('GET /v1/tariffs/999999', { as: admin })],
  TARIFF_VERSION_NOT_FOUND: [404, () => world.ask(`GET ${at(999)}`, { as: admin })],
  TARIFF_CODE_TAKEN: [409, () => post('/v1/tariffs', tariff({ code: 'taken' }))],
  VERSION_PUBLISHED: [409, () => world.ask(`DELETE ${at(1)}`, { as: admin, ifMatch: 1 })],
  VERSION_NOT_PUBLISHABLE: [422, () => world.publish(tariffId, draft.number)],
  OVERLAPPING_VERSIONS: [
    409,
    async () => world.publish(tariffId, (await world.makeDraft(tariffId, [flat('GND', '1.00')], { effectiveFrom: today() })).number),
  ],
  INVALID_TARIFF: [422, () => post('/v1/tariffs', tariff({ scope: 'customer' }))],
  PRICING_RULE_NOT_FOUND: [404, () => world.ask('GET /v1/pricing-rules/999999', { as: admin })],
  QUOTE_NOT_FOUND: [404, () => world.ask('GET /v1/quotes/999999', { as: admin })],
  RATE_NOT_FOUND: [422, () => world.ask(`GET /v1/quotes/${quoteId}/explanation?rateId=99`, { as: admin })],
  CUSTOMER_CLOSED: [422, () => world.quote(asked({ customerId: world.makeCustomer({ status: 'closed' }) }))],
  SHIP_DATE_OUT_OF_RANGE: [422, () => world.quote(asked({ shipDate: dayAfter(-5) }), staff)],
  OUT_OF_RANGE: [422, () => world.quote(piece({ weight: { value: '0', unit: 'lb' } }))],
  UNKNOWN_CURRENCY: [422, () => post('/v1/tariffs', tariff({ currency: 'XAU' }))],
  INVALID_DATE: [422, () => world.quote(asked({ shipDate: today(), shipAt: `${today()}T12:00:00Z` }))],
  INVALID_TIMEZONE: [422, () => post('/v1/tariffs', tariff({ timezone: 'Mars/Olympus' }))],
  INVALID_INTERVAL: [422, () => post('/v1/pricing-rules', rule({ effectiveTo: today() }))],
  INVALID_POSTAL_CODE: [422, () => world.quote(asked({ destination: { country: 'US', postalCode: '941' } }))],
  INVALID_POLICY: [422, () => patchDraft({ weightPolicy: { divisor: '0' } })],
  INVALID_ROUNDING: [422, () => patchDraft({ rounding: { mode: 'up', increment: '0.001' } })],
  INVALID_TABLE: [
    422,
    () =>
      world.ask(`PUT ${at(draft.number, '/rates')}`, {
        as: admin,
        ifMatch: draft.version,
        body: { tables: [flat('GND', '1.00', { minCharge: '2.00', maxCharge: '1.00' })] },
      }),
  ],
  INVALID_RULE: [422, () => post('/v1/pricing-rules', rule({ action: { percent: '5', amount: usd('1.00') } }))],
  INVALID_CONDITION: [422, () => post('/v1/pricing-rules', rule({ conditions: { sometimes: [] } }))],
  UNKNOWN_SERVICE: [422, () => world.quote(asked({ services: [{ carrierId, serviceCode: 'SEA' }] }))],
  CUSTOMER_NOT_FOUND: [422, () => post('/v1/tariffs', tariff({ scope: 'customer', customerId: 999_999 }))],
  CARRIER_NOT_FOUND: [422, () => post('/v1/tariffs', tariff({ carrierId: 999_999 }))],
}

test.each(Object.entries(ways))('%s', async (code, [status, way]) => {
  const answer = await way()

  expect([answer.status, answer.body.code]).toEqual([status, code])
  expect(answer.body.detail).not.toMatch(/[{}]/)
})

test.each<[string, string, () => ReturnType<PricingWorld['ask']>]>([
  ['a rule of a customer', 'CUSTOMER_NOT_FOUND', () => post('/v1/pricing-rules', rule({ customerId: 999_999 }))],
  ['a rule of a version', 'TARIFF_VERSION_NOT_FOUND', () => post('/v1/pricing-rules', rule({ tariffVersionId: 999_999 }))],
  [
    'a draft based on a version',
    'TARIFF_VERSION_NOT_FOUND',
    () => post(`/v1/tariffs/${tariffId}/versions`, { basedOn: 999, effectiveFrom: today() }),
  ],
  ['a quote of a customer', 'CUSTOMER_NOT_FOUND', () => world.quote(asked({ customerId: 999_999 }))],
  ['a quote of a carrier', 'CARRIER_NOT_FOUND', () => world.quote(asked({ services: [{ carrierId }, { carrierId: 999_999 }] }))],
])('%s that does not exist names its place: %s', async (_what, code, way) => {
  const answer = await way()

  expect([answer.status, answer.body.code]).toEqual([422, code])
  expect(answer.body.errors).toMatchObject([{ in: 'body', code, value: expect.stringContaining('999') }])
})

test('there is no error here that nobody can meet', () => {
  const { engineErrors, ...own } = declared
  const codes = [...Object.values(own), ...Object.values(engineErrors)].map(({ code }) => code)

  expect(new Set(Object.keys(ways))).toEqual(new Set(codes))
})
