import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { statementsForAccounts, statementsForGrants } from '#platform/accounts.ts'
import type { DatabaseSettings, MigratorSettings } from '#platform/config.ts'
import { openConnection, type ServerConnection } from '#platform/database-connection.ts'
import { type DatabaseName, databaseNames, settingPrefix } from '#platform/database-names.ts'
import { readMigrations, readTables } from '#platform/migration-files.ts'
import { ownTables } from '#platform/migrations.ts'
import type { TestServers } from './servers.ts'

export interface TestDatabases {
  /** The run-time accounts, with their grants. */
  settings: Record<DatabaseName, DatabaseSettings>
  migrators: Record<DatabaseName, MigratorSettings>
  /** One statement as the administrator of the server (of the database's own, where each has one), for what no account of ours may do. */
  asRoot(sql: string, name?: DatabaseName): Promise<unknown>
  count(name: DatabaseName, table: string): Promise<number>
  /** Lets nobody write to the table until the function it returns is called. */
  lockTable(name: DatabaseName, table: string): Promise<() => Promise<void>>
  /** The statements that the run-time account of this database has under way. */
  waitingStatements(name: DatabaseName): Promise<string[]>
  drop(): Promise<void>
}

export type RootOfServer = TestServers['mariadb']

export interface TestDatabaseOptions {
  migrated?: boolean
  poolSize?: number
  eventsPoolSize?: number
  /** A server of its own for each database, instead of that of the run. */
  servers?: Readonly<Record<DatabaseName, RootOfServer>>
}

/** Four fresh schemas on the server of the run, migrated, with accounts of their own: what one test does, no other sees. */
export async function createTestDatabases(options: TestDatabaseOptions = {}): Promise<TestDatabases> {
  const serverOf = (name: DatabaseName): RootOfServer => options.servers?.[name] ?? inject('servers').mariadb
  const prefix = `t${randomBytes(4).toString('hex')}_`
  const settings = (name: DatabaseName): DatabaseSettings => ({
    host: serverOf(name).host,
    port: serverOf(name).port,
    schema: `${prefix}${name}`,
    username: `${prefix}${settingPrefix[name].toLowerCase()}`,
    password: 'run-time',
    poolSize: options.poolSize ?? 6,
    eventsPoolSize: options.eventsPoolSize ?? 4,
  })
  const migrator = (name: DatabaseName): MigratorSettings => {
    const { host, port, schema, username: account } = settings(name)
    return { host, port, schema, username: `${account}_migr`, password: 'migrator', account }
  }
  const databases = { settings: forEach(settings), migrators: forEach(migrator) }

  await Promise.all(
    databaseNames.map((name) =>
      withRoot(serverOf(name), async (root) => {
        const { schema, username, password } = databases.settings[name]
        const { username: migratorAccount, password: migratorPassword } = databases.migrators[name]
        const accounts = { schemaName: schema, account: username, password, migratorAccount, migratorPassword }
        for (const statement of statementsForAccounts(name, accounts)) await root.text(statement)
        if (options.migrated === false) return
        await root.text(`USE \`${schema}\``)
        for (const statement of migrationAsOne(name)) await root.text(statement)
        const tables = [...readTables(name), 'leases', 'schema_history']
        for (const statement of statementsForGrants(schema, username, tables)) await root.text(statement)
      }),
    ),
  )

  const asRoot = (sql: string, name: DatabaseName = 'shared_user_db'): Promise<unknown> =>
    withRoot(serverOf(name), async (root) => (await root.text(sql))[0])
  const rows = async (name: DatabaseName, sql: string): Promise<Record<string, unknown>[]> => {
    const result = await asRoot(sql, name)
    return Array.isArray(result) ? result : []
  }
  return {
    ...databases,
    asRoot,
    async count(name, table) {
      const [row] = await rows(name, `SELECT COUNT(*) AS n FROM \`${databases.settings[name].schema}\`.\`${table}\``)
      return Number(row?.n)
    },
    async lockTable(name, table) {
      const root = await openRoot(serverOf(name))
      await root.text(`LOCK TABLES \`${databases.settings[name].schema}\`.\`${table}\` READ`)
      return async () => {
        await root.text('UNLOCK TABLES')
        root.end()
      }
    },
    async waitingStatements(name) {
      const { username } = databases.settings[name]
      const found = await rows(name, `SELECT info FROM information_schema.processlist WHERE user = '${username}' AND info IS NOT NULL`)
      return found.map(({ info }) => String(info))
    },
    drop: async () => {
      for (const name of databaseNames) {
        await withRoot(serverOf(name), async (root) => {
          await root.text(`DROP DATABASE IF EXISTS \`${databases.settings[name].schema}\``)
          await root.text(`DROP USER IF EXISTS '${databases.settings[name].username}', '${databases.migrators[name].username}'`)
        })
      }
    },
  }
}

/** What the runner would do, without its lease and its notes in between: a run of many tests makes many schemas. */
function migrationAsOne(name: DatabaseName): string[] {
  const statements = readMigrations(name)
  const rows = statements.map(({ tag, statement, sha256 }) => `('${tag}', ${statement}, '${sha256}', NOW(3), NOW(3), 0, 'test')`)
  const history = `INSERT INTO schema_history (tag, statement, sha256, started_at, finished_at, ms, app_version) VALUES ${rows.join(', ')}`
  return [...ownTables, ...statements.map(({ sql }) => sql), history]
}

function openRoot({ host, port, rootUser, rootPassword }: RootOfServer): Promise<ServerConnection> {
  return openConnection(
    { host, port, username: rootUser, password: rootPassword },
    { connectMs: 5_000, limits: { statementMs: 0, rowLockSeconds: 5, metadataLockSeconds: 5 } },
  )
}

async function withRoot<R>(server: RootOfServer, work: (root: ServerConnection) => Promise<R>): Promise<R> {
  const root = await openRoot(server)
  try {
    return await work(root)
  } finally {
    root.end()
  }
}

function forEach<V>(make: (name: DatabaseName) => V): Record<DatabaseName, V> {
  return {
    shared_user_db: make('shared_user_db'),
    customer_service_db: make('customer_service_db'),
    carrier_service_db: make('carrier_service_db'),
    pricing_service_db: make('pricing_service_db'),
  }
}
