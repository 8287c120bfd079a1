import Type, { type Static } from 'typebox'
import { type ContractOf, command, defineContract, lookup, Nothing, query } from '#platform/contracts.ts'
import { defineEvents, type EventsOf } from '#platform/events.ts'
import { Country, Id, Instant, Nullable, OneOf, Personal, Text } from '#platform/schemas.ts'

const closed = { additionalProperties: false } as const

/** What kind of person, or machine, an account stands for. */
export const userTypes = ['staff', 'customer', 'carrier', 'service'] as const
export type UserType = (typeof userTypes)[number]

/**
 * `invited`: made by staff, no password yet. `active`: may log in. `suspended`: kept out until reactivated. `deactivated`:
 * left; may come back within 90 days. `anonymised`: personal data gone, for ever.
 */
export const userStatuses = ['invited', 'active', 'suspended', 'deactivated', 'anonymised'] as const
export type UserStatus = (typeof userStatuses)[number]

export const EmailAddress = Personal(
  Type.String({ minLength: 3, maxLength: 254, format: 'email-address', description: 'E-mail address', examples: ['ada@example.com'] }),
)
export const PersonName = Personal(Text(1, 100))
export const Locale = Type.String({
  pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$',
  maxLength: 35,
  description: 'BCP 47 language tag',
  examples: ['en-GB'],
})
export const TimeZone = Type.String({ format: 'time-zone', maxLength: 64, description: 'IANA time zone', examples: ['Europe/Berlin'] })
export const RoleName = Type.String({ pattern: '^[a-z][a-z0-9_]{0,49}$', description: 'Role name', examples: ['ops'] })

/** The company a customer registers for. */
export const Company = Type.Object({ name: Text(1, 255), country: Country }, closed)
export type Company = Static<typeof Company>

/** A person or machine with an account. Holds no password and no hash in any form. */
export const User = Type.Object(
  {
    id: Id,
    email: EmailAddress,
    firstName: PersonName,
    lastName: PersonName,
    userType: OneOf(userTypes),
    status: OneOf(userStatuses),
    /** Names of the roles whose grant has not expired, sorted. */
    roles: Type.Array(RoleName),
    locale: Locale,
    timezone: TimeZone,
    /** Null until the owner has proven that the address is theirs. */
    emailVerifiedAt: Nullable(Instant),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'User' },
)
export type User = Static<typeof User>

/** State and grants of a user, as every request asks for them. `version` is the user's. */
export const UserAccess = Type.Object(
  {
    userId: Id,
    version: Type.Integer({ minimum: 1 }),
    status: OneOf(userStatuses),
    /** Names of the roles whose grant has not expired. */
    roles: Type.Array(RoleName),
    /** Milliseconds from the read until the first of these grants expires, by the database's clock; null when none does. */
    validForMs: Nullable(Type.Integer({ minimum: 0 })),
  },
  closed,
)
export type UserAccess = Static<typeof UserAccess>

/** A role and what it permits: `resource:action:scope`, scope `own` or `any`. */
export const RolePermissions = Type.Object(
  { name: RoleName, version: Type.Integer({ minimum: 1 }), permissions: Type.Array(Type.String()) },
  closed,
)
export const RoleTable = Type.Object({ roles: Type.Array(RolePermissions) }, closed)
export type RoleTable = Static<typeof RoleTable>

export const NewUser = Type.Object(
  {
    /** In any spelling; stored in the normalised form. */
    email: EmailAddress,
    /** PHC string; null for an account that cannot log in with a password. */
    passwordHash: Nullable(Type.String({ minLength: 1, maxLength: 255, 'x-secret': true })),
    firstName: PersonName,
    lastName: PersonName,
    userType: OneOf(userTypes),
    roles: Type.Array(RoleName, { uniqueItems: true, maxItems: 20 }),
    /** The owner has proven the address, or an operator vouches for it. */
    emailVerified: Type.Boolean(),
    locale: Type.Optional(Locale),
    timezone: Type.Optional(TimeZone),
    company: Type.Optional(Company),
  },
  closed,
)
export type NewUser = Static<typeof NewUser>

/**
 * What user offers. Queries answer from the database unless a line says otherwise; operations marked unit only carry hashes or
 * grants and are never served to another process.
 */
export const userContract = defineContract('user', 1, {
  /** One user in any state, or undefined when there is none. */
  getUser: lookup({ input: Type.Object({ id: Id }, closed), output: User }),
  /** Those that exist of up to 200 ids, in the order of their ids. */
  getUsers: query({
    input: Type.Object({ ids: Type.Array(Id, { maxItems: 200 }) }, closed),
    output: Type.Object({ users: Type.Array(User) }, closed),
  }),
  /** Every role with its permissions. The caller keeps the answer for a second at most. */
  getRoleTable: query({ input: Type.Object({}, closed), output: RoleTable }),
  /** State and grants, at most a second old in this process; undefined when there is no such user. Grants that have expired are left out. Unit only. */
  getAccess: lookup({ input: Type.Object({ userId: Id }, closed), output: UserAccess, unitOnly: true }),
  /** The same read from the database at this moment, for what may not rest on a copy: grants, role edits, replays. Unit only. */
  getAccessNow: lookup({ input: Type.Object({ userId: Id }, closed), output: UserAccess, unitOnly: true }),
  /**
   * Makes an active user with its grants and publishes `user.created`, in one transaction. EMAIL_TAKEN when the address, in its
   * normalised form, has an account; ROLE_NOT_FOUND when a role does not exist; EMAIL_INVALID when the text is no address.
   * Unit only, because it carries a password hash.
   */
  createUser: command({
    input: NewUser,
    output: User,
    errors: ['EMAIL_TAKEN', 'EMAIL_INVALID', 'ROLE_NOT_FOUND'],
    deadlineMs: 5_000,
    unitOnly: true,
  }),
  /**
   * Puts a hash with today's parameters in the place of `current`, for the same password. Changes nothing when the password has
   * been changed meanwhile. Unit only.
   */
  rehashPassword: command({
    input: Type.Object(
      {
        userId: Id,
        current: Type.String({ maxLength: 255, 'x-secret': true }),
        passwordHash: Type.String({ maxLength: 255, 'x-secret': true }),
      },
      closed,
    ),
    output: Nothing,
    idempotent: true,
    unitOnly: true,
  }),
  /** Whether an active user holds the role `admin`. Unit only: the first administrator is made when none does. */
  hasAdministrator: query({ input: Type.Object({}, closed), output: Type.Object({ exists: Type.Boolean() }, closed), unitOnly: true }),
})
export type UserContract = ContractOf<typeof userContract>

const Version = Type.Integer({ minimum: 1 })
const StateChange = Type.Object({ userId: Id, reason: Type.Optional(Type.String({ maxLength: 500 })), version: Version }, closed)

/** What user says. `version` is the user's version after the change; no event carries a password or a hash. */
export const userEvents = defineEvents('user', {
  /** An account exists. Customers hear it and make the profile. */
  'user.created': {
    version: 1,
    aggregate: 'user',
    data: Type.Object(
      {
        userId: Id,
        email: EmailAddress,
        firstName: PersonName,
        lastName: PersonName,
        userType: OneOf(userTypes),
        roles: Type.Array(RoleName),
        locale: Locale,
        timezone: TimeZone,
        company: Type.Optional(Company),
        version: Version,
      },
      closed,
    ),
  },
  /** Names, address, language or zone changed. `changed` names the members; of the mirrored ones the new value is here. */
  'user.updated': {
    version: 1,
    aggregate: 'user',
    data: Type.Object(
      {
        userId: Id,
        changed: Type.Array(Type.String()),
        email: Type.Optional(EmailAddress),
        firstName: Type.Optional(PersonName),
        lastName: Type.Optional(PersonName),
        timezone: Type.Optional(TimeZone),
        version: Version,
      },
      closed,
    ),
  },
  /** Kept out until reactivated; every session has ended or is about to. */
  'user.suspended': { version: 1, aggregate: 'user', data: StateChange },
  /** Left the system. */
  'user.deactivated': { version: 1, aggregate: 'user', data: StateChange },
  /** May log in again. */
  'user.reactivated': { version: 1, aggregate: 'user', data: StateChange },
  /** The grants are now exactly these, expiring ones included. */
  'user.roles_changed': {
    version: 1,
    aggregate: 'user',
    data: Type.Object({ userId: Id, roles: Type.Array(RoleName), version: Version }, closed),
  },
})
export type UserEvents = EventsOf<typeof userEvents>
