import { ExternalRefRepeated, ExternalRefTaken } from '#platform/external-refs.ts'
import { answers, created, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { FieldForbidden, FieldImmutable, InvalidTransition, ReasonRequired } from '#platform/http-errors.ts'
import { MetadataFull } from '#platform/metadata.ts'
import { Page } from '#platform/schemas.ts'
import { Customer } from './contract.ts'
import {
  AccountNumberReserved,
  AccountNumberTaken,
  CustomerExists,
  CustomerIncomplete,
  CustomerNotFound,
  UserReferenceNotFound,
} from './errors.ts'
import { CustomerPatch, ListCustomers, NewCustomer, StatusChange } from './schemas.ts'
import type { CustomerService } from './service.ts'
import { actionRules, customerActions } from './states.ts'

const tags = ['customer']
const database = 'customer_service_db'
const bodyLimit = 65_536

const summaries = {
  activate: 'Let a pending customer trade',
  suspend: 'Stop a customer from trading for a while',
  reactivate: 'Let a suspended customer trade again',
  close: 'End the relation with a customer',
  reopen: 'Take a closed customer back',
} as const

export const customerRoutes =
  ({ service }: { service: CustomerService }): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/customers',
      {
        schema: {
          operationId: 'listCustomers',
          summary: 'List customers',
          tags,
          querystring: ListCustomers,
          response: answers({ 200: Page(Customer) }),
        },
        config: { access: { permission: 'customer:read' } },
      },
      async (request) => service.listCustomers(request.query, request.principal),
    )

    app.get(
      idPath('/v1/customers/:id'),
      {
        schema: { operationId: 'getCustomer', summary: 'Read a customer', tags, params: IdParams, response: answers({ 200: Customer }) },
        config: { access: { permission: 'customer:read' }, errors: [CustomerNotFound] },
      },
      async (request) => service.requireCustomer({ id: request.params.id }, request.principal),
    )

    app.post(
      '/v1/customers',
      {
        schema: {
          operationId: 'createCustomer',
          summary: 'Make the customer profile of a user',
          tags,
          body: NewCustomer,
          response: answers({ 201: Customer }),
        },
        config: {
          access: { permission: 'customer:create' },
          errors: [CustomerExists, UserReferenceNotFound, AccountNumberTaken, AccountNumberReserved, ExternalRefTaken, ExternalRefRepeated],
          answer: created<Customer>((customer) => `/v1/customers/${customer.id}`),
          database,
        },
        bodyLimit,
      },
      async (request) => service.createCustomer(request.body),
    )

    app.patch(
      idPath('/v1/customers/:id'),
      {
        schema: {
          operationId: 'updateCustomer',
          summary: 'Change a customer',
          description: 'Customers themselves may write companyName, legalName and invoiceEmail.',
          tags,
          params: IdParams,
          body: CustomerPatch,
          response: answers({ 200: Customer }),
        },
        config: {
          access: { permission: 'customer:update' },
          errors: [
            CustomerNotFound,
            FieldForbidden,
            FieldImmutable,
            UserReferenceNotFound,
            AccountNumberTaken,
            AccountNumberReserved,
            ExternalRefTaken,
            ExternalRefRepeated,
            MetadataFull,
          ],
          versioned: 'required',
        },
        bodyLimit,
      },
      async (request) =>
        service.updateCustomer({ id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion }, request.principal),
    )

    for (const action of customerActions) {
      const { permission, needsReason, needsCompleteProfile } = actionRules[action]
      app.post(
        idPath(`/v1/customers/:id/${action}`),
        {
          schema: {
            operationId: `${action}Customer`,
            summary: summaries[action],
            tags,
            params: IdParams,
            body: StatusChange,
            response: answers({ 200: Customer }),
          },
          config: {
            access: { permission },
            errors: [
              CustomerNotFound,
              InvalidTransition,
              ...(needsReason ? [ReasonRequired] : []),
              ...(needsCompleteProfile ? [CustomerIncomplete] : []),
            ],
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
  }
