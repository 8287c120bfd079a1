import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { createCatalogue } from './catalogue.ts'
import type { PricingEvents } from './contract.ts'
import type { Carriers, Customers } from './neighbours.ts'
import { createQuotes } from './quotes.ts'
import type { PricingRepository } from './repository.ts'
import { createRules } from './rules.ts'
import { createTariffs } from './tariffs.ts'

interface ServiceNeeds {
  repository: PricingRepository
  customers: Customers
  carriers: Carriers
  publish: Publisher<PricingEvents, PricingTx>
}

/** The three parts of pricing over one catalogue: a change of a tariff or a rule is seen by the next quote of this process. */
export function createPricingService({ repository, customers, carriers, publish }: ServiceNeeds) {
  const catalogue = createCatalogue(repository)
  const pricesChanged = catalogue.forget
  return {
    ...createTariffs({
      repository: repository.tariffs,
      rules: repository.rules,
      quotes: repository.quotes,
      carriers,
      customers,
      publish,
      pricesChanged,
    }),
    ...createRules({ repository: repository.rules, tariffs: repository.tariffs, customers, publish, pricesChanged }),
    ...createQuotes({ repository: repository.quotes, catalogue, customers, carriers, publish }),
  }
}
export type PricingService = ReturnType<typeof createPricingService>
