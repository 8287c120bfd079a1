import { and, asc, eq, inArray } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type Connection, isDuplicateKey, type Queries, type SharedUserTx } from '#platform/databases.ts'
import { keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { BuiltInRole } from './built-in-roles.ts'
import type { Role, RoleListQuery } from './schemas.ts'
import { roles } from './tables.ts'

export type RoleRepository = ReturnType<typeof createRoleRepository>

const role = {
  id: roles.id,
  name: roles.name,
  displayName: roles.displayName,
  description: roles.description,
  permissions: roles.permissions,
  isSystem: roles.isSystem,
  version: roles.version,
  createdAt: roles.createdAt,
  updatedAt: roles.updatedAt,
}

export function createRoleRepository({ db, withTx }: Connection<'shared_user_db'>) {
  return {
    inTransaction: withTx,

    async findRole(id: number): Promise<Role | undefined> {
      return (await db.select(role).from(roles).where(eq(roles.id, id)))[0]
    },

    async findRolesByName(names: readonly string[], on: Queries = db): Promise<Role[]> {
      if (names.length === 0) return []
      return on
        .select(role)
        .from(roles)
        .where(inArray(roles.name, [...names]))
        .orderBy(asc(roles.name))
    },

    async listRoles(query: RoleListQuery): Promise<PageOf<Role>> {
      const list = keyset({
        query,
        sorts: { createdAt: roles.createdAt },
        id: roles.id,
        createdAt: roles.createdAt,
        updatedAt: roles.updatedAt,
      })
      const rows = await db
        .select(role)
        .from(roles)
        .where(list.where)
        .orderBy(...list.orderBy)
        .limit(list.limit)
      return list.page(rows)
    },

    async readRoleTable(on: Queries = db): Promise<Role[]> {
      return on.select(role).from(roles).orderBy(asc(roles.id))
    },

    /** False when another replica was faster. */
    async insertBuiltInRole(tx: SharedUserTx, built: BuiltInRole): Promise<boolean> {
      try {
        await tx.db.insert(roles).values({ ...built, permissions: [...built.permissions], isSystem: true })
        return true
      } catch (error) {
        if (isDuplicateKey(error, 'roles_name')) return false
        throw error
      }
    },

    async updateBuiltInRole(tx: SharedUserTx, version: number, built: BuiltInRole): Promise<boolean> {
      const [{ affectedRows }] = await tx.db
        .update(roles)
        .set({ ...built, permissions: [...built.permissions], isSystem: true, version: version + 1, updatedAt: databaseNow })
        .where(and(eq(roles.name, built.name), eq(roles.version, version)))
      return affectedRows === 1
    },
  }
}
