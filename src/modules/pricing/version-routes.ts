import Type from 'typebox'
import { answers, created, IdParams, idPath, type ModuleRoutes, NoContent } from '#platform/http.ts'
import { InvalidTransition, ReasonRequired, TooManyDecimals } from '#platform/http-errors.ts'
import { Id } from '#platform/schemas.ts'
import {
  engineErrors,
  OverlappingVersions,
  TariffNotFound,
  TariffVersionNotFound,
  TariffVersionReferenceNotFound,
  VersionNotPublishable,
  VersionPublished,
} from './errors.ts'
import { RateTables, StoredRates } from './rate-schemas.ts'
import { closed, Ordinal } from './schemas.ts'
import type { PricingService } from './service.ts'
import {
  LintReport,
  ListTariffVersions,
  NewTariffVersion,
  PublishedVersion,
  PublishRequest,
  ReasonBody,
  TariffVersion,
  TariffVersionPage,
  TariffVersionPatch,
} from './version-schemas.ts'

const database = 'pricing_service_db'
const tags = ['pricing']
const VersionParams = Type.Object({ id: Id, number: Ordinal }, closed)
/** A version is addressed by its number inside the tariff, without leading zeros. */
const versionPath = (rest = ''): string => idPath(`/v1/tariffs/:id/versions/:number(^[1-9]\\d{0,5}$)${rest}`)

const read = { access: { permission: 'tariff:read' }, hidden: true } as const
const draft = { access: { permission: 'tariff:draft' }, hidden: true, database } as const
const versionErrors = [TariffNotFound, TariffVersionNotFound] as const
/** What a member of a version may be refused for when it is saved. */
const memberErrors = [
  TooManyDecimals,
  engineErrors.INVALID_DATE,
  engineErrors.INVALID_INTERVAL,
  engineErrors.INVALID_POLICY,
  engineErrors.INVALID_ROUNDING,
  engineErrors.INVALID_RULE,
  engineErrors.OUT_OF_RANGE,
] as const

/** Versions of a tariff and their rate tables, hidden from customers like the tariff itself. */
export const versionRoutes =
  ({ service }: { service: PricingService }): ModuleRoutes =>
  async (app) => {
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
          errors: [TariffNotFound, TariffVersionReferenceNotFound, ...memberErrors],
        },
      },
      async (request) => service.createVersion({ tariffId: request.params.id, ...request.body }),
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
        config: { ...draft, versioned: 'required', errors: [...versionErrors, VersionPublished, ...memberErrors] },
      },
      async (request) =>
        service.updateVersion({ ...address(request.params), patch: request.body, expectedVersion: request.expectedVersion ?? 0 }),
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
      async (request) => service.deleteVersion({ ...address(request.params), expectedVersion: request.expectedVersion ?? 0 }),
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
        service.replaceRates({ ...address(request.params), tables: request.body.tables, expectedVersion: request.expectedVersion ?? 0 }),
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
          errors: [...versionErrors, OverlappingVersions, VersionNotPublishable, ReasonRequired, InvalidTransition],
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
      async (request) => service.withdrawVersion({ ...address(request.params), ...request.body, expectedVersion: request.expectedVersion }),
    )
  }

const address = ({ id, number }: { id: number; number: number }) => ({ tariffId: id, number })
