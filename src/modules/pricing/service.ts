import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { createCatalogue } from './catalogue.ts'
import type { PricingEvents } from './contract.ts'
import type { Carriers, Customers } from './neighbours.ts'
import { createPricings } from './pricings.ts'
import { createPublishing } from './publishing.ts'
import { createQuotes } from './quotes.ts'
import type { PricingRepository } from './repository.ts'
import { createRuleRecords } from './rule-records.ts'
import { createRules } from './rules.ts'
import { createTariffs } from './tariffs.ts'
import { createVersions } from './versions.ts'

interface ServiceNeeds {
  repository: PricingRepository
  customers: Customers
  carriers: Carriers
  publish: Publisher<PricingEvents, PricingTx>
}

/** The parts of pricing over one catalogue: a change of a tariff or a rule is seen by the next quote of this process. */
export function createPricingService({ repository, customers, carriers, publish }: ServiceNeeds) {
  const catalogue = createCatalogue(repository)
  const pricesChanged = catalogue.forget
  const pricings = createPricings({ catalogue, customers, carriers })
  const ruleRecords = createRuleRecords(repository, publish)
  return {
    ...createTariffs({ repository, carriers, customers, pricesChanged }),
    ...createVersions({ repository, ruleRecords }),
    ...createPublishing({ repository, carriers, publish, pricesChanged }),
    ...createRules({ repository, records: ruleRecords, customers, pricesChanged }),
    ...createQuotes({ repository: repository.quotes, pricings, publish }),
  }
}
export type PricingService = ReturnType<typeof createPricingService>
