import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { FieldForbidden, FieldImmutable, InvalidTransition, TooManyDecimals } from '#platform/http-errors.ts'
import { Page } from '#platform/schemas.ts'
import { CarrierService } from './contract.ts'
import { CarrierNotFound, CarrierServiceCodeTaken, CarrierServiceNotFound, InvalidTransit } from './errors.ts'
import type { OfferedServices } from './offered-services.ts'
import { ListServices, NewService, ServiceParams, ServicePatch, StatusChange } from './schemas.ts'
import { serviceActions } from './states.ts'

const tags = ['carrier']
const database = 'carrier_service_db'
const bodyLimit = 65_536

const summaries = {
  activate: 'Offer a service',
  pause: 'Stop offering a service for a while',
  resume: 'Offer a paused service again',
  retire: 'Take a service out for ever',
}

export const serviceRoutes =
  ({ services }: { services: OfferedServices }): ModuleRoutes =>
  async (app) => {
    app.get(
      idPath('/v1/carriers/:id/services'),
      {
        schema: {
          operationId: 'listCarrierServices',
          summary: 'List the services of a carrier',
          description: 'Who may only browse sees the active ones.',
          tags,
          params: IdParams,
          querystring: ListServices,
          response: answers({ 200: Page(CarrierService) }),
        },
        config: { access: { anyOf: ['carrier:read', 'carrier:browse'] }, errors: [CarrierNotFound] },
      },
      async (request) => services.listOf(request.params.id, request.query, request.principal),
    )

    app.get(
      idPath('/v1/carriers/:id/services/:code'),
      {
        schema: {
          operationId: 'getCarrierService',
          summary: 'Read a service of a carrier',
          tags,
          params: ServiceParams,
          response: answers({ 200: CarrierService }),
        },
        config: { access: { anyOf: ['carrier:read', 'carrier:browse'] }, errors: [CarrierNotFound, CarrierServiceNotFound] },
      },
      async (request) => services.requireService({ carrierId: request.params.id, code: request.params.code }, request.principal),
    )

    app.post(
      idPath('/v1/carriers/:id/services'),
      {
        schema: {
          operationId: 'addCarrierService',
          summary: 'Add a service to a carrier, as a draft',
          tags,
          params: IdParams,
          body: NewService,
          response: answers({ 201: CarrierService }),
        },
        config: {
          access: { permission: 'carrier:update' },
          errors: [CarrierNotFound, InvalidTransition, CarrierServiceCodeTaken, InvalidTransit, TooManyDecimals],
          answer: created<CarrierService>((service) => `/v1/carriers/${service.carrierId}/services/${service.code}`),
          database,
        },
        bodyLimit,
      },
      async (request) => services.addService(request.params.id, request.body, request.principal),
    )

    app.patch(
      idPath('/v1/carriers/:id/services/:code'),
      {
        schema: {
          operationId: 'updateCarrierService',
          summary: 'Change a service of a carrier',
          tags,
          params: ServiceParams,
          body: ServicePatch,
          response: answers({ 200: CarrierService }),
        },
        config: {
          access: { permission: 'carrier:update' },
          errors: [
            CarrierNotFound,
            CarrierServiceNotFound,
            InvalidTransition,
            FieldForbidden,
            FieldImmutable,
            InvalidTransit,
            TooManyDecimals,
          ],
          versioned: 'required',
        },
        bodyLimit,
      },
      async (request) =>
        services.updateService(
          {
            carrierId: request.params.id,
            code: request.params.code,
            patch: request.body,
            expectedVersion: request.expectedVersion,
          },
          request.principal,
        ),
    )

    for (const action of serviceActions) {
      app.post(
        idPath(`/v1/carriers/:id/services/:code/${action}`),
        {
          schema: {
            operationId: `${action}CarrierService`,
            summary: summaries[action],
            tags,
            params: ServiceParams,
            body: StatusChange,
            response: answers({ 200: CarrierService }),
          },
          config: {
            access: { permission: 'carrier:operate' },
            errors: [CarrierNotFound, CarrierServiceNotFound, InvalidTransition],
            versioned: 'when-sent',
            database,
          },
          bodyLimit,
        },
        async (request) =>
          services.changeServiceStatus(
            {
              carrierId: request.params.id,
              code: request.params.code,
              action,
              reason: request.body?.reason,
              expectedVersion: request.expectedVersion,
            },
            request.principal,
          ),
      )
    }
  }
