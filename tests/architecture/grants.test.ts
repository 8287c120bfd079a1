import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { statementsForAccounts, verbsOf } from '#platform/accounts.ts'
import { type DatabaseName, databaseNames } from '#platform/config.ts'
import { openConnection, type ServerConnection } from '#platform/database-connection.ts'
import { readTables } from '#platform/migration-files.ts'
import { createRedis } from '#platform/redis.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'

/** The wall at the server: what an account may not do is refused there, whatever the code tries. 1142, 1044: denied. */

const limits = { statementMs: 2_000, rowLockSeconds: 1, metadataLockSeconds: 1 }
const denied = [1142, 1044]

let databases: TestDatabases
const connections = new Map<DatabaseName, ServerConnection>()
/** `<schema>.<table>` → its first column. */
const firstColumns = new Map<string, string>()

beforeAll(async () => {
  databases = await createTestDatabases()
  const columns = await databases.asRoot(
    'SELECT CONCAT(table_schema, ".", table_name) AS place, column_name AS name FROM information_schema.columns WHERE ordinal_position = 1',
  )
  if (Array.isArray(columns)) for (const { place, name } of columns) firstColumns.set(place, name)
  for (const name of databaseNames) {
    connections.set(name, await openConnection(databases.settings[name], { connectMs: 2_000, limits }))
  }
})
afterAll(async () => {
  for (const connection of connections.values()) connection.destroy()
  await databases?.drop()
})

const tablesOf = (name: DatabaseName): string[] => [...readTables(name), 'leases', 'schema_history']
const schemaOf = (name: DatabaseName): string => databases.settings[name].schema
const columnOf = (name: DatabaseName, table: string): string => `\`${firstColumns.get(`${schemaOf(name)}.${table}`)}\``

/** The error number with which the server answers, or undefined when it obeys. */
async function answer(name: DatabaseName, sql: string): Promise<number | undefined> {
  try {
    await connections.get(name)?.text(sql)
    return undefined
  } catch (error) {
    return typeof error === 'object' && error !== null && 'errno' in error ? Number(error.errno) : -1
  }
}

/** Statements that change nothing even where they are allowed. */
const attempts = (table: string, column: string): Record<string, string> => ({
  SELECT: `SELECT 1 FROM ${table} LIMIT 0`,
  INSERT: `INSERT INTO ${table} SELECT * FROM ${table} WHERE FALSE`,
  UPDATE: `UPDATE ${table} SET ${column} = ${column} WHERE FALSE`,
  DELETE: `DELETE FROM ${table} WHERE FALSE`,
})

describe.each(databaseNames)('the run-time account of %s', (name) => {
  test('reads and changes the tables of its own database, and no more of them than it needs', async () => {
    const wrong: string[] = []
    for (const table of tablesOf(name)) {
      for (const [verb, sql] of Object.entries(attempts(table, columnOf(name, table)))) {
        const got = await answer(name, sql)
        const isAllowed = verbsOf(table).includes(verb)
        if (isAllowed ? got !== undefined : !denied.includes(got ?? 0)) wrong.push(`${verb} on ${table}: ${got ?? 'obeyed'}`)
      }
    }

    expect(wrong).toEqual([])
  })

  test('is denied every verb on every table of every other database', async () => {
    const wrong: string[] = []
    for (const other of databaseNames.filter((candidate) => candidate !== name)) {
      for (const table of tablesOf(other)) {
        for (const [verb, sql] of Object.entries(attempts(`${schemaOf(other)}.${table}`, columnOf(other, table)))) {
          const got = await answer(name, sql)
          if (!denied.includes(got ?? 0)) wrong.push(`${verb} on ${other}.${table}: ${got ?? 'obeyed'}`)
        }
      }
    }

    expect(wrong).toEqual([])
  })

  test('is denied a join across databases that stand on one server', async () => {
    const other = databaseNames.find((candidate) => candidate !== name) ?? name

    const got = await answer(name, `SELECT 1 FROM outbox AS mine JOIN ${schemaOf(other)}.outbox AS theirs ON mine.id = theirs.id`)

    expect(denied).toContain(got)
  })

  test('is denied every change of a definition', async () => {
    const definitions = [
      'CREATE TABLE planted (id int)',
      'ALTER TABLE outbox ADD planted int',
      'DROP TABLE outbox',
      'TRUNCATE TABLE outbox',
      'CREATE INDEX planted ON outbox (type)',
      'CREATE VIEW planted AS SELECT 1',
      'CREATE TRIGGER planted BEFORE INSERT ON outbox FOR EACH ROW SET @planted = 1',
      `CREATE DATABASE ${schemaOf(name)}_planted`,
      `GRANT SELECT ON outbox TO '${databases.settings[name].username}'@'%'`,
    ]

    const answers = await Promise.all(definitions.map(async (sql) => [sql, await answer(name, sql)]))

    expect(answers.filter(([, got]) => !denied.includes(Number(got)))).toEqual([])
  })
})

test('a grant on one schema does not open another whose name fits its underscores', async () => {
  const [, , , , , grant] = statementsForAccounts('shared_user_db', {
    schemaName: 'shared_user_db',
    account: 'shared_user',
    password: "it's \\ quoted",
    migratorAccount: 'shared_user_migrator',
    migratorPassword: 'x',
  })

  expect(grant).toContain('ON `shared\\_user\\_db`.* TO')

  const migrator = await openConnection(databases.migrators.shared_user_db, { connectMs: 2_000, limits })
  const neighbour = schemaOf('shared_user_db').replaceAll('_', 'X')
  await databases.asRoot(`CREATE DATABASE ${neighbour}`)
  await expect(migrator.text(`CREATE TABLE ${neighbour}.planted (id int)`)).rejects.toMatchObject({ errno: 1142 })
  await databases.asRoot(`DROP DATABASE ${neighbour}`)
  migrator.destroy()
})

test('a module reaches no Redis key but its own', async () => {
  const redis = createRedis({ ...inject('servers').redis, keyPrefix: 'walls:' }, { log: { warn: () => {}, error: () => {} } })
  const auth = redis.forModule('auth')
  const user = redis.forModule('user')

  expect(auth.key('s', 17, 'state')).toBe('walls:auth:{s:17}:state')
  await expect(user.get(auth.key('s', 17, 'state'))).rejects.toThrow('user may not touch the key walls:auth:{s:17}:state')
  await expect(user.set('walls:users:{u:1}:x', '1', 1_000)).rejects.toThrow(/may not touch/)
  await expect(user.delete('anything')).rejects.toThrow(/may not touch/)
  await expect(user.run({ lua: 'return 1', sha: 'x' }, [user.key('u', 1, 'x'), auth.key('u', 1, 'x')], [])).rejects.toThrow(/may not touch/)
  await redis.close()
})
