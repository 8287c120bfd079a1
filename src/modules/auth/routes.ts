import Type from 'typebox'
import { Overloaded } from '#platform/dependency-errors.ts'
import { passedOn } from '#platform/errors.ts'
import { answers, created, IdParams, idPath, type ModuleRoutes, NoContent } from '#platform/http.ts'
import { RateLimited } from '#platform/http-errors.ts'
import { Page } from '#platform/schemas.ts'
import {
  AccountSuspended,
  AuthUnavailable,
  InvalidCredentials,
  PasswordTooWeak,
  RefreshTokenInvalid,
  RefreshTokenReused,
  RegistrationClosed,
  SessionExpired,
  SessionNotFound,
  SessionRevoked,
  TooManyAttempts,
} from './errors.ts'
import {
  Account,
  Ended,
  JsonWebKeySet,
  Login,
  Logout,
  LogoutAll,
  Me,
  Refresh,
  Registration,
  Session,
  SessionListQuery,
  Tokens,
} from './schemas.ts'
import type { AuthService } from './service.ts'

export interface AuthRoutesNeeds {
  service: AuthService
  publicKeys: () => JsonWebKeySet
}

const tags = ['auth']
const bodyLimit = 16_384

export const authRoutes =
  ({ service, publicKeys }: AuthRoutesNeeds): ModuleRoutes =>
  async (app) => {
    app.post(
      '/v1/auth/register',
      {
        schema: { operationId: 'register', summary: 'Make an account', tags, body: Registration, response: answers({ 201: Account }) },
        config: {
          access: 'public',
          errors: [RegistrationClosed, passedOn('EMAIL_TAKEN'), PasswordTooWeak, TooManyAttempts, Overloaded],
          answer: created<Account>((user) => `/v1/users/${user.id}`),
        },
        bodyLimit,
      },
      async (request) => service.register(request.body, request.ip),
    )

    app.post(
      '/v1/auth/login',
      {
        schema: { operationId: 'logIn', summary: 'Begin a session', tags, body: Login, response: answers({ 200: Tokens }) },
        config: { access: 'public', errors: [InvalidCredentials, AccountSuspended, TooManyAttempts, Overloaded, AuthUnavailable] },
        bodyLimit,
      },
      async (request) => service.logIn(request.body, request.ip),
    )

    app.post(
      '/v1/auth/refresh',
      {
        schema: { operationId: 'refreshTokens', summary: 'Carry a session on', tags, body: Refresh, response: answers({ 200: Tokens }) },
        config: {
          access: 'public',
          errors: [RefreshTokenInvalid, RefreshTokenReused, SessionRevoked, SessionExpired, RateLimited, AuthUnavailable],
        },
        bodyLimit,
      },
      async (request) => service.refresh(request.body, request.ip),
    )

    app.post(
      '/v1/auth/logout',
      {
        schema: { operationId: 'logOut', summary: 'End a session', tags, body: Logout, response: answers({ 204: NoContent }) },
        config: { access: 'public', essential: true },
        bodyLimit,
      },
      async (request) => service.logOut({ refreshToken: request.body?.refreshToken }, request.principal),
    )

    app.post(
      '/v1/auth/logout-all',
      {
        schema: {
          operationId: 'logOutEverywhere',
          summary: 'End all of one’s sessions',
          tags,
          body: LogoutAll,
          response: answers({ 200: Ended }),
        },
        config: { access: 'authenticated', interactive: true },
        bodyLimit,
      },
      async (request) => service.logOutEverywhere({ exceptCurrent: request.body?.exceptCurrent ?? false }, request.principal),
    )

    app.get(
      '/v1/auth/me',
      {
        schema: { operationId: 'describeCaller', summary: 'Who is asking, and what they may do', tags, response: answers({ 200: Me }) },
        config: { access: 'authenticated' },
      },
      async (request) => service.describeCaller(request.principal),
    )

    app.get(
      '/v1/auth/sessions',
      {
        schema: {
          operationId: 'listSessions',
          summary: 'List one’s live sessions',
          tags,
          querystring: SessionListQuery,
          response: answers({ 200: Page(Session) }),
        },
        config: { access: { permission: 'session:read' }, interactive: true },
      },
      async (request) => service.listSessions(request.query, request.principal),
    )

    app.delete(
      idPath('/v1/auth/sessions/:id'),
      {
        schema: { operationId: 'endSession', summary: 'End one session', tags, params: IdParams, response: answers({ 204: NoContent }) },
        config: { access: { permission: 'session:revoke' }, interactive: true, errors: [SessionNotFound] },
      },
      async (request) => service.endSession({ id: request.params.id }, request.principal),
    )

    app.get(
      '/.well-known/jwks.json',
      {
        schema: {
          operationId: 'getPublicKeys',
          summary: 'The keys that verify access tokens',
          tags,
          querystring: Type.Object({}, { additionalProperties: false }),
          response: answers({ 200: JsonWebKeySet }),
        },
        config: { access: 'public' },
      },
      async (_request, reply) => {
        reply.header('cache-control', 'public, max-age=300')
        return publicKeys()
      },
    )
  }
