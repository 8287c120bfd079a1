import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import { Id, Instant, Nullable, Page, Reason, Text } from '#platform/schemas.ts'
import { Locale, PersonName, RoleName, TimeZone, userStatuses, userTypes } from './contract.ts'

/** Bodies and answers of the routes that are not part of the contract. */

const closed = { additionalProperties: false } as const

export const UserListQuery = listQuery({
  sorts: ['createdAt', 'email', 'lastName'],
  filters: { status: commaList(userStatuses), userType: commaList(userTypes), q: Text(1, 100, 'Beginning of the e-mail address') },
})
export type UserListQuery = Static<typeof UserListQuery>

export const UserPatch = Type.Object(
  {
    firstName: Type.Optional(PersonName),
    lastName: Type.Optional(PersonName),
    locale: Type.Optional(Locale),
    timezone: Type.Optional(TimeZone),
  },
  { ...closed, examples: [{ firstName: 'Ada', timezone: 'Europe/London' }] },
)
export type UserPatch = Static<typeof UserPatch>

/** Why the state changes. Optional in the schema, so that leaving it out is answered with REASON_REQUIRED where it is needed. */
export const StateChangeBody = Type.Object({ reason: Type.Optional(Reason) }, { ...closed, examples: [{ reason: 'Left the company' }] })

export const Grant = Type.Object({ name: RoleName, expiresAt: Type.Optional(Nullable(Instant)) }, closed)
export type Grant = Static<typeof Grant>

export const GrantSet = Type.Object(
  { roles: Type.Array(Grant, { maxItems: 20 }) },
  { ...closed, examples: [{ roles: [{ name: 'ops' }, { name: 'auditor', expiresAt: '2026-12-31T23:00:00.000Z' }] }] },
)

/** A role somebody holds. An expired grant stays listed until the set is written again. */
export const HeldRole = Type.Object(
  { name: RoleName, grantedAt: Instant, grantedBy: Nullable(Id), expiresAt: Nullable(Instant) },
  { ...closed, $id: 'HeldRole' },
)
export type HeldRole = Static<typeof HeldRole>

/** The grants of a user; `version` is the user's, so that If-Match guards the set. */
export const HeldRoles = Type.Object(
  { ...Page(HeldRole).properties, version: Type.Integer({ minimum: 1 }) },
  { ...closed, $id: 'HeldRoles' },
)
export type HeldRoles = Static<typeof HeldRoles>

export const RoleListQuery = listQuery({ sorts: ['createdAt'], filters: {} })
export type RoleListQuery = Static<typeof RoleListQuery>

export const Role = Type.Object(
  {
    id: Id,
    name: RoleName,
    displayName: Type.String(),
    description: Nullable(Type.String()),
    permissions: Type.Array(Type.String({ examples: ['customer:read:own'] })),
    isSystem: Type.Boolean(),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'Role' },
)
export type Role = Static<typeof Role>

/** What can be permitted, and where it is asked for. */
export const Permission = Type.Object(
  {
    permission: Type.String({ examples: ['customer:read'] }),
    scopes: Type.Array(Type.Enum(['own', 'any'], { type: 'string' })),
    routes: Type.Array(Type.String({ examples: ['GET /v1/customers/{id}'] })),
  },
  { ...closed, $id: 'Permission' },
)
export type Permission = Static<typeof Permission>
