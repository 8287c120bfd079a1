import { defineError } from './errors.ts'

/** A server that Bulkhead needs does not do its work. Every one of them says whether a repeat makes sense and when. */

export const DependencyUnavailable = defineError<{ dependency: string; outcome?: 'unknown' }>({
  code: 'DEPENDENCY_UNAVAILABLE',
  status: 503,
  sentence: 'The dependency {dependency} does not answer. Repeat the request later.',
  reason: 'A database is down, unreachable, or lost the connection. With "outcome": "unknown" a write may or may not have been stored.',
  remedy: 'Repeat the request after the time in Retry-After. Send writes with an Idempotency-Key: a repeat then gives the first result.',
  retryable: true,
  retryAfter: 1,
})

export const Overloaded = defineError<{ dependency: string }>({
  code: 'OVERLOADED',
  status: 503,
  sentence: 'Too many requests wait for {dependency}. Repeat the request later.',
  reason: 'All connections of this part of the service are in use, or its rows are changed by too many at once.',
  remedy: 'Repeat the request after the time in Retry-After, with growing pauses.',
  retryable: true,
  retryAfter: 1,
})
