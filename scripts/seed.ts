/**
 * Demo data, made through the public API as people would make it: every row has its audit row and its events. Running it
 * again finds what is there and changes nothing.
 *
 *     npm run seed            against a running `npm start`
 */
import { type Api, ApiProblem, createApi, login, type Page, patient, until } from './api.ts'

export interface DemoLogin {
  role: string
  email: string
  password: string
}

export interface SeedOptions {
  baseUrl: string
  /** The first administrator. */
  admin: { email: string; password: string }
  /** Password of every demo user. */
  password: string
  progress?: (step: string) => void
}

interface Versioned {
  id: number
  version: number
  status: string
}

export const demoEmails = {
  ops: 'olga.ops@demo.example',
  carrier: 'carl.carrier@demo.example',
  customer: 'cora.customer@demo.example',
} as const

const carrierCode = 'fast'
const tariffCode = 'fast-public'

/** Makes the demo users, a carrier with two services, a tariff and price rules. Returns the log-ins. */
export async function seedDemo({ baseUrl, admin, password, progress = () => {} }: SeedOptions): Promise<DemoLogin[]> {
  const anonymous = patient(createApi(baseUrl))
  const asAdmin = await login(anonymous, admin.email, admin.password)
  const logins: DemoLogin[] = [
    { role: 'admin', ...admin },
    { role: 'ops', email: demoEmails.ops, password },
    { role: 'carrier owner', email: demoEmails.carrier, password },
    { role: 'customer', email: demoEmails.customer, password },
  ]
  const tariffs = await asAdmin.call<Page<Versioned>>('GET', `/v1/tariffs?q=${tariffCode}`)
  if (tariffs.body.data.length > 0) return logins

  progress('users')
  const opsId = await register(anonymous, { email: demoEmails.ops, password, firstName: 'Olga', lastName: 'Ops' })
  const user = await asAdmin.call<Versioned>('GET', `/v1/users/${opsId}`)
  await asAdmin.call('PUT', `/v1/users/${opsId}/roles`, { ifMatch: user.etag, body: { roles: [{ name: 'ops' }] } })
  await register(anonymous, { email: demoEmails.carrier, password, firstName: 'Carl', lastName: 'Carrier', userType: 'carrier' })
  const customerUserId = await register(anonymous, {
    email: demoEmails.customer,
    password,
    firstName: 'Cora',
    lastName: 'Customer',
    company: { name: 'Acme Tools', country: 'US' },
  })
  const asOps = await login(anonymous, demoEmails.ops, password)
  const asCarrier = await login(anonymous, demoEmails.carrier, password)

  progress('customer profile, by event')
  const customer = await profileOf(asOps, customerUserId)
  await activateCustomer(asOps, customer.id)

  progress('carrier with services')
  const carrierId = await makeCarrier(asCarrier, asOps)

  progress('tariff and price rules')
  await makeTariff(asAdmin, carrierId)
  await makeRules(asAdmin, customer.id)
  return logins
}

/** The id of the user, registered now or before. */
export async function register(api: Api, person: Record<string, unknown> & { email: string; password: string }): Promise<number> {
  try {
    const { body } = await api.call<{ id: number }>('POST', '/v1/auth/register', { body: person })
    return body.id
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem.code !== 'EMAIL_TAKEN') throw error
    const asPerson = await login(api, person.email, person.password)
    const { body } = await asPerson.call<{ user: { id: number } }>('GET', '/v1/auth/me')
    return body.user.id
  }
}

/** The profile that `user.created` gave the user. */
export function profileOf(api: Api, userId: number): Promise<Versioned> {
  return until(`the customer profile of user ${userId}`, async () => {
    const { body } = await api.call<Page<Versioned>>('GET', `/v1/customers?userId=${userId}`)
    return body.data[0]
  })
}

export async function activateCustomer(api: Api, customerId: number): Promise<void> {
  const customer = await api.call<Versioned>('GET', `/v1/customers/${customerId}`)
  if (customer.body.status !== 'pending') return
  await api.call('PATCH', `/v1/customers/${customerId}`, { ifMatch: customer.etag, body: { defaultCurrency: 'USD', tier: 'B' } })
  await api.call('POST', `/v1/customers/${customerId}/activate`)
}

async function makeCarrier(asOwner: Api, asOps: Api): Promise<number> {
  const known = await asOps.call<Page<Versioned & { code: string }>>('GET', '/v1/carriers?q=Fast')
  const found = known.body.data.find((carrier) => carrier.code === carrierCode)
  const carrierId =
    found?.id ??
    (
      await asOwner.call<Versioned>('POST', '/v1/carriers', {
        body: {
          code: carrierCode,
          scac: 'FAST',
          name: 'Fast Freight',
          modes: ['parcel'],
          countries: ['US'],
          currency: 'USD',
          timezone: 'America/New_York',
        },
      })
    ).body.id
  if (found === undefined || found.status === 'draft') {
    for (const service of demoServices) {
      await asOwner.call('POST', `/v1/carriers/${carrierId}/services`, { body: service })
      await asOwner.call('POST', `/v1/carriers/${carrierId}/services/${service.code}/activate`)
    }
    await asOwner.call('POST', `/v1/carriers/${carrierId}/submit`)
  }
  if (found === undefined || found.status !== 'active') await asOps.call('POST', `/v1/carriers/${carrierId}/approve`)
  return carrierId
}

const demoServices = [
  {
    code: 'GND',
    name: 'Ground',
    mode: 'parcel',
    transit: { minDays: 2, maxDays: 5 },
    limits: { maxWeight: { value: '150', unit: 'lb' } },
    features: ['signature', 'residential', 'liftgate'],
  },
  {
    code: 'AIR',
    name: 'Air',
    mode: 'air',
    transit: { minDays: 1, maxDays: 2 },
    limits: { maxWeight: { value: '70', unit: 'lb' } },
    features: ['signature', 'residential'],
  },
]

async function makeTariff(api: Api, carrierId: number): Promise<void> {
  const tariff = await api.call<Versioned>('POST', '/v1/tariffs', {
    body: {
      code: tariffCode,
      name: 'Fast Freight, public prices',
      carrierId,
      scope: 'public',
      currency: 'USD',
      timezone: 'America/New_York',
      quoteValidityDays: 7,
    },
  })
  const address = `/v1/tariffs/${tariff.body.id}/versions/1`
  const version = await api.call<Versioned>('POST', `/v1/tariffs/${tariff.body.id}/versions`, {
    body: {
      effectiveFrom: today(),
      weightPolicy: {
        weightUnit: 'lb',
        dimUnit: 'in',
        aggregation: 'per_piece_sum',
        divisor: '139',
        weightRounding: [{ increment: '1', mode: 'up' }],
      },
      discountStacking: 'best_of',
      minTotal: '9.00',
      changeNote: 'First prices',
    },
  })
  await api.call('PUT', `${address}/rates`, {
    ifMatch: version.etag,
    body: {
      tables: [
        {
          service: 'GND',
          zone: '*',
          type: 'step',
          transitDays: 4,
          breaks: [
            { from: '0', to: '5', price: '14.20' },
            { from: '5', to: '20', price: '21.80' },
            { from: '20', to: '150', price: '48.50' },
          ],
        },
        {
          service: 'AIR',
          zone: '*',
          type: 'volume',
          transitDays: 1,
          minCharge: '24.00',
          breaks: [
            { from: '0', to: '10', rate: '4.35' },
            { from: '10', rate: '3.90' },
          ],
        },
      ],
    },
  })
  await api.call('POST', `${address}/publish`, { body: { reason: 'Demo data' } })
}

async function makeRules(api: Api, customerId: number): Promise<void> {
  const effectiveFrom = today()
  const rules = [
    { code: 'FUEL', kind: 'surcharge', name: 'Fuel', action: { percent: '12.5', basis: 'net+fuelable' }, sequence: 20, effectiveFrom },
    {
      code: 'RESIDENTIAL',
      kind: 'surcharge',
      name: 'Delivery to a home',
      action: { amount: { amount: '4.95', currency: 'USD' }, fuelable: true },
      conditions: [{ attribute: 'dest.residential', op: 'eq', value: true }],
      sequence: 10,
      effectiveFrom,
    },
    {
      code: 'TIER',
      kind: 'discount',
      name: 'Tier B',
      action: { percent: '5' },
      conditions: [{ attribute: 'customer.tier', op: 'eq', value: 'B' }],
      sequence: 10,
      effectiveFrom,
    },
    { code: 'TIER', kind: 'discount', name: 'Contract of Acme Tools', action: { percent: '12' }, customerId, sequence: 10, effectiveFrom },
  ]
  for (const body of rules) await api.call('POST', '/v1/pricing-rules', { body })
}

const today = (): string => new Date().toISOString().slice(0, 10)

export const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)

/** The shipment the banner and the demo quote. */
export const demoShipment = () => ({
  origin: { country: 'US', postalCode: '10001' },
  destination: { country: 'US', postalCode: '94105', residential: true },
  pieces: [{ weight: { value: '3.2', unit: 'lb' }, dimensions: { length: '10', width: '8', height: '6', unit: 'in' } }],
  shipDate: tomorrow(),
})
