import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../servers/failure.ts'
import type { MariaDbServer } from '../servers/mariadb.ts'
import { embedded, type StartDatabase, type StartSettings } from './environment.ts'

type Environment = Readonly<Record<string, string | undefined>>

interface Schemas {
  root: string
  settings: StartSettings
  /** With the migrators' passwords. */
  environment: Environment
  mariadb: MariaDbServer | undefined
  say: (detail: string) => void
}

/**
 * Brings our own server to the schemas, accounts and grants of this code, and migrates given servers when asked to. What was
 * done is noted inside the server's data, so a start that finds nothing new does nothing. The API looks for itself in any case.
 */
export async function prepareSchemas({ root, settings, environment, mariadb, say }: Schemas): Promise<string> {
  const own = embedded(settings)
  const given = settings.migrateOnStart ? settings.given.databases : []
  const noteFile = join(settings.dataDir, 'mariadb/data/bulkhead.prepared')
  const wanted = fingerprint(root, own, environment)
  const isPrepared = own.length === 0 || (existsSync(noteFile) && readFileSync(noteFile, 'utf8') === wanted)
  const due = [...(isPrepared ? [] : own), ...given]
  if (due.length === 0) return own.length === 0 ? 'looked after by somebody else' : 'up to date'

  if (mariadb && !isPrepared) {
    say('accounts')
    await makeAccounts(mariadb, own, environment)
  }
  const statements = await migrate(due, environment, say)
  if (!isPrepared) writeFileSync(noteFile, wanted)
  return `accounts, grants, ${statements} migration statements`
}

async function makeAccounts(server: MariaDbServer, own: readonly StartDatabase[], environment: Environment): Promise<void> {
  const [{ statementsForAccounts }, { createConnection }] = await Promise.all([
    import('../../src/platform/accounts.ts'),
    import('mysql2/promise'),
  ])
  const { host, port, rootUser: user, rootPassword: password } = server
  const connection = await createConnection({ host, port, user, password })
  try {
    for (const database of own) {
      const { schema, username, password, account } = migratorOf(database, environment)
      const statements = statementsForAccounts(database.name, {
        schemaName: schema,
        account,
        password: environment[`${database.prefix}_PASSWORD`] ?? '',
        migratorAccount: username,
        migratorPassword: password,
      })
      for (const statement of statements) await connection.query(statement)
    }
  } finally {
    await connection.end()
  }
}

/** All at once: they know nothing of each other. Returns how many statements ran. */
async function migrate(which: readonly StartDatabase[], environment: Environment, say: (detail: string) => void): Promise<number> {
  const { migrateDatabase } = await import('../../src/platform/migrations.ts')
  try {
    const results = await Promise.all(
      which.map((database) =>
        migrateDatabase(database.name, migratorOf(database, environment), { progress: ({ tag }) => say(`${database.name} ${tag}`) }),
      ),
    )
    return results.reduce((sum, { applied }) => sum + applied, 0)
  } catch (error) {
    throw new Failure({
      what: 'The migrations did not run to their end.',
      why: error instanceof Error ? error.message : String(error),
      mend: 'npm run db -- status shows where each database stands; once the cause is mended the next start goes on from there',
    })
  }
}

function migratorOf({ prefix, name, account, port }: StartDatabase, environment: Environment) {
  const password = environment[`${prefix}_MIGRATOR_PASSWORD`]
  if (password === undefined) {
    throw new Failure({
      what: `${prefix}_MIGRATOR_PASSWORD is not set.`,
      why: `MIGRATE_ON_START=on migrates ${name} on the server that ${prefix}_HOST names.`,
      mend: `set ${prefix}_MIGRATOR_PASSWORD, or MIGRATE_ON_START=off`,
    })
  }
  return {
    host: environment[`${prefix}_HOST`] ?? '127.0.0.1',
    port: Number(environment[`${prefix}_PORT`] || port),
    schema: environment[`${prefix}_NAME`] || name,
    username: environment[`${prefix}_MIGRATOR_USERNAME`] || `${account}_migrator`,
    password,
    /** The run-time account, which gets its grants from the migrator. */
    account: environment[`${prefix}_USERNAME`] || account,
  }
}

/** What the note stands for: the migrations, the code of the grants, the names and the passwords. */
function fingerprint(root: string, own: readonly StartDatabase[], environment: Environment): string {
  const hash = createHash('sha256')
  const folder = join(root, 'drizzle')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(sql|json)$/.test(file))
  for (const file of [...files.sort().map((file) => join(folder, file)), join(root, 'src/platform/accounts.ts'), import.meta.filename]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  }
  for (const { prefix } of own) {
    for (const suffix of ['NAME', 'USERNAME', 'PASSWORD', 'MIGRATOR_USERNAME', 'MIGRATOR_PASSWORD']) {
      hash.update(`${prefix}_${suffix}=${environment[`${prefix}_${suffix}`] ?? ''}\0`)
    }
  }
  return hash.digest('hex')
}
