import { createPublisher } from '#platform/events.ts'
import { createPricing, type PricingNeeds, pricingEvents } from '../../src/modules/pricing/index.ts'
import { type Answered, type Asking, type ModuleWorld, openModuleWorld } from './module-world.ts'

/** Pricing on its own database, between a customer and a carrier module that say what the test wants. */

type Profile = NonNullable<Awaited<ReturnType<PricingNeeds['customers']['getPricingProfile']>>>
type Customer = NonNullable<Awaited<ReturnType<PricingNeeds['customers']['getCustomer']>>>
type Carrier = NonNullable<Awaited<ReturnType<PricingNeeds['carriers']['getCarrier']>>>
type Service = Awaited<ReturnType<PricingNeeds['carriers']['listServices']>>[number]

export const admin = [1, '*:*:any'] as const
/** Who works with prices and has no special rights. */
export const staff = [
  2,
  ...['tariff:read', 'tariff:draft', 'tariff:publish', 'tariff:withdraw', 'pricing_rule:read', 'pricing_rule:write'].map(
    (name) => `${name}:any`,
  ),
  'quote:create:any',
  'quote:read:any',
] as const
/** User 1007 owns customer 7, and so on. */
export const customer = (id: number) => [1_000 + id, 'quote:create:own', 'quote:read:own'] as const

export const today = (): string => dayAfter(0)
export const dayAfter = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

const at = '2026-01-01T00:00:00.000Z'

export interface PricingWorld extends ModuleWorld<'pricing_service_db'> {
  profiles: Map<number, Profile>
  carriers: Map<number, Carrier>
  services: Map<number, Service[]>
  /** A carrier of its own for a test, with services of these codes. */
  makeCarrier(codes: readonly string[], over?: Partial<Service>): { id: number; code: string }
  makeCustomer(over?: Partial<Profile>): number
  makeTariff(carrierId: number, body?: object): Promise<number>
  /** A draft with the rate tables; answers its number and the version of its row. */
  makeDraft(tariffId: number, tables: object[], body?: object): Promise<{ number: number; id: number; version: number }>
  publish(tariffId: number, number: number, body?: object, as?: Asking['as']): Promise<Answered>
  /** Tariff, draft and publication in one: flat prices by service. */
  sell(
    carrierId: number,
    prices: Record<string, string>,
    over?: { tariff?: object; version?: object; table?: object },
  ): Promise<{ tariffId: number; number: number; versionId: number }>
  makeRule(body: object): Promise<{ id: number; version: number }>
  quote(body: object, as?: Asking['as'], headers?: Record<string, string>): Promise<Answered>
}

export const flat = (service: string, price: string, more: object = {}) => ({
  service,
  zone: '*',
  type: 'step',
  breaks: [{ from: '0', price }],
  ...more,
})

export const shipment = (carrierId: number, more: object = {}) => ({
  origin: { country: 'US', postalCode: '10001' },
  destination: { country: 'US', postalCode: '94105' },
  pieces: [{ weight: { value: '3.2', unit: 'lb' } }],
  services: [{ carrierId }],
  ...more,
})

/** `beside`: another process on the data of a world, with the same neighbours. */
export async function openPricingWorld(beside?: PricingWorld): Promise<PricingWorld> {
  const profiles = beside?.profiles ?? new Map<number, Profile>()
  const carriers = beside?.carriers ?? new Map<number, Carrier>()
  const services = beside?.services ?? new Map<number, Service[]>()
  const customers: PricingNeeds['customers'] = {
    getPricingProfile: async ({ id }) => profiles.get(id),
    getCustomer: async ({ id }) => profiles.get(id) && customerOf(id),
    getCustomersOfUser: async ({ userId }) => [...profiles.keys()].filter((id) => 1_000 + id === userId),
  }
  const carrierModule: PricingNeeds['carriers'] = {
    getCarrier: async ({ id }) => carriers.get(id),
    getCarriers: async ({ ids }) => ids.flatMap((id) => carriers.get(id) ?? []),
    listServices: async ({ carrierIds }) => (carrierIds ?? []).flatMap((id) => services.get(id) ?? []),
  }
  const world = await openModuleWorld(
    'pricing_service_db',
    (connection) =>
      createPricing({
        connection,
        publish: createPublisher(pricingEvents, 'pricing_service_db', { ringCommitted: () => {} }),
        customers,
        carriers: carrierModule,
      }),
    { poolSize: 50, ...(beside ? { beside: beside.databases } : {}) },
  )
  let made = 0

  async function must(line: string, asking: Asking): Promise<Answered> {
    const answer = await world.ask(line, asking)
    if (answer.status >= 300) throw new Error(`${line} answered ${answer.status} ${answer.text}`)
    return answer
  }
  const self: PricingWorld = {
    ...world,
    profiles,
    carriers,
    services,
    makeCarrier(codes, over = {}) {
      const id = ++made
      const code = `carrier-${id}`
      carriers.set(id, carrierOf(id, code))
      services.set(
        id,
        codes.map((each, index) => ({ ...serviceOf(id, each, index), ...over })),
      )
      return { id, code }
    },
    makeCustomer(over = {}) {
      const id = ++made
      profiles.set(id, {
        id,
        accountNumber: `C-${String(id).padStart(6, '0')}`,
        status: 'active',
        tier: 'B',
        defaultCurrency: 'USD',
        timezone: 'UTC',
        version: 3,
        ...over,
      })
      return id
    },
    async makeTariff(carrierId, body = {}) {
      const code = `tariff-${++made}`
      const tariff = { code, name: 'Prices', carrierId, scope: 'public', currency: 'USD', timezone: 'UTC', ...body }
      return Number((await must('POST /v1/tariffs', { as: admin, body: tariff })).body.id)
    },
    async makeDraft(tariffId, tables, body = {}) {
      const draft = await must(`POST /v1/tariffs/${tariffId}/versions`, {
        as: admin,
        body: { effectiveFrom: today(), weightPolicy: pounds, ...body },
      })
      const number = Number(draft.body.number)
      const rates = await must(`PUT /v1/tariffs/${tariffId}/versions/${number}/rates`, { as: admin, ifMatch: 1, body: { tables } })
      return { number, id: Number(draft.body.id), version: Number(rates.body.version) }
    },
    publish: (tariffId, number, body = { reason: 'new prices' }, as = admin) =>
      world.ask(`POST /v1/tariffs/${tariffId}/versions/${number}/publish`, { as, body }),
    async sell(carrierId, prices, { tariff = {}, version = {}, table = {} } = {}) {
      const tariffId = await self.makeTariff(carrierId, tariff)
      const tables = Object.entries(prices).map(([service, price]) => flat(service, price, table))
      const draft = await self.makeDraft(tariffId, tables, version)
      const published = await self.publish(tariffId, draft.number)
      if (published.status !== 200) throw new Error(`publishing answered ${published.text}`)
      return { tariffId, number: draft.number, versionId: draft.id }
    },
    async makeRule(body) {
      const rule = { effectiveFrom: dayAfter(-30), ...body }
      const { id, version } = (await must('POST /v1/pricing-rules', { as: admin, body: rule })).body
      return { id: Number(id), version: Number(version) }
    },
    quote: (body, as = admin, headers = {}) => world.ask('POST /v1/quotes', { as, body, headers }),
  }
  return self
}

export const pounds = { weightUnit: 'lb', dimUnit: 'in', aggregation: 'per_piece_sum' }

function customerOf(id: number): Customer {
  return {
    id,
    userId: 1_000 + id,
    accountNumber: `C-${id}`,
    type: 'company',
    companyName: 'Acme Tools',
    legalName: null,
    country: 'US',
    taxIds: [],
    status: 'active',
    tier: 'B',
    defaultCurrency: 'USD',
    timezone: 'UTC',
    invoiceEmail: null,
    paymentTermsDays: 30,
    portalUserActive: true,
    salesRepUserId: null,
    externalRefs: [],
    tags: [],
    metadata: {},
    version: 3,
    createdAt: at,
    updatedAt: at,
  }
}

function carrierOf(id: number, code: string): Carrier {
  return {
    id,
    code,
    scac: null,
    name: 'Fast Freight',
    modes: ['parcel'],
    countries: ['US'],
    currency: 'USD',
    timezone: 'UTC',
    status: 'active',
    version: 1,
    createdAt: at,
    updatedAt: at,
    ownerId: 1,
    ownerActive: true,
    contact: null,
    insuranceExpiresOn: null,
    externalRefs: [],
    metadata: {},
  }
}

function serviceOf(carrierId: number, code: string, index: number): Service {
  return {
    id: carrierId * 100 + index,
    carrierId,
    code,
    name: code,
    mode: 'parcel',
    status: 'active',
    transit: { minDays: 1, maxDays: 5 },
    guaranteed: false,
    limits: { maxWeight: null, maxLength: null, maxLengthPlusGirth: null, maxPieces: null, maxDeclaredValue: null },
    features: [],
    version: 1,
    createdAt: at,
    updatedAt: at,
  }
}
