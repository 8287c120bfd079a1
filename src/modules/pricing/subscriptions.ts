import type { PricingTx } from '#platform/databases.ts'
import { type Subscriptions, subscribe } from '#platform/events.ts'
import type { CustomerEvents } from '../customer/index.ts'
import type { Quotes } from './quotes.ts'

/**
 * What pricing hears: a closed customer ends its open quotes. Running twice changes nothing, only open quotes are cancelled; nor
 * does an event of long ago, only quotes that know the customer as it was before.
 */
export const pricingSubscriptions = ({
  service,
}: {
  service: Pick<Quotes, 'cancelOpenQuotes'>
}): Subscriptions<CustomerEvents, PricingTx> => [
  subscribe<CustomerEvents, PricingTx>('pricing.closed_customers', {
    'customer.status_changed@1': async (tx, event) => {
      const { customerId, to, reason, version } = event.data
      if (to !== 'closed') return
      await service.cancelOpenQuotes(tx, { customerId, customerVersion: version, reason: reason ?? 'the customer was closed' })
    },
  }),
]
