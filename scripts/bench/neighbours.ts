import { type Carrier, type CarrierContract, type CarrierService, carrierContract } from '../../src/modules/carrier/contract.ts'
import { type CustomerContract, customerContract } from '../../src/modules/customer/contract.ts'
import { parcelInput } from '../../src/modules/pricing/engine/parcel.fixture.ts'
import { priceShipment } from '../../src/modules/pricing/engine/price-shipment.ts'
import type { Exchange } from '../../src/platform/exchange.ts'
import type { Log } from '../../src/platform/logging.ts'
import type { ModuleName } from '../../src/platform/module-table.ts'

/** The neighbours of pricing without databases: what remains of a quote is the engine and the three calls it makes. */

export interface Neighbours {
  customers: Pick<CustomerContract, 'getPricingProfile'>
  carriers: Pick<CarrierContract, 'getCarriers' | 'listServices'>
}

const absent = async (): Promise<never> => {
  throw new Error('this is not asked in a quote')
}
const at = '2025-01-01T00:00:00.000Z'

const customers: CustomerContract = {
  getCustomer: absent,
  getCustomers: absent,
  getCustomerByUser: absent,
  getCustomersOfUser: absent,
  getPricingProfile: async ({ id }) => ({
    id,
    accountNumber: 'C-000007',
    status: 'active',
    tier: 'B',
    defaultCurrency: 'USD',
    timezone: 'America/New_York',
    version: 4,
  }),
}

const carriers: CarrierContract = {
  getCarrier: absent,
  getCarriers: async ({ ids }) => ids.map(carrier),
  listServices: async ({ carrierIds }) => carrierIds.flatMap((carrierId) => [service(carrierId, 'GND'), service(carrierId, 'AIR')]),
}

/** Wired by hand, with nothing in between. */
export const byHand: Neighbours = { customers, carriers }

/** What a process with these modules offers to others. */
export function lendOut(exchange: Exchange, hosted: readonly ModuleName[]) {
  return {
    customers: exchange.offer(customerContract, hosted.includes('customer') ? customers : undefined),
    carriers: exchange.offer(carrierContract, hosted.includes('carrier') ? carriers : undefined),
  }
}

/** Both contracts as pricing gets them in a process with these modules, and the rest elsewhere. */
export function lendToPricing(exchange: Exchange, hosted: readonly ModuleName[]): Neighbours {
  const lent = lendOut(exchange, hosted)
  return { customers: lent.customers.to('pricing'), carriers: lent.carriers.to('pricing') }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, request() {}, flush() {}, child: () => silentLog }

const fixture = parcelInput()

/** As pricing does it: who it is for, then those who could carry it, then the engine. */
export async function quote({ customers, carriers }: Neighbours): Promise<unknown> {
  const profile = await customers.getPricingProfile({ id: 7 })
  if (!profile) throw new Error('the customer of the benchmark is not there')
  const [found, services] = await Promise.all([carriers.getCarriers({ ids: [3] }), carriers.listServices({ carrierIds: [3] })])
  const byCarrier = Map.groupBy(services, ({ carrierId }) => carrierId)
  return priceShipment({
    ...fixture,
    customer: { id: profile.id, status: profile.status, tier: profile.tier },
    carriers: found.map(({ id, code, scac, status }) => ({ id, code, scac, status, services: byCarrier.get(id) ?? [] })),
  })
}

function carrier(id: number): Carrier {
  return {
    id,
    code: 'fast',
    scac: 'FAST',
    name: 'Fast Freight',
    modes: ['parcel', 'air'],
    countries: ['US'],
    currency: 'USD',
    timezone: 'America/New_York',
    status: 'active',
    version: 3,
    createdAt: at,
    updatedAt: at,
    ownerId: 5,
    ownerActive: true,
    contact: { name: 'Dispatch', email: 'dispatch@example.com', phone: null },
    insuranceExpiresOn: '2027-01-01',
    externalRefs: [],
    metadata: {},
  }
}

function service(carrierId: number, code: 'GND' | 'AIR'): CarrierService {
  return {
    id: carrierId * 10 + (code === 'GND' ? 1 : 2),
    carrierId,
    code,
    name: code === 'GND' ? 'Ground' : 'Air',
    mode: code === 'GND' ? 'parcel' : 'air',
    status: 'active',
    transit: { minDays: 1, maxDays: 3 },
    guaranteed: false,
    limits: { maxWeight: null, maxLength: null, maxLengthPlusGirth: null, maxPieces: null, maxDeclaredValue: null },
    features: [],
    version: 1,
    createdAt: at,
    updatedAt: at,
  }
}
