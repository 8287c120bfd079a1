import type { DatabaseName } from './config.ts'

/**
 * The two accounts of each database. The run-time account changes rows of the tables it was given, one grant per table, and
 * has no DDL; the migrator changes the tables of its own schema and hands out the grants. Every statement may be repeated.
 */

export interface AccountSettings {
  schemaName: string
  account: string
  password: string
  migratorAccount: string
  migratorPassword: string
}

/** For the administrator of the server, before the migrations: schema, both accounts, and what the migrator may do. */
export function statementsForAccounts(_database: DatabaseName, settings: AccountSettings): string[] {
  const migrator = account(settings.migratorAccount)
  return [
    `CREATE DATABASE IF NOT EXISTS ${identifier(settings.schemaName)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`,
    ...createAccount(account(settings.account), settings.password),
    ...createAccount(migrator, settings.migratorPassword),
    `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON ${schemaPattern(settings.schemaName)}.* TO ${migrator} WITH GRANT OPTION`,
  ]
}

/** For the migrator, after the migrations: what the run-time account may do with each table. */
export function statementsForGrants(schemaName: string, accountName: string, tables: readonly string[]): string[] {
  return tables.map(
    (table) => `GRANT ${verbsOf(table).join(', ')} ON ${identifier(schemaName)}.${identifier(table)} TO ${account(accountName)}`,
  )
}

/** What the process may do with a table. The trail is added to and read, never changed; the history is the migrator's. */
export function verbsOf(table: string): readonly string[] {
  if (table === 'audit_log') return ['SELECT', 'INSERT']
  if (table === 'schema_history') return ['SELECT']
  return ['SELECT', 'INSERT', 'UPDATE', 'DELETE']
}

function createAccount(name: string, password: string): string[] {
  // CREATE … IF NOT EXISTS leaves the password of an existing account alone; ALTER makes both cases the same.
  return [`CREATE USER IF NOT EXISTS ${name} IDENTIFIED BY ${literal(password)}`, `ALTER USER ${name} IDENTIFIED BY ${literal(password)}`]
}

const account = (name: string): string => `${literal(name)}@'%'`

const literal = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

const identifier = (name: string): string => `\`${name.replaceAll('`', '``')}\``

/** In a grant on a whole schema `_` and `%` stand for any characters: unescaped, `shared_user_db` would open `sharedXuserXdb`. */
const schemaPattern = (name: string): string => identifier(name.replaceAll('\\', '\\\\').replace(/[_%]/g, '\\$&'))
