import { audit, changes } from '#platform/audit.ts'
import type { SharedUserTx } from '#platform/databases.ts'
import { normaliseEmail } from '#platform/email-address.ts'
import type { Publisher } from '#platform/events.ts'
import { InvalidTransition, ReasonRequired, VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import { type Principal, scopeOf, visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { NewUser, RoleTable, User, UserAccess, UserContract, UserEvents } from './contract.ts'
import { EmailInvalid, LastAdmin, PrivilegeEscalation, RoleNotFound, RoleReferenceNotFound, RoleRepeated, UserNotFound } from './errors.ts'
import type { GrantedRole, UserRepository } from './repository.ts'
import type { RoleRepository } from './role-repository.ts'
import type { Grant, HeldRoles, Role, RoleListQuery, UserListQuery, UserPatch } from './schemas.ts'
import { reachesNothingNew, type StateAction, states } from './states.ts'

export interface UserServiceNeeds {
  repository: UserRepository
  roleRepository: RoleRepository
  publish: Publisher<UserEvents, SharedUserTx>
}

interface StateChange {
  id: number
  reason?: string | undefined
  expectedVersion: number | undefined
}

/** What the routes and the neighbours ask of this module. */
export interface UserService extends UserContract {
  requireUser(input: { id: number }, actor: Principal): Promise<User>
  listUsers(query: UserListQuery, actor: Principal): Promise<PageOf<User>>
  updateUser(input: { id: number; patch: UserPatch; expectedVersion: number | undefined }, actor: Principal): Promise<User>
  suspendUser(input: StateChange, actor: Principal): Promise<User>
  reactivateUser(input: StateChange, actor: Principal): Promise<User>
  deactivateUser(input: StateChange, actor: Principal): Promise<User>
  listGrants(input: { id: number }, actor: Principal): Promise<HeldRoles>
  setGrants(input: { id: number; roles: readonly Grant[]; expectedVersion: number | undefined }, actor: Principal): Promise<HeldRoles>
  listRoles(query: RoleListQuery): Promise<PageOf<Role>>
  requireRole(input: { id: number }): Promise<Role>
}

/** How long somebody who has left may come back. */
const returnDays = 90

export function createUserService({ repository, roleRepository, publish }: UserServiceNeeds): UserService {
  /** The user as it is now, locked, in the version the caller expects. */
  async function requireLocked(tx: SharedUserTx, id: number, actor: Principal, permission: string, expectedVersion: number | undefined) {
    const visible = visibility(actor, permission)
    if (!(await repository.lockUser(tx, id, visible))) throw UserNotFound({ id })
    const user = await repository.findUser(id, visible, tx.db)
    if (!user) throw UserNotFound({ id })
    if (expectedVersion !== undefined && expectedVersion !== user.version) throw VersionMismatch({ current: user.version })
    return user
  }

  async function keepAnAdmin(tx: SharedUserTx, user: User): Promise<void> {
    if (user.status !== 'active' || !user.roles.includes('admin')) return
    if ((await repository.countLastingAdmins(user.id, tx.db)) === 0) throw LastAdmin()
  }

  async function changeState(action: StateAction, { id, reason, expectedVersion }: StateChange, actor: Principal): Promise<User> {
    const { permission, from, to, needsReason, event } = states[action]
    if (needsReason && reason === undefined) throw ReasonRequired({ action })
    return repository.inTransaction(async (tx) => {
      await repository.lockAdminRole(tx)
      const user = await requireLocked(tx, id, actor, permission, expectedVersion)
      if (user.roles.includes('admin') && !isAdministrator(actor)) throw PrivilegeEscalation()
      if (reachesNothingNew(action, user.status)) return user
      if (!from.includes(user.status)) throw InvalidTransition({ from: user.status, action })
      if (action === 'reactivate' && user.status === 'deactivated') {
        if (scopeOf(actor, 'user:deactivate') === undefined) throw PrivilegeEscalation()
        if (!(await repository.wasDeactivatedWithin(tx, id, returnDays))) throw InvalidTransition({ from: user.status, action })
      }
      if (action !== 'reactivate') await keepAnAdmin(tx, user)

      await repository.updateStatus(tx, id, user.version, to, reason ?? null)
      const version = user.version + 1
      await audit(tx, {
        action: event,
        subject: `user/${id}`,
        before: { status: user.status },
        after: { status: to },
        ...(reason === undefined ? {} : { reason }),
      })
      await publish(tx, event, id, { userId: id, version, ...(reason === undefined ? {} : { reason }) })
      return requireWritten(tx, id)
    })
  }

  async function requireWritten(tx: SharedUserTx, id: number): Promise<User> {
    const user = await repository.findUser(id, { scope: 'any' }, tx.db)
    if (!user) throw UserNotFound({ id })
    return user
  }

  async function requireRoles(tx: SharedUserTx, grants: readonly Grant[]): Promise<(Role & GrantedRole)[]> {
    const found = new Map(
      (
        await roleRepository.findRolesByName(
          grants.map((grant) => grant.name),
          tx.db,
        )
      ).map((role) => [role.name, role]),
    )
    return grants.map((grant) => {
      const role = found.get(grant.name)
      if (!role) throw RoleReferenceNotFound({ id: grant.name })
      return { ...role, expiresAt: instantOf(grant.expiresAt) }
    })
  }

  return {
    async getUser({ id }) {
      return repository.findUser(id, { scope: 'any' })
    },

    async getUsers({ ids }) {
      return { users: await repository.findUsersById(ids) }
    },

    async getRoleTable(): Promise<RoleTable> {
      const table = await roleRepository.readRoleTable()
      return { roles: table.map(({ name, version, permissions }) => ({ name, version, permissions })) }
    },

    async getAccess({ userId }): Promise<UserAccess | undefined> {
      return repository.findAccess(userId)
    },

    async getAccessNow({ userId }): Promise<UserAccess | undefined> {
      return repository.findAccess(userId)
    },

    async hasAdministrator() {
      return { exists: (await repository.countLastingAdmins(undefined)) > 0 }
    },

    async createUser(input: NewUser): Promise<User> {
      const email = normaliseEmail(input.email)
      if (email === undefined) throw EmailInvalid()
      const timezone = input.timezone ?? 'UTC'
      const { company, passwordHash, firstName, lastName, userType, emailVerified, locale = 'en' } = input
      return repository.inTransaction(async (tx) => {
        const granted = await requireRoles(
          tx,
          input.roles.map((name) => ({ name })),
        )
        const row = {
          email,
          passwordHash,
          firstName: firstName.normalize(),
          lastName: lastName.normalize(),
          userType,
          emailVerified,
          locale,
          timezone,
        }
        const id = await repository.insertUser(tx, row)
        await repository.insertGrants(tx, id, granted, null)
        const user = await requireWritten(tx, id)
        await audit(tx, { action: 'user.created', subject: `user/${id}`, after: { userType, roles: user.roles } })
        await publish(tx, 'user.created', id, {
          userId: id,
          email,
          firstName: user.firstName,
          lastName: user.lastName,
          userType,
          roles: user.roles,
          locale,
          timezone,
          version: user.version,
          ...(company === undefined ? {} : { company }),
        })
        return user
      })
    },

    async rehashPassword({ userId, current, passwordHash }) {
      await repository.replacePassword(userId, current, passwordHash)
      return {}
    },

    async requireUser({ id }, actor) {
      const user = await repository.findUser(id, visibility(actor, 'user:read'))
      if (!user) throw UserNotFound({ id })
      return user
    },

    async listUsers(query, actor) {
      return repository.listUsers(query, visibility(actor, 'user:read'))
    },

    async updateUser({ id, patch, expectedVersion }, actor) {
      const wanted = normalised(patch)
      return repository.inTransaction(async (tx) => {
        const user = await requireLocked(tx, id, actor, 'user:update', expectedVersion)
        const { changed, next } = applyMergePatch<User>(user, wanted)
        if (changed.length === 0) return user
        const { firstName, lastName, locale, timezone } = next
        await repository.updateProfile(tx, id, user.version, { firstName, lastName, locale, timezone })
        const written = await requireWritten(tx, id)
        await audit(tx, {
          action: 'user.updated',
          subject: `user/${id}`,
          ...changes(user, written, { personal: ['firstName', 'lastName'] }),
        })
        await publish(tx, 'user.updated', id, {
          userId: id,
          changed: [...changed],
          version: written.version,
          ...(changed.includes('firstName') ? { firstName } : {}),
          ...(changed.includes('lastName') ? { lastName } : {}),
          ...(changed.includes('timezone') ? { timezone } : {}),
        })
        return written
      })
    },

    suspendUser: (input, actor) => changeState('suspend', input, actor),
    reactivateUser: (input, actor) => changeState('reactivate', input, actor),
    deactivateUser: (input, actor) => changeState('deactivate', input, actor),

    async listGrants({ id }, actor) {
      const user = await this.requireUser({ id }, actor)
      return heldRoles(await repository.listGrants(id), user.version)
    },

    async setGrants({ id, roles, expectedVersion }, actor) {
      namedOnce(roles)
      return repository.inTransaction(async (tx) => {
        await repository.lockAdminRole(tx)
        const user = await requireLocked(tx, id, actor, 'role:grant', expectedVersion)
        const wanted = await requireRoles(tx, roles)
        const held = await repository.listGrants(id, tx.db)

        const isHeld = (role: GrantedRole) => held.some((grant) => grant.roleId === role.id && grant.expiresAt === role.expiresAt)
        const granted = wanted.filter((role) => !isHeld(role))
        const revoked = held.filter((grant) => !wanted.some((role) => role.id === grant.roleId && role.expiresAt === grant.expiresAt))
        if (granted.length === 0 && revoked.length === 0) return heldRoles(held, user.version)

        const touched = await roleRepository.findRolesByName(
          [...granted, ...revoked].map((role) => role.name),
          tx.db,
        )
        const missing = touched.flatMap((role) => role.permissions).filter((permission) => !holds(actor, permission))
        if (missing.length > 0) throw PrivilegeEscalation({ permissions: [...new Set(missing)] })
        const staysAdmin = wanted.some((role) => role.name === 'admin' && role.expiresAt === null)
        if (!staysAdmin) await keepAnAdmin(tx, user)

        const drop = revoked.map((grant) => grant.roleId)
        await repository.replaceGrants(tx, { userId: id, version: user.version, wanted: granted, drop, grantedBy: actor.userId ?? null })
        const subject = `user/${id}`
        for (const { name, expiresAt } of revoked) await audit(tx, { action: 'role.revoked', subject, before: { role: name, expiresAt } })
        for (const { name, expiresAt } of granted) await audit(tx, { action: 'role.granted', subject, after: { role: name, expiresAt } })
        const version = user.version + 1
        await publish(tx, 'user.roles_changed', id, { userId: id, roles: wanted.map((role) => role.name).sort(), version })
        return heldRoles(await repository.listGrants(id, tx.db), version)
      })
    },

    async listRoles(query) {
      return roleRepository.listRoles(query)
    },

    async requireRole({ id }) {
      const role = await roleRepository.findRole(id)
      if (!role) throw RoleNotFound({ id })
      return role
    },
  }
}

function namedOnce(grants: readonly Grant[]): void {
  const names = grants.map(({ name }) => name)
  const index = names.findIndex((name, at) => names.indexOf(name) !== at)
  const name = names[index]
  if (name === undefined) return
  const faults = [{ in: 'body' as const, path: `/roles/${index}/name`, code: RoleRepeated.code, message: 'is named twice', value: name }]
  throw RoleRepeated({ name }, { faults })
}

const isAdministrator = (actor: Principal): boolean => scopeOf(actor, '*:*') === 'any'

/** Whether the actor holds a permission as it stands in a role: `customer:read:own`. */
function holds(actor: Principal, permission: string): boolean {
  const cut = permission.lastIndexOf(':')
  const scope = scopeOf(actor, permission.slice(0, cut))
  return scope === 'any' || (scope === 'own' && permission.endsWith(':own'))
}

function heldRoles(grants: readonly HeldRoles['data'][number][], version: number): HeldRoles {
  const data = grants.map(({ name, grantedAt, grantedBy, expiresAt }) => ({ name, grantedAt, grantedBy, expiresAt }))
  return { data, page: { nextCursor: null, hasMore: false }, version }
}

const instantOf = (text: string | null | undefined): string | null =>
  text === null || text === undefined ? null : new Date(text).toISOString()

function normalised(patch: UserPatch): UserPatch {
  const { firstName, lastName } = patch
  return {
    ...patch,
    ...(firstName === undefined ? {} : { firstName: firstName.normalize() }),
    ...(lastName === undefined ? {} : { lastName: lastName.normalize() }),
  }
}
