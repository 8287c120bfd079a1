import type { Cache } from '#platform/cache.ts'
import type { Connection, CustomerTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { UserContract } from '../user/index.ts'
import { withCache } from './cache.ts'
import type { CustomerEvents } from './contract.ts'
import { createCustomerProfiles } from './profiles.ts'
import { createCustomerRecords } from './records.ts'
import { createCustomerRepository } from './repository.ts'
import { customerRoutes } from './routes.ts'
import { createCustomerService } from './service.ts'
import { customerSubscriptions } from './subscriptions.ts'

export interface CustomerNeeds {
  connection: Connection<'customer_service_db'>
  cache: Pick<Cache, 'versioned'>
  publish: Publisher<CustomerEvents, CustomerTx>
  users: Pick<UserContract, 'getUser'>
}

export function createCustomer({ connection, cache, publish, users }: CustomerNeeds) {
  const repository = withCache(cache, createCustomerRepository(connection))
  const records = createCustomerRecords({ repository, publish })
  const service = createCustomerService({ repository, records, users })
  const profiles = createCustomerProfiles({ repository, records })
  return { service, plugin: customerRoutes({ service }), subscriptions: customerSubscriptions({ profiles }) }
}
