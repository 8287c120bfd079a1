import { defineError } from '#platform/errors.ts'

export const AccessTokenInvalid = defineError({
  code: 'ACCESS_TOKEN_INVALID',
  status: 401,
  sentence: 'This access token was not issued here, or is not an access token. Log in or refresh to get one.',
})
export const AccessTokenExpired = defineError({
  code: 'ACCESS_TOKEN_EXPIRED',
  status: 401,
  sentence: 'The access token has expired. Get another one with the refresh token.',
})
export const SessionRevoked = defineError({
  code: 'SESSION_REVOKED',
  status: 401,
  sentence: 'This session has ended. Log in again.',
  reason: 'Somebody logged out, an operator ended the session, or the account is no longer active.',
})
export const SessionExpired = defineError({
  code: 'SESSION_EXPIRED',
  status: 401,
  sentence: 'This session was not used for too long, or is too old. Log in again.',
})
export const RefreshTokenInvalid = defineError({
  code: 'REFRESH_TOKEN_INVALID',
  status: 401,
  sentence: 'This is not a refresh token of a session that exists. Log in again.',
})
export const RefreshTokenReused = defineError({
  code: 'REFRESH_TOKEN_REUSED',
  status: 401,
  sentence: 'This refresh token has been used before, so somebody else may hold it. The session has been ended: log in again.',
  reason: 'A refresh token is good for one refresh. One that comes back later than the grace time means that two parties hold it.',
  remedy: 'Log in again. If you did not send the token twice, look at your other sessions.',
})
export const InvalidCredentials = defineError({
  code: 'INVALID_CREDENTIALS',
  status: 401,
  sentence: 'The e-mail address or the password is wrong, or the account cannot log in.',
})
export const AccountSuspended = defineError({
  code: 'ACCOUNT_SUSPENDED',
  status: 403,
  sentence: 'This account is suspended. Ask the operator to reactivate it.',
})
export const RegistrationClosed = defineError({
  code: 'REGISTRATION_CLOSED',
  status: 403,
  sentence: 'Nobody can register here by themselves. Ask the operator for an account.',
})
export const TooManyAttempts = defineError({
  code: 'TOO_MANY_ATTEMPTS',
  status: 429,
  sentence: 'Too many attempts. Wait as long as Retry-After says, then try again.',
  retryable: true,
  retryAfter: 1,
})
export const PasswordTooWeak = defineError<{ reason: string }>({
  code: 'PASSWORD_TOO_WEAK',
  status: 422,
  sentence: 'This password is too easy to guess: {reason}. Choose another one.',
})
export const SessionNotFound = defineError<{ id: number }>({
  code: 'SESSION_NOT_FOUND',
  status: 404,
  sentence: 'There is no such session, or it is not yours, or it has ended.',
})
export const AuthUnavailable = defineError({
  code: 'AUTH_UNAVAILABLE',
  status: 503,
  sentence: 'It cannot be checked at the moment who you are and what you may do. Repeat the request later.',
  reason: 'The database of accounts does not answer, and this request needs it or what is remembered is too old.',
  retryable: true,
  retryAfter: 1,
})
