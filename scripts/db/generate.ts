import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { type DatabaseName, settingPrefix } from '#platform/config.ts'
import { MigrationError } from '#platform/migrations.ts'

const root = resolve(import.meta.dirname, '../..')

/** A server's own defaults would decide otherwise. */
const tableOptions = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci'

/** Lets drizzle-kit compare tables.ts with the last snapshot; completes what it writes. */
export function generateMigration(
  database: DatabaseName,
  { name, fresh = false, empty = false }: { name?: string; fresh?: boolean; empty?: boolean },
): { database: DatabaseName; file?: string } {
  const folder = join(root, 'drizzle', database, 'migrations')
  if (fresh) rmSync(folder, { recursive: true, force: true })
  const before = new Set(migrationsIn(folder))
  const intention = name ?? (before.size === 0 ? `create_${settingPrefix[database].replace('_DB', '').toLowerCase()}` : undefined)
  if (intention === undefined) throw new MigrationError('Say with --name what the migration is for, in words_with_underscores.')

  const config = `drizzle/${database}/drizzle.config.ts`
  const kit = join(root, 'node_modules/.bin/drizzle-kit')
  const run = spawnSync(process.execPath, [kit, 'generate', '--config', config, '--name', intention, ...(empty ? ['--custom'] : [])], {
    cwd: root,
    encoding: 'utf8',
  })
  // It exits 0 after an error, too.
  if (run.status !== 0 || /\berror\b/i.test(run.stderr)) throw new MigrationError(`drizzle-kit failed:\n${run.stdout}${run.stderr}`)

  const made = migrationsIn(folder).find((file) => !before.has(file))
  if (made !== undefined) {
    const path = join(folder, made)
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\);/gm, `) ${tableOptions};`))
  }
  writeFileSync(join(root, 'drizzle', database, 'tables.json'), `${JSON.stringify(tablesOf(folder), null, 2)}\n`)
  return { database, ...(made === undefined ? {} : { file: relative(root, join(folder, made)) }) }
}

function migrationsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.sql'))
  } catch {
    return []
  }
}

/** From the newest snapshot. */
function tablesOf(folder: string): string[] {
  const newest = readdirSync(join(folder, 'meta'))
    .filter((file) => file.endsWith('_snapshot.json'))
    .toSorted()
    .at(-1)
  if (newest === undefined) throw new MigrationError(`drizzle-kit left no snapshot in ${folder}/meta`)
  const snapshot: { tables: Record<string, { name: string }> } = JSON.parse(readFileSync(join(folder, 'meta', newest), 'utf8'))
  return Object.values(snapshot.tables)
    .map((table) => table.name)
    .toSorted()
}
