import { and, asc, count, eq, gt, inArray, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type Connection, isDuplicateKey, type Queries, type SharedUserTx } from '#platform/databases.ts'
import { beginsWith, commaValues, keyset } from '#platform/lists.ts'
import type { Visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { type User, type UserAccess, type UserStatus, type UserType, userStatuses, userTypes } from './contract.ts'
import { EmailTaken } from './errors.ts'
import type { HeldRole, UserListQuery, UserPatch } from './schemas.ts'
import { roles, userRoles, users } from './tables.ts'

export type UserRepository = ReturnType<typeof createUserRepository>

export interface UserRow {
  email: string
  passwordHash: string | null
  firstName: string
  lastName: string
  userType: UserType
  emailVerified: boolean
  locale: string
  timezone: string
}

export interface GrantedRole {
  id: number
  name: string
  expiresAt: string | null
}

const person = {
  id: users.id,
  email: users.email,
  firstName: users.firstName,
  lastName: users.lastName,
  userType: users.userType,
  status: users.status,
  locale: users.locale,
  timezone: users.timezone,
  emailVerifiedAt: users.emailVerifiedAt,
  version: users.version,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
}

const validForMs = sql<number | string | null>`TIMESTAMPDIFF(MICROSECOND, NOW(3), ${userRoles.expiresAt}) DIV 1000`
const unexpired = or(isNull(userRoles.expiresAt), gt(userRoles.expiresAt, databaseNow))

export function createUserRepository(connection: Connection<'shared_user_db'>) {
  const { db } = connection
  const access = db
    .select({ userId: users.id, version: users.version, status: users.status, role: roles.name, validForMs })
    .from(users)
    .leftJoin(userRoles, and(eq(userRoles.userId, users.id), unexpired))
    .leftJoin(roles, eq(roles.id, userRoles.roleId))
    .where(eq(users.id, sql.placeholder('userId')))
    .orderBy(asc(roles.name))
    .prepare()

  /** The roles are one row each; the person stands in all of them. */
  async function findUsers(on: Queries, where: SQL | undefined): Promise<User[]> {
    const rows = await on
      .select({ ...person, role: roles.name })
      .from(users)
      .leftJoin(userRoles, and(eq(userRoles.userId, users.id), unexpired))
      .leftJoin(roles, eq(roles.id, userRoles.roleId))
      .where(where)
      .orderBy(asc(users.id), asc(roles.name))
    const found = new Map<number, User>()
    for (const { role: name, ...row } of rows) {
      const user = found.get(row.id) ?? { ...row, roles: [] }
      if (name !== null) user.roles.push(name)
      found.set(row.id, user)
    }
    return [...found.values()]
  }

  return {
    inTransaction: connection.withTx,

    async findUser(id: number, visible: Visibility, on: Queries = db): Promise<User | undefined> {
      return (await findUsers(on, and(eq(users.id, id), within(visible))))[0]
    },

    async findUsersById(ids: readonly number[]): Promise<User[]> {
      return ids.length === 0 ? [] : findUsers(db, inArray(users.id, [...ids]))
    },

    async listUsers(query: UserListQuery, visible: Visibility): Promise<PageOf<User>> {
      const list = keyset({
        query,
        sorts: { createdAt: users.createdAt, email: users.email, lastName: users.lastName },
        id: users.id,
        createdAt: users.createdAt,
        updatedAt: users.updatedAt,
      })
      const status = commaValues(query.status, userStatuses)
      const userType = commaValues(query.userType, userTypes)
      const rows = await db
        .select(person)
        .from(users)
        .where(
          and(
            list.where,
            within(visible),
            status && inArray(users.status, status),
            userType && inArray(users.userType, userType),
            query.q === undefined ? undefined : beginsWith(users.email, query.q.toLowerCase()),
          ),
        )
        .orderBy(...list.orderBy)
        .limit(list.limit)
      const { data, page } = list.page(rows)
      const full = new Map((await this.findUsersById(data.map((row) => row.id))).map((user) => [user.id, user]))
      return { data: data.map((row) => full.get(row.id) ?? { ...row, roles: [] }), page }
    },

    /** Locks the row until the transaction ends, so that what is decided on it still holds when it is written. */
    async lockUser(tx: SharedUserTx, id: number, visible: Visibility): Promise<boolean> {
      const rows = await tx.db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, id), within(visible)))
        .for('update')
      return rows.length === 1
    },

    async insertUser(tx: SharedUserTx, row: UserRow): Promise<number> {
      try {
        const [{ insertId }] = await tx.db.insert(users).values({
          email: row.email,
          password: row.passwordHash,
          firstName: row.firstName,
          lastName: row.lastName,
          userType: row.userType,
          status: 'active',
          statusChangedAt: databaseNow,
          passwordChangedAt: row.passwordHash === null ? null : databaseNow,
          emailVerifiedAt: row.emailVerified ? databaseNow : null,
          locale: row.locale,
          timezone: row.timezone,
        })
        return insertId
      } catch (error) {
        if (isDuplicateKey(error, 'users_email')) throw EmailTaken({}, { cause: error })
        throw error
      }
    },

    async updateProfile(tx: SharedUserTx, id: number, version: number, members: UserPatch): Promise<void> {
      await tx.db
        .update(users)
        .set({ ...members, version: version + 1, updatedAt: databaseNow })
        .where(and(eq(users.id, id), eq(users.version, version)))
    },

    async updateStatus(tx: SharedUserTx, id: number, version: number, to: UserStatus, reason: string | null): Promise<void> {
      await tx.db
        .update(users)
        .set({ status: to, statusReason: reason, statusChangedAt: databaseNow, version: version + 1, updatedAt: databaseNow })
        .where(and(eq(users.id, id), eq(users.version, version)))
    },

    async wasDeactivatedWithin(tx: SharedUserTx, id: number, days: number): Promise<boolean> {
      const rows = await tx.db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, id), gt(users.statusChangedAt, sql`NOW(3) - INTERVAL ${days} DAY`)))
      return rows.length === 1
    },

    async replacePassword(userId: number, current: string, passwordHash: string): Promise<void> {
      await db
        .update(users)
        .set({ password: passwordHash })
        .where(and(eq(users.id, userId), eq(users.password, current)))
    },

    async findAccess(userId: number): Promise<UserAccess | undefined> {
      const rows = await access.execute({ userId })
      const first = rows[0]
      if (first === undefined) return undefined
      const ends = rows.flatMap((row) => (row.validForMs === null ? [] : [Math.max(0, Number(row.validForMs))]))
      return {
        userId: first.userId,
        version: first.version,
        status: first.status,
        roles: rows.flatMap(({ role: name }) => (name === null ? [] : [name])),
        validForMs: ends.length === 0 ? null : Math.min(...ends),
      }
    },

    async listGrants(userId: number, on: Queries = db): Promise<(HeldRole & { roleId: number })[]> {
      return on
        .select({
          roleId: roles.id,
          name: roles.name,
          grantedAt: userRoles.grantedAt,
          grantedBy: userRoles.grantedBy,
          expiresAt: userRoles.expiresAt,
        })
        .from(userRoles)
        .innerJoin(roles, eq(roles.id, userRoles.roleId))
        .where(eq(userRoles.userId, userId))
        .orderBy(asc(roles.name))
    },

    /** The set of grants becomes exactly `wanted`; raises the user's version. */
    async replaceGrants(
      tx: SharedUserTx,
      grants: { userId: number; version: number; wanted: readonly GrantedRole[]; drop: readonly number[]; grantedBy: number | null },
    ): Promise<void> {
      const { userId, version, wanted, drop, grantedBy } = grants
      if (drop.length > 0) await tx.db.delete(userRoles).where(and(eq(userRoles.userId, userId), inArray(userRoles.roleId, [...drop])))
      await this.insertGrants(tx, userId, wanted, grantedBy)
      await tx.db
        .update(users)
        .set({ version: version + 1, updatedAt: databaseNow })
        .where(and(eq(users.id, userId), eq(users.version, version)))
    },

    async insertGrants(tx: SharedUserTx, userId: number, wanted: readonly GrantedRole[], grantedBy: number | null): Promise<void> {
      if (wanted.length === 0) return
      await tx.db
        .insert(userRoles)
        .values(wanted.map(({ id, expiresAt }) => ({ userId, roleId: id, expiresAt, grantedBy, grantedAt: databaseNow })))
    },

    /**
     * Holds the row of the role `admin` until the transaction ends: everything that could take the last administrator away
     * passes here one after the other.
     */
    async lockAdminRole(tx: SharedUserTx): Promise<void> {
      await tx.db.select({ id: roles.id }).from(roles).where(eq(roles.name, 'admin')).for('update')
    },

    /** Active holders of `admin` whose grant does not expire, without the one named. */
    async countLastingAdmins(besides: number | undefined, on: Queries = db): Promise<number> {
      const [row] = await on
        .select({ holders: count() })
        .from(userRoles)
        .innerJoin(roles, and(eq(roles.id, userRoles.roleId), eq(roles.name, 'admin')))
        .innerJoin(users, and(eq(users.id, userRoles.userId), eq(users.status, 'active')))
        .where(and(isNull(userRoles.expiresAt), besides === undefined ? undefined : ne(users.id, besides)))
      return row?.holders ?? 0
    },
  }
}

/** The caller's scope as a condition: whoever may see only themselves. */
function within(visible: Visibility): SQL | undefined {
  if (visible.scope === 'any') return undefined
  return visible.scope === 'own' ? eq(users.id, visible.userId) : sql`FALSE`
}
