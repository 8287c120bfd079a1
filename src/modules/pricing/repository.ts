import type { Connection } from '#platform/databases.ts'
import { createQuoteRepository } from './quote-repository.ts'
import { createRateRepository } from './rate-repository.ts'
import { createRuleRepository } from './rule-repository.ts'
import { createTariffRepository } from './tariff-repository.ts'
import { createVersionRepository } from './version-repository.ts'

/** The SQL of pricing, one part for each of its nouns. */
export function createPricingRepository(connection: Connection<'pricing_service_db'>) {
  return {
    tariffs: createTariffRepository(connection),
    versions: createVersionRepository(connection),
    rates: createRateRepository(connection),
    rules: createRuleRepository(connection),
    quotes: createQuoteRepository(connection),
  }
}
export type PricingRepository = ReturnType<typeof createPricingRepository>
