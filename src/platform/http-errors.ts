import { defineError } from './errors.ts'

/**
 * The errors of the surface itself: what the platform answers before, around and instead of a module. Modules throw the ones
 * that are theirs to throw (`FieldImmutable`, `InvalidTransition`, `ReasonRequired`, `VersionMismatch` …) and declare the rest
 * in their own `errors.ts`.
 */

// 400: the request could not be read
export const MalformedJson = defineError({
  code: 'MALFORMED_JSON',
  status: 400,
  sentence: 'The body is not valid JSON. Send one JSON value in UTF-8.',
})
export const MalformedUrl = defineError({
  code: 'MALFORMED_URL',
  status: 400,
  sentence: 'The address cannot be decoded. Percent-encode it as UTF-8.',
})
export const MalformedRequest = defineError({
  code: 'MALFORMED_REQUEST',
  status: 400,
  sentence: 'The request is not valid HTTP/1.1. Send it with a client that is.',
})
export const HeaderInvalid = defineError<{ header: string; expected: string }>({
  code: 'HEADER_INVALID',
  status: 400,
  sentence: 'The header {header} cannot be used. Send {expected}.',
})

// 400: the request was read and refused by its schema
export const ValidationFailed = defineError<{ count: number }>({
  code: 'VALIDATION_FAILED',
  status: 400,
  sentence: 'The request does not fit its description in {count} place(s). The member errors lists each; mend them and send it again.',
})
export const CursorInvalid = defineError({
  code: 'CURSOR_INVALID',
  status: 400,
  sentence: 'The cursor does not belong to this list with these filters and this sort. Begin again without a cursor.',
  reason: 'A cursor was changed, cut, or used with another filter, sort or list than the one that gave it.',
})
export const IdempotencyKeyRequired = defineError<{ line: string }>({
  code: 'IDEMPOTENCY_KEY_REQUIRED',
  status: 400,
  sentence: 'This operation needs an Idempotency-Key. Add the line "{line}" with a key of your own.',
})
export const IdempotencyKeyInvalid = defineError({
  code: 'IDEMPOTENCY_KEY_INVALID',
  status: 400,
  sentence: 'The Idempotency-Key is not 1 to 255 printable ASCII characters. Send a UUID, for example.',
})

// 401, 403
export const Unauthenticated = defineError({
  code: 'UNAUTHENTICATED',
  status: 401,
  sentence: 'Nobody is logged in. Send an access token in the header Authorization: Bearer.',
})
export const Forbidden = defineError<{ permission: string }>({
  code: 'FORBIDDEN',
  status: 403,
  sentence: 'This needs the permission {permission}. Ask an administrator for a role that holds it.',
})
export const FieldForbidden = defineError<{ path: string }>({
  code: 'FIELD_FORBIDDEN',
  status: 403,
  sentence: 'You may not write {path}. Leave it out.',
})
export const ApiKeyNotAllowed = defineError({
  code: 'API_KEY_NOT_ALLOWED',
  status: 403,
  sentence: 'This operation is for people, not for API keys. Log in and use an access token.',
})
export const OriginRefused = defineError({
  code: 'ORIGIN_REFUSED',
  status: 403,
  sentence: 'This operation is not open to the page it was called from. Call it from a page of the allowed origins.',
})

// 404, 405, 406, 408
export const RouteNotFound = defineError({
  code: 'ROUTE_NOT_FOUND',
  status: 404,
  sentence: 'There is nothing at this address. Compare it with /openapi.json.',
})
export const ModuleNotHosted = defineError<{ module: string }>({
  code: 'MODULE_NOT_HOSTED',
  status: 421,
  sentence: 'The module {module} is hosted by another process. Send the request through the router in front of them.',
  reason: 'Modules run in several processes, and this request reached one that does not host the module of the address.',
  remedy: 'Route the addresses of each module to the processes that host it; clients use the address of the router.',
})
export const MethodNotAllowed = defineError<{ method: string; allow: string }>({
  code: 'METHOD_NOT_ALLOWED',
  status: 405,
  sentence: 'This address does not answer to {method}. Use {allow}.',
})
export const NotAcceptable = defineError<{ offered: string }>({
  code: 'NOT_ACCEPTABLE',
  status: 406,
  sentence: 'None of the accepted media types can be sent. Accept {offered}.',
})
export const RequestTimeout = defineError({
  code: 'REQUEST_TIMEOUT',
  status: 408,
  sentence: 'The request did not arrive in time. Send it again over a faster connection.',
})

// 409, 412, 413, 414, 415, 428, 431
export const InvalidTransition = defineError<{ from: string; action: string; blockedBy?: string }>({
  code: 'INVALID_TRANSITION',
  status: 409,
  sentence: 'The action {action} is not possible in the state {from}. Read the resource and choose an action its state allows.',
})
export const IdempotencyInProgress = defineError({
  code: 'IDEMPOTENCY_IN_PROGRESS',
  status: 409,
  sentence: 'A request with this Idempotency-Key is still at work. Repeat it after the time in Retry-After.',
  retryable: true,
  retryAfter: 1,
})
export const VersionMismatch = defineError<{ current: number }>({
  code: 'VERSION_MISMATCH',
  status: 412,
  sentence: 'The resource has changed since you read it; it is at version {current}. Read it again and repeat the change on that version.',
})
export const BodyTooLarge = defineError<{ limit: number }>({
  code: 'BODY_TOO_LARGE',
  status: 413,
  sentence: 'The body is larger than the {limit} bytes this operation takes. Send less at once.',
})
export const UrlTooLong = defineError({
  code: 'URL_TOO_LONG',
  status: 414,
  sentence: 'The address is longer than 4096 characters. Send fewer or shorter parameters.',
})
export const UnsupportedMediaType = defineError({
  code: 'UNSUPPORTED_MEDIA_TYPE',
  status: 415,
  sentence: 'The body has a media type this operation does not read. Send application/json.',
})
export const IfMatchRequired = defineError({
  code: 'IF_MATCH_REQUIRED',
  status: 428,
  sentence: 'A change of this resource needs the header If-Match. Send the ETag you read it with.',
})
export const HeadersTooLarge = defineError({
  code: 'HEADERS_TOO_LARGE',
  status: 431,
  sentence: 'The headers are larger than 16 KiB. Send fewer or shorter ones.',
})

// 422: fits the schema, refused by a rule every module shares
export const TooManyDecimals = defineError<{ path: string; currency: string; digits: number }>({
  code: 'TOO_MANY_DECIMALS',
  status: 422,
  sentence: 'The amount at {path} has more decimals than {currency} knows. Send at most {digits}.',
})
export const FieldImmutable = defineError<{ path: string }>({
  code: 'FIELD_IMMUTABLE',
  status: 422,
  sentence: 'The member {path} is fixed once set. Leave it out, or make a new resource.',
})
export const ReasonRequired = defineError<{ action: string }>({
  code: 'REASON_REQUIRED',
  status: 422,
  sentence: 'The action {action} needs a reason. Send it in the member reason.',
})
export const IdempotencyKeyReused = defineError({
  code: 'IDEMPOTENCY_KEY_REUSED',
  status: 422,
  sentence: 'This Idempotency-Key was used with another body. Use a new key for another request.',
})

// 429, 500, 503
export const RateLimited = defineError<{ limit: number }>({
  code: 'RATE_LIMITED',
  status: 429,
  sentence: 'More than {limit} requests in a minute. Go on after the time in Retry-After.',
  retryable: true,
  retryAfter: 60,
})
export const Internal = defineError({
  code: 'INTERNAL',
  status: 500,
  sentence: 'Something went wrong in the service. Report the request id if it happens again.',
  reason: 'A fault of the service itself. Its log holds the details under the request id.',
})
export const ShuttingDown = defineError({
  code: 'SHUTTING_DOWN',
  status: 503,
  sentence: 'This process is going down. Send the request again, it will reach another one.',
  retryable: true,
  retryAfter: 1,
})
