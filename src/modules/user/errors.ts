import { defineError, defineReferenceError } from '#platform/errors.ts'

export const UserNotFound = defineError<{ id: number }>({
  code: 'USER_NOT_FOUND',
  status: 404,
  sentence: 'There is no such user, or it is not yours to see.',
  remedy: 'Check the id. Users other than yourself need a permission with the scope "any".',
})
export const EmailTaken = defineError({
  code: 'EMAIL_TAKEN',
  status: 409,
  sentence: 'An account with this e-mail address exists. Log in, or use another address.',
})
export const EmailInvalid = defineError({
  code: 'EMAIL_INVALID',
  status: 422,
  sentence: 'This is not an e-mail address that can receive mail. Send one of the form name@example.com.',
})
export const LastAdmin = defineError({
  code: 'LAST_ADMIN',
  status: 409,
  sentence: 'This is the last active administrator whose grant does not expire. Make another administrator first.',
})
export const PrivilegeEscalation = defineError<{ permissions?: readonly string[] }>({
  code: 'PRIVILEGE_ESCALATION',
  status: 403,
  sentence: 'This would give or take power that you do not hold yourself. Ask an administrator to do it.',
  reason: 'Somebody grants a role with a permission they lack, or acts on an administrator without being one.',
})
export const RoleNotFound = defineError<{ id: number }>({
  code: 'ROLE_NOT_FOUND',
  status: 404,
  sentence: 'There is no such role. GET /v1/roles lists them.',
})
export const RoleReferenceNotFound = defineReferenceError('ROLE_NOT_FOUND')
export const RoleRepeated = defineError<{ name: string }>({
  code: 'ROLE_REPEATED',
  status: 422,
  sentence: 'The role {name} is named twice. It is held until one moment or for ever: name it once.',
})
