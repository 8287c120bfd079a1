import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseName } from './config.ts'

/** The migrations of a database as they stand in the repository, and how they compare with what a database remembers. */

export interface MigrationStatement {
  tag: string
  /** Position inside its file. */
  statement: number
  sql: string
  sha256: string
}

export interface HistoryRow {
  tag: string
  statement: number
  sha256: string
  finished: boolean
}

/** The message names the migration and says what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MigrationError'
  }
}

/** The folder `drizzle/` of this installation, whether the sources run or a bundle of them. */
export function migrationsRoot(from: string = import.meta.dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'drizzle')
    if (existsSync(join(candidate, 'shared_user_db'))) return candidate
    if (folder === dirname(folder))
      throw new MigrationError(`no folder drizzle/ above ${from}: the migrations are missing from this installation`)
  }
}

/** All statements in journal order, split at drizzle-kit's breakpoints. */
export function readMigrations(database: DatabaseName, root: string = migrationsRoot()): MigrationStatement[] {
  const folder = join(root, database, 'migrations')
  const journal: { entries: { idx: number; tag: string }[] } = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8'))
  return journal.entries
    .toSorted((one, other) => one.idx - other.idx)
    .flatMap(({ tag }) =>
      readFileSync(join(folder, `${tag}.sql`), 'utf8')
        .split('--> statement-breakpoint')
        .map((sql) => sql.trim())
        .filter((sql) => sql !== '')
        .map((sql, statement) => ({ tag, statement, sql, sha256: createHash('sha256').update(sql).digest('hex') })),
    )
}

/** Every table the migrations make, written beside them by the generator; the run-time account gets a grant for each. */
export function readTables(database: DatabaseName, root: string = migrationsRoot()): string[] {
  return JSON.parse(readFileSync(join(root, database, 'tables.json'), 'utf8'))
}

export interface Comparison {
  pending: MigrationStatement[]
  /** Remembered by the database, absent here: a newer release has been at it. */
  unknown: HistoryRow[]
}

/**
 * Throws when the two lists contradict each other: a statement was changed after it had run, or one appears before others
 * that have already run (a branch merged late). The usual migrators go by a timestamp and skip such a file silently.
 */
export function compare(database: DatabaseName, files: readonly MigrationStatement[], history: readonly HistoryRow[]): Comparison {
  const remembered = new Map(history.map((row) => [key(row), row]))
  const pending: MigrationStatement[] = []
  for (const file of files) {
    const row = remembered.get(key(file))
    if (!row) {
      pending.push(file)
      continue
    }
    remembered.delete(key(file))
    if (row.sha256 !== file.sha256) {
      throw new MigrationError(
        `${database}: ${describe(file)} was edited after it had run. Restore the file as it was and write a new migration for the change.`,
      )
    }
    const [earlier] = pending
    if (earlier) {
      throw new MigrationError(
        `${database}: ${describe(earlier)} has not run, but ${describe(file)}, which comes after it, has. Generate it again so that it comes last.`,
      )
    }
    if (!row.finished) pending.push(file)
  }
  return { pending, unknown: [...remembered.values()] }
}

export const describe = ({ tag, statement }: { tag: string; statement: number }): string => `migration ${tag}, statement ${statement + 1}`

const key = ({ tag, statement }: { tag: string; statement: number }): string => `${tag}/${statement}`
