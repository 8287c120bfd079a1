import type { ModuleRoutes } from '#platform/http.ts'
import { quoteRoutes } from './quote-routes.ts'
import { ruleRoutes } from './rule-routes.ts'
import type { PricingService } from './service.ts'
import { tariffRoutes } from './tariff-routes.ts'
import { versionRoutes } from './version-routes.ts'

export const pricingRoutes =
  ({ service }: { service: PricingService }): ModuleRoutes =>
  async (app) => {
    await app.register(tariffRoutes({ service }))
    await app.register(versionRoutes({ service }))
    await app.register(ruleRoutes({ service }))
    await app.register(quoteRoutes({ service }))
  }
