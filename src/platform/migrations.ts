import { statementsForGrants } from './accounts.ts'
import type { DatabaseName, MigratorSettings } from './config.ts'
import { openConnection, type ServerConnection } from './database-connection.ts'
import { createLeases, type Leases, type Statements } from './lease.ts'
import {
  compare,
  describe,
  type HistoryRow,
  MigrationError,
  type MigrationStatement,
  readMigrations,
  readTables,
} from './migration-files.ts'

/**
 * Brings a database to the schema of this release: forward only, one statement at a time, one runner at a time. DDL commits
 * by itself, so progress is remembered per statement and an interrupted run goes on where it stopped. Nothing here loads the
 * query builder: the start of a running system passes through it.
 */

export { MigrationError } from './migration-files.ts'

export interface MigrateOptions {
  /** The folder that holds `<database>/migrations`. */
  root?: string
  appVersion?: string
  /** How long to wait for another runner. */
  waitMs?: number
  /** Told of each statement before it runs. */
  progress?: (step: { database: DatabaseName; tag: string; statement: number; of: number }) => void
}

export interface MigrateResult {
  database: DatabaseName
  /** Statements that ran now. */
  applied: number
  /** Statements there are. */
  total: number
}

const leaseName = 'migrations'
const leaseSeconds = 30
const renewMs = 5_000

/** "Already there" and "already gone", believed only of the statement that was begun and not finished. */
const effectIsThere = new Set([1050, 1060, 1061, 1091])

/** The tables of the runner itself; they are older than the first migration. */
export const ownTables = [
  `CREATE TABLE IF NOT EXISTS leases (
    name varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    owner varchar(64) CHARACTER SET ascii COLLATE ascii_bin,
    until datetime(3) NOT NULL
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci`,
  `CREATE TABLE IF NOT EXISTS schema_history (
    tag varchar(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    statement int NOT NULL,
    sha256 char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    started_at datetime(3) NOT NULL,
    finished_at datetime(3),
    ms int,
    app_version varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (tag, statement)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci`,
]

/** Throws MigrationError. Running it again does nothing. */
export async function migrateDatabase(
  database: DatabaseName,
  settings: MigratorSettings,
  { root, appVersion = '', waitMs = 60_000, progress = () => {} }: MigrateOptions = {},
): Promise<MigrateResult> {
  const files = readMigrations(database, root)
  const connection = await open(database, settings)
  try {
    let applied = 0
    if (pendingOf(database, files, await readHistory(connection)).length > 0) {
      await whileLeased(database, settings, waitMs, async (renew) => {
        for (const statement of ownTables) await connection.text(statement)
        // Another runner may have been faster.
        const pending = pendingOf(database, files, await readHistory(connection))
        for (const file of pending) {
          progress({ database, tag: file.tag, statement: file.statement, of: files.length })
          await renew()
          await apply(connection, database, file, appVersion)
          applied += 1
        }
      })
    }
    const tables = [...readTables(database, root), 'leases', 'schema_history']
    for (const grant of statementsForGrants(settings.schema, settings.account, tables)) await connection.text(grant)
    return { database, applied, total: files.length }
  } finally {
    connection.end()
  }
}

export interface MigrationState {
  database: DatabaseName
  statements: { tag: string; statement: number; state: 'done' | 'pending' | 'unfinished' | 'unknown' }[]
}

/** What has run and what has not. Throws MigrationError when files and history contradict each other. */
export async function migrationStatus(database: DatabaseName, settings: MigratorSettings, root?: string): Promise<MigrationState> {
  const files = readMigrations(database, root)
  const connection = await open(database, settings)
  try {
    const history = await readHistory(connection)
    const { unknown } = compare(database, files, history)
    const stateOf = (file: MigrationStatement): 'done' | 'pending' | 'unfinished' => {
      const row = history.find((candidate) => candidate.tag === file.tag && candidate.statement === file.statement)
      if (!row) return 'pending'
      return row.finished ? 'done' : 'unfinished'
    }
    return {
      database,
      statements: [
        ...files.map((file) => ({ tag: file.tag, statement: file.statement, state: stateOf(file) })),
        ...unknown.map(({ tag, statement }) => ({ tag, statement, state: 'unknown' as const })),
      ],
    }
  } finally {
    connection.end()
  }
}

/**
 * What the process asks at boot, with nothing but SELECT. `ahead` is fine: the next release expands the schema while this
 * one serves. Throws MigrationError when an applied migration was edited or came out of order.
 */
export async function verifySchema(
  connection: Statements & { name: DatabaseName },
  root?: string,
): Promise<'current' | 'behind' | 'ahead'> {
  const { pending, unknown } = compare(connection.name, readMigrations(connection.name, root), await history(connection))
  if (pending.length > 0) return 'behind'
  return unknown.length > 0 ? 'ahead' : 'current'
}

function pendingOf(database: DatabaseName, files: readonly MigrationStatement[], rows: readonly HistoryRow[]): MigrationStatement[] {
  const { pending, unknown } = compare(database, files, rows)
  const [first] = unknown
  if (first) {
    throw new MigrationError(
      `${database}: ${describe(first)} has run, but this release does not know it. Migrate with the release that made it, or a later one.`,
    )
  }
  return pending
}

async function open(database: DatabaseName, settings: MigratorSettings): Promise<ServerConnection> {
  try {
    return await openConnection(settings, {
      connectMs: 5_000,
      // A change of a table may take long; what it may not is stand in line for the table while everybody else queues behind it.
      limits: { statementMs: 0, rowLockSeconds: 5, metadataLockSeconds: 5 },
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new MigrationError(`${database}: no connection as ${settings.username} to ${settings.host}:${settings.port}: ${why}`, {
      cause: error,
    })
  }
}

const statementsOf = (connection: ServerConnection): Statements => ({
  statement: (sql, parameters) => connection.execute(sql, parameters, false),
})

async function readHistory(connection: ServerConnection): Promise<HistoryRow[]> {
  return history(statementsOf(connection))
}

async function history(connection: Statements): Promise<HistoryRow[]> {
  try {
    const [rows] = await connection.statement(
      'SELECT tag, statement, sha256, finished_at IS NOT NULL AS finished FROM schema_history ORDER BY tag, statement',
      [],
    )
    return (rows as { tag: string; statement: number; sha256: string; finished: number }[]).map((row) => ({
      ...row,
      finished: Number(row.finished) === 1,
    }))
  } catch (error) {
    if (isMissingTable(error)) return []
    throw error
  }
}

/** 1146; 1142 and 1044 are what an account gets that has no grant yet, because nothing has run. */
function isMissingTable(error: unknown): boolean {
  for (let current = error; typeof current === 'object' && current !== null; current = 'cause' in current ? current.cause : undefined) {
    if ('errno' in current && [1146, 1142, 1044].includes(Number(current.errno))) return true
  }
  return false
}

async function apply(connection: ServerConnection, database: DatabaseName, file: MigrationStatement, appVersion: string): Promise<void> {
  const { statement } = statementsOf(connection)
  const place = [file.tag, file.statement]
  const [begun] = await statement(
    'UPDATE schema_history SET started_at = NOW(3) WHERE tag = ? AND statement = ? AND finished_at IS NULL',
    place,
  )
  const isRepeat = (begun as { affectedRows: number }).affectedRows === 1
  if (!isRepeat) {
    await statement('INSERT INTO schema_history (tag, statement, sha256, started_at, app_version) VALUES (?, ?, ?, NOW(3), ?)', [
      ...place,
      file.sha256,
      appVersion,
    ])
  }
  const started = performance.now()
  // Rows commit together with the note that they are there; DDL ends this transaction by itself.
  await connection.text('START TRANSACTION')
  try {
    await connection.text(file.sql)
  } catch (error) {
    const errno = typeof error === 'object' && error !== null && 'errno' in error ? Number(error.errno) : 0
    if (!isRepeat || !effectIsThere.has(errno)) {
      if (connection.alive) await connection.text('ROLLBACK')
      const why = error instanceof Error ? error.message : String(error)
      throw new MigrationError(`${database}: ${describe(file)} failed: ${why}. Mend the cause and run the migrations again.`, {
        cause: error,
      })
    }
  }
  await statement('UPDATE schema_history SET finished_at = NOW(3), ms = ? WHERE tag = ? AND statement = ?', [
    Math.round(performance.now() - started),
    ...place,
  ])
  await connection.text('COMMIT')
}

/** Holds the lease on a connection of its own, because a long statement occupies the other one. */
async function whileLeased(
  database: DatabaseName,
  settings: MigratorSettings,
  waitMs: number,
  work: (renew: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const keeper = await open(database, settings)
  try {
    for (const statement of ownTables) await keeper.text(statement)
    const leases = createLeases(statementsOf(keeper))
    await acquire(database, leases, waitMs)
    let lost = false
    const renew = async (): Promise<void> => {
      if (!lost && (await leases.renew(leaseName, leaseSeconds))) return
      lost = true
      throw new MigrationError(`${database}: another runner took over the migrations. Run them again.`)
    }
    const timer = setInterval(() => {
      renew().catch(() => {
        lost = true
      })
    }, renewMs)
    try {
      await work(renew)
    } finally {
      clearInterval(timer)
      await leases.release(leaseName)
    }
  } finally {
    keeper.end()
  }
}

async function acquire(database: DatabaseName, leases: Leases, waitMs: number): Promise<void> {
  const until = performance.now() + waitMs
  while (!(await leases.acquire(leaseName, leaseSeconds))) {
    if (performance.now() > until) {
      throw new MigrationError(`${database}: another runner has held the migrations for ${waitMs / 1_000} s. Wait for it, or end it.`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
