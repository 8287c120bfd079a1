import type { Connection } from '#platform/databases.ts'
import { createQuoteRepository } from './quote-repository.ts'
import { createRuleRepository } from './rule-repository.ts'
import { createTariffRepository } from './tariff-repository.ts'

/** The SQL of pricing, one part for each of its three nouns. */
export function createPricingRepository(connection: Connection<'pricing_service_db'>) {
  return { tariffs: createTariffRepository(connection), rules: createRuleRepository(connection), quotes: createQuoteRepository(connection) }
}
export type PricingRepository = ReturnType<typeof createPricingRepository>
