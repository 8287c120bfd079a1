import { DeadlineExceeded } from './contracts.ts'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'
import { declaredErrors, type ErrorType } from './errors.ts'
import * as surface from './http-errors.ts'
import type { DeclaredRoute } from './route-policy.ts'

/** The codes a route can answer with: what it declares, and what the platform refuses in front of it. */
export function codesOf({ method, options }: DeclaredRoute): string[] {
  const { config, schema } = options
  const access = config?.access ?? 'authenticated'
  const found: (ErrorType<never> | false)[] = [
    surface.ValidationFailed,
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
  const codes = found.flatMap((type) => (type === false ? [] : [type.code]))
  // What a shown token can be refused with is declared by whoever stands behind the security port.
  if (access !== 'public') codes.push(...tokenCodes.filter((code) => declaredErrors().has(code)))
  return [...new Set(codes)].sort()
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
