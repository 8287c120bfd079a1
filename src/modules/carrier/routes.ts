import { ExternalRefRepeated, ExternalRefTaken } from '#platform/external-refs.ts'
import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { FieldForbidden, FieldImmutable, InvalidTransition, ReasonRequired } from '#platform/http-errors.ts'
import { MetadataFull } from '#platform/metadata.ts'
import { Page } from '#platform/schemas.ts'
import { type Carrier, ShownCarrier } from './contract.ts'
import {
  CarrierCodeTaken,
  CarrierIncomplete,
  CarrierNotFound,
  InsuranceExpired,
  InvalidScac,
  SelfReview,
  UserReferenceNotFound,
} from './errors.ts'
import { CarrierPatch, ListCarriers, NewCarrier, OwnerTransfer, StatusChange } from './schemas.ts'
import type { CarrierService } from './service.ts'
import { carrierActions, carrierRules } from './states.ts'

const tags = ['carrier']
const database = 'carrier_service_db'
const bodyLimit = 65_536

const actions = {
  submit: { summary: 'Hand a carrier in for review', errors: [CarrierIncomplete] },
  approve: { summary: 'Let a reviewed carrier carry', errors: [SelfReview] },
  reject: { summary: 'Send a carrier back to its owner', errors: [SelfReview] },
  suspend: { summary: 'Stop a carrier for a while', errors: [] },
  reinstate: { summary: 'Let a suspended carrier carry again', errors: [InsuranceExpired] },
  retire: { summary: 'Take a carrier and its services out for ever', errors: [] },
}

export const carrierRoutes =
  ({ service }: { service: CarrierService }): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/carriers',
      {
        schema: {
          operationId: 'listCarriers',
          summary: 'List carriers',
          description: 'Who may only browse sees active carriers without owner, contact, insurance and references.',
          tags,
          querystring: ListCarriers,
          response: answers({ 200: Page(ShownCarrier) }),
        },
        config: { access: { anyOf: ['carrier:read', 'carrier:browse'] } },
      },
      async (request) => service.listCarriers(request.query, request.principal),
    )

    app.get(
      idPath('/v1/carriers/:id'),
      {
        schema: { operationId: 'getCarrier', summary: 'Read a carrier', tags, params: IdParams, response: answers({ 200: ShownCarrier }) },
        config: { access: { anyOf: ['carrier:read', 'carrier:browse'] }, errors: [CarrierNotFound] },
      },
      async (request) => service.requireCarrier({ id: request.params.id }, request.principal),
    )

    app.post(
      '/v1/carriers',
      {
        schema: {
          operationId: 'createCarrier',
          summary: 'Make a carrier, as a draft',
          tags,
          body: NewCarrier,
          response: answers({ 201: ShownCarrier }),
        },
        config: {
          access: { permission: 'carrier:create' },
          errors: [CarrierCodeTaken, UserReferenceNotFound, FieldForbidden, InvalidScac, ExternalRefTaken, ExternalRefRepeated],
          answer: created<Carrier>((carrier) => `/v1/carriers/${carrier.id}`),
          database,
        },
        bodyLimit,
      },
      async (request) => service.createCarrier(request.body, request.principal),
    )

    app.patch(
      idPath('/v1/carriers/:id'),
      {
        schema: {
          operationId: 'updateCarrier',
          summary: 'Change a carrier',
          tags,
          params: IdParams,
          body: CarrierPatch,
          response: answers({ 200: ShownCarrier }),
        },
        config: {
          access: { permission: 'carrier:update' },
          errors: [
            CarrierNotFound,
            InvalidTransition,
            FieldForbidden,
            FieldImmutable,
            InvalidScac,
            ExternalRefTaken,
            ExternalRefRepeated,
            MetadataFull,
          ],
          versioned: 'required',
        },
        bodyLimit,
      },
      async (request) =>
        service.updateCarrier({ id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion }, request.principal),
    )

    for (const action of carrierActions) {
      const { permission, needsReason } = carrierRules[action]
      const { summary, errors } = actions[action]
      app.post(
        idPath(`/v1/carriers/:id/${action}`),
        {
          schema: {
            operationId: `${action}Carrier`,
            summary,
            tags,
            params: IdParams,
            body: StatusChange,
            response: answers({ 200: ShownCarrier }),
          },
          config: {
            access: { permission },
            errors: [CarrierNotFound, InvalidTransition, ...errors, ...(needsReason ? [ReasonRequired] : [])],
            versioned: 'when-sent',
            database,
          },
          bodyLimit,
        },
        async (request) =>
          service.changeStatus(
            { id: request.params.id, action, reason: request.body?.reason, expectedVersion: request.expectedVersion },
            request.principal,
          ),
      )
    }

    app.post(
      idPath('/v1/carriers/:id/transfer-owner'),
      {
        schema: {
          operationId: 'transferCarrierOwner',
          summary: 'Give a carrier to another user',
          tags,
          params: IdParams,
          body: OwnerTransfer,
          response: answers({ 200: ShownCarrier }),
        },
        config: {
          access: { permission: 'carrier:transfer' },
          errors: [CarrierNotFound, InvalidTransition, UserReferenceNotFound],
          versioned: 'when-sent',
          database,
        },
        bodyLimit,
      },
      async (request) =>
        service.transferOwner(
          { id: request.params.id, ...request.body, reason: request.body.reason, expectedVersion: request.expectedVersion },
          request.principal,
        ),
    )
  }
