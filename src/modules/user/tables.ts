import { foreignKey, index, int, mysqlTable, primaryKey, uniqueIndex, varchar } from 'drizzle-orm/mysql-core'
import { asciiKey, binaryText, createdAt, flag, id, instant, json, ref, updatedAt, version } from '#platform/columns.ts'
import type { UserStatus, UserType } from './contract.ts'

/** Who exists and what they may do. Written by user alone; auth, which shares the database, reads them. */

export const users = mysqlTable(
  'users',
  {
    id: id(),
    email: binaryText('email', 255).notNull(),
    /** PHC string; null: no password yet. */
    password: asciiKey('password', 255),
    firstName: varchar('first_name', { length: 100 }).notNull(),
    lastName: varchar('last_name', { length: 100 }).notNull(),
    status: asciiKey('status', 20).$type<UserStatus>().notNull(),
    statusReason: varchar('status_reason', { length: 500 }),
    statusChangedAt: instant('status_changed_at'),
    userType: asciiKey('user_type', 20).$type<UserType>().notNull(),
    emailVerifiedAt: instant('email_verified_at'),
    passwordChangedAt: instant('password_changed_at'),
    locale: asciiKey('locale', 35).notNull(),
    timezone: asciiKey('timezone', 64).notNull(),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    anonymisedAt: instant('anonymised_at'),
  },
  (table) => [
    uniqueIndex('users_email').on(table.email),
    // The list sorts by address and id; the servers do not see that a unique address needs no second column.
    index('users_email_order').on(table.email, table.id),
    index('users_created_at').on(table.createdAt),
    index('users_last_name').on(table.lastName),
    index('users_updated_at').on(table.updatedAt),
  ],
)

export const roles = mysqlTable(
  'roles',
  {
    id: id(),
    name: asciiKey('name', 50).notNull(),
    displayName: varchar('display_name', { length: 100 }).notNull(),
    description: varchar('description', { length: 500 }),
    permissions: json<string[]>('permissions').notNull(),
    isSystem: flag('is_system').notNull(),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [uniqueIndex('roles_name').on(table.name), index('roles_created_at').on(table.createdAt)],
)

export const userRoles = mysqlTable(
  'user_roles',
  {
    userId: ref('user_id'),
    roleId: ref('role_id'),
    /** Null: the system itself. */
    grantedBy: int('granted_by'),
    grantedAt: instant('granted_at').notNull(),
    expiresAt: instant('expires_at'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.roleId] }),
    foreignKey({ name: 'user_roles_user', columns: [table.userId], foreignColumns: [users.id] }),
    foreignKey({ name: 'user_roles_role', columns: [table.roleId], foreignColumns: [roles.id] }),
  ],
)
