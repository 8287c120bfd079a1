import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { FieldImmutable } from '#platform/http-errors.ts'
import {
  CarrierReferenceNotFound,
  CustomerReferenceNotFound,
  engineErrors,
  InvalidTariff,
  TariffCodeTaken,
  TariffNotFound,
} from './errors.ts'
import type { PricingService } from './service.ts'
import { ListTariffs, NewTariff, Tariff, TariffPage, TariffPatch } from './tariff-schemas.ts'

const database = 'pricing_service_db'
const tags = ['pricing']

const read = { access: { permission: 'tariff:read' }, hidden: true } as const
const draft = { access: { permission: 'tariff:draft' }, hidden: true, database } as const

/** Tariffs. Customers see prices through quotes only: for them these routes do not exist. */
export const tariffRoutes =
  ({ service }: { service: PricingService }): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/tariffs',
      {
        schema: {
          operationId: 'listTariffs',
          summary: 'List tariffs',
          tags,
          querystring: ListTariffs,
          response: answers({ 200: TariffPage }),
        },
        config: read,
      },
      async (request) => service.listTariffs(request.query),
    )

    app.post(
      '/v1/tariffs',
      {
        bodyLimit: 65_536,
        schema: { operationId: 'createTariff', summary: 'Make a tariff', tags, body: NewTariff, response: answers({ 201: Tariff }) },
        config: {
          ...draft,
          answer: created<Tariff>(({ id }) => `/v1/tariffs/${id}`),
          errors: [
            TariffCodeTaken,
            InvalidTariff,
            CarrierReferenceNotFound,
            CustomerReferenceNotFound,
            engineErrors.UNKNOWN_CURRENCY,
            engineErrors.INVALID_TIMEZONE,
            engineErrors.UNKNOWN_SERVICE,
          ],
        },
      },
      async (request) => service.createTariff(request.body),
    )

    app.get(
      idPath('/v1/tariffs/:id'),
      {
        schema: { operationId: 'getTariff', summary: 'Read a tariff', tags, params: IdParams, response: answers({ 200: Tariff }) },
        config: { ...read, errors: [TariffNotFound] },
      },
      async (request) => service.requireTariff(request.params),
    )

    app.patch(
      idPath('/v1/tariffs/:id'),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'updateTariff',
          summary: 'Change a tariff',
          tags,
          params: IdParams,
          body: TariffPatch,
          response: answers({ 200: Tariff }),
        },
        config: { ...draft, versioned: 'required', errors: [TariffNotFound, FieldImmutable, engineErrors.UNKNOWN_SERVICE] },
      },
      async (request) =>
        service.updateTariff({ id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion ?? 0 }),
    )
  }
