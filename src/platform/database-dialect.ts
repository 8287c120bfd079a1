/** Every difference between MySQL and MariaDB that the platform has to know, and the error numbers both share. */

export type Flavour = 'mariadb' | 'mysql'

/** From the version in the server's greeting, before anything was asked. */
export function flavourOf(serverVersion: string): Flavour {
  return /mariadb/i.test(serverVersion) ? 'mariadb' : 'mysql'
}

const sqlMode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'

export interface SessionLimits {
  statementMs: number
  /** Whole seconds: how long a statement waits for a row lock, and for a lock on a table's definition. */
  rowLockSeconds: number
  metadataLockSeconds: number
}

/** One statement for each new connection. What a frozen process holds is given back after 10 s (MariaDB) or 60 s (MySQL). */
export function sessionStatement(flavour: Flavour, limits: SessionLimits): string {
  const common = [
    `sql_mode = '${sqlMode}'`,
    `time_zone = '+00:00'`,
    `innodb_lock_wait_timeout = ${limits.rowLockSeconds}`,
    `lock_wait_timeout = ${limits.metadataLockSeconds}`,
  ]
  const own =
    flavour === 'mariadb'
      ? [`tx_isolation = 'READ-COMMITTED'`, `max_statement_time = ${limits.statementMs / 1_000}`, 'idle_transaction_timeout = 10']
      : [`transaction_isolation = 'READ-COMMITTED'`, `max_execution_time = ${limits.statementMs}`, 'wait_timeout = 60']
  return `SET SESSION ${[...common, ...own].join(', ')}`
}

const errno = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'errno' in error && typeof error.errno === 'number' ? error.errno : undefined

/** Lock wait timeout, deadlock, changed since read (MariaDB), cluster node not ready: the whole transaction may be repeated. */
export const isConflict = (error: unknown): boolean => [1205, 1213, 1020, 1047].includes(errno(error) ?? 0)

/** The server became a replica: another connection may reach the new primary. */
export const isReadOnly = (error: unknown): boolean => [1290, 1836].includes(errno(error) ?? 0)

/** Code of the error with which the pool gives up a statement that the server did not end itself. */
export const statementAbandoned = 'STATEMENT_ABANDONED'

/** The server's own limit ended the statement (MariaDB, MySQL, or killed), or ours did. */
export const isStatementLimit = (error: unknown): boolean =>
  [1969, 3024, 1317].includes(errno(error) ?? 0) ||
  (typeof error === 'object' && error !== null && 'code' in error && error.code === statementAbandoned)

/** The connection is of no use any more, whatever the statement did. 1927 and 4031: the server ended the session. */
export const isConnectionLoss = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  (('fatal' in error && error.fatal === true) || [1053, 1927, 4031].includes(errno(error) ?? 0))

/** A unique key refused the row; `keyName` asks for one key by the name of its index. Looks through wrapped errors. */
export function isDuplicateKey(error: unknown, keyName?: string): boolean {
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth += 1) {
    if (errno(current) === 1062) return keyName === undefined || keyOf(current) === keyName
    current = 'cause' in current ? current.cause : undefined
  }
  return false
}

/** MySQL writes `table.key`, MariaDB `key`; the duplicate value before it may hold anything, so the last quotation counts. */
function keyOf(error: object): string | undefined {
  const message = 'sqlMessage' in error && typeof error.sqlMessage === 'string' ? error.sqlMessage : ''
  return /for key '(?:[^'.]*\.)?([^'.]+)'$/.exec(message)?.[1]
}
