import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { FieldImmutable, TooManyDecimals } from '#platform/http-errors.ts'
import { CustomerReferenceNotFound, engineErrors, PricingRuleNotFound, TariffVersionReferenceNotFound, VersionPublished } from './errors.ts'
import { ListPricingRules, NewPricingRule, PricingRule, PricingRuleHistory, PricingRulePage, PricingRulePatch } from './rule-schemas.ts'
import type { PricingService } from './service.ts'

const tags = ['pricing']
const read = { access: { permission: 'pricing_rule:read' }, hidden: true } as const
const write = { access: { permission: 'pricing_rule:write' }, hidden: true, database: 'pricing_service_db' } as const
const contentErrors = [
  engineErrors.INVALID_RULE,
  engineErrors.INVALID_CONDITION,
  engineErrors.INVALID_DATE,
  engineErrors.INVALID_INTERVAL,
  engineErrors.OUT_OF_RANGE,
  engineErrors.UNKNOWN_CURRENCY,
  TooManyDecimals,
  VersionPublished,
] as const

/** Pricing rules: overrides, discounts, surcharges, bounds and blocks, each with conditions, scope, priority and dates. */
export const ruleRoutes =
  ({ service }: { service: PricingService }): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/pricing-rules',
      {
        schema: {
          operationId: 'listPricingRules',
          summary: 'List pricing rules',
          tags,
          querystring: ListPricingRules,
          response: answers({ 200: PricingRulePage }),
        },
        config: read,
      },
      async (request) => service.listRules(request.query),
    )

    app.post(
      '/v1/pricing-rules',
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'createPricingRule',
          summary: 'Make a pricing rule',
          tags,
          body: NewPricingRule,
          response: answers({ 201: PricingRule }),
        },
        config: {
          ...write,
          answer: created<PricingRule>(({ id }) => `/v1/pricing-rules/${id}`),
          errors: [...contentErrors, CustomerReferenceNotFound, TariffVersionReferenceNotFound],
        },
      },
      async (request) => service.createRule(request.body),
    )

    app.get(
      idPath('/v1/pricing-rules/:id'),
      {
        schema: {
          operationId: 'getPricingRule',
          summary: 'Read a pricing rule',
          tags,
          params: IdParams,
          response: answers({ 200: PricingRule }),
        },
        config: { ...read, errors: [PricingRuleNotFound] },
      },
      async (request) => service.requireRule(request.params),
    )

    app.get(
      idPath('/v1/pricing-rules/:id/history'),
      {
        schema: {
          operationId: 'getPricingRuleHistory',
          summary: 'Read every content a rule ever had',
          tags,
          params: IdParams,
          response: answers({ 200: PricingRuleHistory }),
        },
        config: { ...read, errors: [PricingRuleNotFound] },
      },
      async (request) => service.ruleHistory(request.params),
    )

    app.patch(
      idPath('/v1/pricing-rules/:id'),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'updatePricingRule',
          summary: 'Change a rule; its content before stays readable',
          tags,
          params: IdParams,
          body: PricingRulePatch,
          response: answers({ 200: PricingRule }),
        },
        config: { ...write, versioned: 'required', errors: [...contentErrors, PricingRuleNotFound, FieldImmutable] },
      },
      async (request) => service.updateRule({ id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion ?? 0 }),
    )

    app.post(
      idPath('/v1/pricing-rules/:id/enable'),
      {
        schema: {
          operationId: 'enablePricingRule',
          summary: 'Let a rule apply',
          tags,
          params: IdParams,
          response: answers({ 200: PricingRule }),
        },
        config: { ...write, versioned: 'when-sent', errors: [PricingRuleNotFound, VersionPublished] },
      },
      async (request) => service.enableRule({ id: request.params.id, expectedVersion: request.expectedVersion }),
    )

    app.post(
      idPath('/v1/pricing-rules/:id/disable'),
      {
        schema: {
          operationId: 'disablePricingRule',
          summary: 'Keep a rule from applying',
          tags,
          params: IdParams,
          response: answers({ 200: PricingRule }),
        },
        config: { ...write, versioned: 'when-sent', errors: [PricingRuleNotFound, VersionPublished] },
      },
      async (request) => service.disableRule({ id: request.params.id, expectedVersion: request.expectedVersion }),
    )
  }
