import type { Connection, PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { PricingEvents } from './contract.ts'
import type { Carriers, Customers } from './neighbours.ts'
import { createPricingRepository } from './repository.ts'
import { pricingRoutes } from './routes.ts'
import { createPricingService } from './service.ts'
import { pricingSubscriptions } from './subscriptions.ts'

export interface PricingNeeds {
  connection: Connection<'pricing_service_db'>
  publish: Publisher<PricingEvents, PricingTx>
  customers: Customers
  carriers: Carriers
}

export function createPricing({ connection, publish, customers, carriers }: PricingNeeds) {
  const repository = createPricingRepository(connection)
  const service = createPricingService({ repository, customers, carriers, publish })
  return { service, plugin: pricingRoutes({ service }), subscriptions: pricingSubscriptions({ service }) }
}
