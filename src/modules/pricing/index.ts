/**
 * pricing
 *
 * owns       tariffs with their versions and rate tables, pricing rules, quotes (database `pricing_service_db`)
 * offers     prices over HTTP; no operation to other modules yet
 * publishes  tariff.version_published, tariff.version_withdrawn, pricing_rule.changed, quote.created, quote.cancelled
 * hears      customer.status_changed (a closed customer ends its open quotes)
 */
export { type PricingEvents, pricingContract, pricingEvents } from './contract.ts'
export { createPricing, type PricingNeeds } from './module.ts'
export type { PricingService } from './service.ts'
