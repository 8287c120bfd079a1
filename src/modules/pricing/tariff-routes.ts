import Type from 'typebox'
import { answers, created, IdParams, idPath, type ModuleRoutes, NoContent } from '#platform/http.ts'
import { FieldImmutable, InvalidTransition, ReasonRequired, TooManyDecimals } from '#platform/http-errors.ts'
import { Id } from '#platform/schemas.ts'
import {
  BackdateReasonRequired,
  CarrierReferenceNotFound,
  CustomerReferenceNotFound,
  engineErrors,
  InvalidTariff,
  OverlappingVersions,
  TariffCodeTaken,
  TariffNotFound,
  TariffVersionNotFound,
  VersionNotPublishable,
  VersionPublished,
} from './errors.ts'
import {
  LintReport,
  ListTariffs,
  ListTariffVersions,
  NewTariff,
  NewTariffVersion,
  PublishedVersion,
  PublishRequest,
  RateTables,
  ReasonBody,
  Tariff,
  TariffPage,
  TariffPatch,
  TariffVersion,
  TariffVersionPage,
  TariffVersionPatch,
} from './schemas.ts'
import type { PricingService } from './service.ts'

const database = 'pricing_service_db'
const tags = ['pricing']
const VersionParams = Type.Object({ id: Id, number: Type.Integer({ minimum: 1, maximum: 1_000_000 }) }, { additionalProperties: false })
const StoredRates = Type.Object({ ...RateTables.properties, version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false })
/** A version is addressed by its number inside the tariff, without leading zeros. */
const versionPath = (rest = ''): string => idPath(`/v1/tariffs/:id/versions/:number(^[1-9]\\d{0,5}$)${rest}`)

const read = { access: { permission: 'tariff:read' }, hidden: true } as const
const draft = { access: { permission: 'tariff:draft' }, hidden: true, database } as const
const versionErrors = [TariffNotFound, TariffVersionNotFound] as const

/** Tariffs, their versions and rate tables. Customers see prices through quotes only: for them these routes do not exist. */
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
          ],
        },
      },
      async (request) => service.createTariff(request.body, request.principal),
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
        config: { ...draft, versioned: 'required', errors: [TariffNotFound, FieldImmutable] },
      },
      async (request) =>
        service.updateTariff(
          { id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion ?? 0 },
          request.principal,
        ),
    )

    app.get(
      idPath('/v1/tariffs/:id/versions'),
      {
        schema: {
          operationId: 'listTariffVersions',
          summary: 'List the versions of a tariff',
          tags,
          params: IdParams,
          querystring: ListTariffVersions,
          response: answers({ 200: TariffVersionPage }),
        },
        config: { ...read, errors: [TariffNotFound] },
      },
      async (request) => service.listVersions({ tariffId: request.params.id, ...request.query }),
    )

    app.post(
      idPath('/v1/tariffs/:id/versions'),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'createTariffVersion',
          summary: 'Make a draft version, empty or based on another',
          tags,
          params: IdParams,
          body: NewTariffVersion,
          response: answers({ 201: TariffVersion }),
        },
        config: {
          ...draft,
          answer: created<TariffVersion>(({ tariffId, number }) => `/v1/tariffs/${tariffId}/versions/${number}`),
          errors: [...versionErrors, TooManyDecimals, engineErrors.INVALID_DECIMAL],
        },
      },
      async (request) => service.createVersion({ tariffId: request.params.id, ...request.body }, request.principal),
    )

    app.get(
      versionPath(),
      {
        schema: {
          operationId: 'getTariffVersion',
          summary: 'Read a version',
          tags,
          params: VersionParams,
          response: answers({ 200: TariffVersion }),
        },
        config: { ...read, errors: [...versionErrors] },
      },
      async (request) => service.requireVersion(address(request.params)),
    )

    app.patch(
      versionPath(),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'updateTariffVersion',
          summary: 'Change a draft version',
          tags,
          params: VersionParams,
          body: TariffVersionPatch,
          response: answers({ 200: TariffVersion }),
        },
        config: { ...draft, versioned: 'required', errors: [...versionErrors, VersionPublished, TooManyDecimals] },
      },
      async (request) =>
        service.updateVersion(
          { ...address(request.params), patch: request.body, expectedVersion: request.expectedVersion ?? 0 },
          request.principal,
        ),
    )

    app.delete(
      versionPath(),
      {
        schema: {
          operationId: 'deleteTariffVersion',
          summary: 'Delete a draft version',
          tags,
          params: VersionParams,
          response: answers({ 204: NoContent }),
        },
        config: { ...draft, versioned: 'required', errors: [...versionErrors, VersionPublished] },
      },
      async (request) =>
        service.deleteVersion({ ...address(request.params), expectedVersion: request.expectedVersion ?? 0 }, request.principal),
    )

    app.get(
      versionPath('/rates'),
      {
        schema: {
          operationId: 'getRateTables',
          summary: 'Read the rate tables of a version',
          tags,
          params: VersionParams,
          response: answers({ 200: StoredRates }),
        },
        config: { ...read, errors: [...versionErrors] },
      },
      async (request) => service.getRateTables(address(request.params)),
    )

    app.put(
      versionPath('/rates'),
      {
        bodyLimit: 5_242_880,
        schema: {
          operationId: 'replaceRateTables',
          summary: 'Replace the rate tables of a draft as a whole',
          tags,
          params: VersionParams,
          body: RateTables,
          response: answers({ 200: StoredRates }),
        },
        config: {
          ...draft,
          versioned: 'required',
          errors: [...versionErrors, VersionPublished, TooManyDecimals, engineErrors.INVALID_TABLE, engineErrors.OUT_OF_RANGE],
        },
      },
      async (request) =>
        service.replaceRates(
          { ...address(request.params), tables: request.body.tables, expectedVersion: request.expectedVersion ?? 0 },
          request.principal,
        ),
    )

    app.post(
      versionPath('/validate'),
      {
        schema: {
          operationId: 'validateTariffVersion',
          summary: 'Check a version as publishing would',
          tags,
          params: VersionParams,
          response: answers({ 200: LintReport }),
        },
        config: { access: { permission: 'tariff:draft' }, hidden: true, idempotency: 'none', errors: [...versionErrors] },
      },
      async (request) => service.validateVersion(address(request.params)),
    )

    app.post(
      versionPath('/publish'),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'publishTariffVersion',
          summary: 'Put a draft in force; from then on it never changes',
          tags,
          params: VersionParams,
          body: PublishRequest,
          response: answers({ 200: PublishedVersion }),
        },
        config: {
          access: { permission: 'tariff:publish' },
          hidden: true,
          database,
          versioned: 'when-sent',
          errors: [
            ...versionErrors,
            VersionPublished,
            OverlappingVersions,
            VersionNotPublishable,
            BackdateReasonRequired,
            ReasonRequired,
            InvalidTransition,
          ],
        },
      },
      async (request) =>
        service.publishVersion(
          { ...address(request.params), ...request.body, expectedVersion: request.expectedVersion },
          request.principal,
        ),
    )

    app.post(
      versionPath('/withdraw'),
      {
        bodyLimit: 65_536,
        schema: {
          operationId: 'withdrawTariffVersion',
          summary: 'Take a published version out for new prices; stored quotes stay',
          tags,
          params: VersionParams,
          body: ReasonBody,
          response: answers({ 200: TariffVersion }),
        },
        config: {
          access: { permission: 'tariff:withdraw' },
          hidden: true,
          database,
          versioned: 'when-sent',
          errors: [...versionErrors, ReasonRequired, InvalidTransition],
        },
      },
      async (request) =>
        service.withdrawVersion(
          { ...address(request.params), ...request.body, expectedVersion: request.expectedVersion },
          request.principal,
        ),
    )
  }

const address = ({ id, number }: { id: number; number: number }) => ({ tariffId: id, number })
