import type { Cache } from '#platform/cache.ts'
import type { CarrierTx, Connection } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { ModuleRoutes } from '#platform/http.ts'
import type { UserContract } from '../user/index.ts'
import { withCache } from './cache.ts'
import type { CarrierEvents } from './contract.ts'
import { createOfferedServices } from './offered-services.ts'
import { createCarrierOwners } from './owners.ts'
import { createCarrierRecords } from './records.ts'
import { createCarrierRepository } from './repository.ts'
import { carrierRoutes } from './routes.ts'
import { createCarrierService } from './service.ts'
import { createServiceRepository } from './service-repository.ts'
import { serviceRoutes } from './service-routes.ts'
import { carrierSubscriptions } from './subscriptions.ts'

export interface CarrierNeeds {
  connection: Connection<'carrier_service_db'>
  cache: Pick<Cache, 'versioned'>
  publish: Publisher<CarrierEvents, CarrierTx>
  users: Pick<UserContract, 'getUser'>
  /** Milliseconds since 1970; decides from when on an insurance has run out. */
  now?: () => number
}

export function createCarrier({ connection, cache, publish, users, now = Date.now }: CarrierNeeds) {
  const { carriers, services } = withCache(cache, {
    carriers: createCarrierRepository(connection),
    services: createServiceRepository(connection),
  })
  const records = createCarrierRecords({ carriers, services, publish })
  const offered = createOfferedServices({ carriers, services, records, now })
  const service = createCarrierService({ carriers, services: offered, records, users, now })
  const owners = createCarrierOwners({ carriers, records })

  const plugin: ModuleRoutes = async (app) => {
    await app.register(carrierRoutes({ service }))
    await app.register(serviceRoutes({ services: offered }))
  }
  return { service, plugin, subscriptions: carrierSubscriptions({ owners }) }
}
