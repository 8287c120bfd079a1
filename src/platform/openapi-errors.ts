import { DeadlineExceeded } from './contracts.ts'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'
import { declaredErrors, type ErrorDeclaration, type ErrorType } from './errors.ts'
import * as surface from './http-errors.ts'
import { isSchema } from './http-validation.ts'
import type { DeclaredRoute } from './route-policy.ts'

/** What a route can refuse with: what it declares, and what the platform refuses in front of it. */
export function errorsOf({ method, options }: DeclaredRoute): Readonly<ErrorDeclaration>[] {
  const { config, schema } = options
  const access = config?.access ?? 'authenticated'
  const found: (ErrorType<never> | false)[] = [
    surface.ValidationFailed,
    takesCursor(schema?.querystring) && surface.CursorInvalid,
    surface.MalformedUrl,
    surface.UrlTooLong,
    surface.HeadersTooLarge,
    surface.RateLimited,
    surface.Internal,
    Overloaded,
    DeadlineExceeded,
    config?.database !== undefined && DependencyUnavailable,
    access !== 'public' && surface.Unauthenticated,
    typeof access === 'object' && !config?.hidden && surface.Forbidden,
    (schema?.params !== undefined || config?.hidden === true) && surface.RouteNotFound,
    config?.interactive === true && surface.ApiKeyNotAllowed,
    config?.versioned !== undefined && surface.HeaderInvalid,
    config?.versioned !== undefined && surface.VersionMismatch,
    config?.versioned === 'required' && surface.IfMatchRequired,
    ...(method === 'GET' ? [] : [surface.MalformedJson, surface.BodyTooLarge, surface.UnsupportedMediaType, surface.RequestTimeout]),
    ...(method === 'POST' && config?.database !== undefined && config.idempotency !== 'none' ? keyed : []),
    config?.idempotency === 'required' && surface.IdempotencyKeyRequired,
    ...(config?.errors ?? []),
  ]
  const declared = found.flatMap((type) => (type === false ? [] : [type.declaration]))
  // What a shown token can be refused with is declared by whoever stands behind the security port.
  if (access !== 'public') declared.push(...tokenCodes.flatMap((code) => declaredErrors().get(code) ?? []))
  // One code may stand under two statuses: a noun that is missing at the address, and one missing that the body refers to.
  const unique = new Map(declared.map((declaration) => [`${declaration.code} ${declaration.status}`, declaration]))
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, declaration]) => declaration)
}

function takesCursor(query: unknown): boolean {
  return isSchema(query) && 'properties' in query && isSchema(query.properties) && 'cursor' in query.properties
}

const keyed = [surface.IdempotencyKeyInvalid, surface.IdempotencyKeyReused, surface.IdempotencyInProgress]
const tokenCodes = [
  'ACCESS_TOKEN_INVALID',
  'ACCESS_TOKEN_EXPIRED',
  'API_KEY_INVALID',
  'SESSION_REVOKED',
  'SESSION_EXPIRED',
  'AUTH_UNAVAILABLE',
]
