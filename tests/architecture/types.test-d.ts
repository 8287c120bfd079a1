import type { Cache } from '#platform/cache.ts'
import type { CarrierTx, Connection, CustomerTx, PricingTx, SharedUserTx } from '#platform/databases.ts'
import type { Publisher, Subscriptions } from '#platform/events.ts'
import { createCarrier } from '../../src/modules/carrier/index.ts'
import { type CustomerEvents, type CustomerNeeds, createCustomer } from '../../src/modules/customer/index.ts'
import { createPricing } from '../../src/modules/pricing/index.ts'
import { createUser, type UserEvents, type UserNeeds } from '../../src/modules/user/index.ts'

/**
 * The wall of types, checked by the compiler alone: each line under an `@ts-expect-error` must be refused, and the run fails
 * when one of them is accepted. What runs on these types is tested where it lives.
 */

declare const shared: Connection<'shared_user_db'>
declare const customer: Connection<'customer_service_db'>
declare const carrier: Connection<'carrier_service_db'>
declare const pricing: Connection<'pricing_service_db'>
declare const sharedTx: SharedUserTx
declare const customerTx: CustomerTx
declare const carrierTx: CarrierTx
declare const pricingTx: PricingTx
declare const cache: Cache
declare const say: Publisher<CustomerEvents, CustomerTx>
declare const userNeeds: UserNeeds
declare const customerNeeds: CustomerNeeds
declare const carrierNeeds: Parameters<typeof createCarrier>[0]
declare const pricingNeeds: Parameters<typeof createPricing>[0]

export function connections() {
  createUser({ ...userNeeds, connection: shared })
  createCustomer({ ...customerNeeds, connection: customer, cache })
  createCarrier({ ...carrierNeeds, connection: carrier })
  createPricing({ ...pricingNeeds, connection: pricing })

  // @ts-expect-error user works in the shared database
  createUser({ ...userNeeds, connection: customer })
  // @ts-expect-error the shared database belongs to auth and user
  createCustomer({ ...customerNeeds, connection: shared })
  // @ts-expect-error the carrier database on the same server is still another database
  createCustomer({ ...customerNeeds, connection: carrier })
  // @ts-expect-error customer's database is not carrier's
  createCarrier({ ...carrierNeeds, connection: customer })
  // @ts-expect-error pricing asks customer, it does not read its database
  createPricing({ ...pricingNeeds, connection: customer })
}

export function transactions() {
  // @ts-expect-error a transaction of another database
  const other: CustomerTx = sharedTx
  // @ts-expect-error nor the other way round
  const back: SharedUserTx = customerTx
  // @ts-expect-error a connection is no transaction: outside one nothing may be published
  const open: CustomerTx = customer
  return [other, back, open]
}

export async function publishing() {
  const created: CustomerEvents['customer.created'] = JSON.parse('{}')
  await say(customerTx, 'customer.created', 1, created)

  // @ts-expect-error there is no way to publish without a transaction
  await say('customer.created', 1, created)
  // @ts-expect-error another database's transaction
  await say(pricingTx, 'customer.created', 1, created)
  // @ts-expect-error another database's transaction, on the same server or not
  await say(carrierTx, 'customer.created', 1, created)
  // @ts-expect-error a neighbour's event is the neighbour's to publish
  await say(customerTx, 'user.created', 1, created)
  // @ts-expect-error an event nobody declared
  await say(customerTx, 'customer.renamed', 1, created)
  // @ts-expect-error a fact without its data
  await say(customerTx, 'customer.created', 1, {})
}

export function needs() {
  // @ts-expect-error a publisher of another module's events
  createCustomer({ ...customerNeeds, publish: userNeeds.publish })
  // @ts-expect-error a neighbour must offer what is asked of it
  createCustomer({ ...customerNeeds, users: {} })
  const { subscriptions } = createCustomer(customerNeeds)
  const heard: Subscriptions<UserEvents, CustomerTx> = subscriptions
  // @ts-expect-error what customer hears takes effect in customer's database
  const elsewhere: Subscriptions<UserEvents, CarrierTx> = subscriptions
  return [heard, elsewhere]
}
