import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getTableColumns, getTableName, isTable } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DatabaseName, databaseNames } from '#platform/config.ts'
import { migrationsRoot, readTables } from '#platform/migration-files.ts'
import * as platformTables from '#platform/tables.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import * as auth from '../../src/modules/auth/tables.ts'
import * as carrier from '../../src/modules/carrier/tables.ts'
import * as customer from '../../src/modules/customer/tables.ts'
import * as pricing from '../../src/modules/pricing/tables.ts'
import * as user from '../../src/modules/user/tables.ts'

/** The tables in the databases are the tables in the code. What differs is drift: generate the migration that is missing. */

const inCode: Record<DatabaseName, object[]> = {
  shared_user_db: [platformTables, auth, user],
  customer_service_db: [platformTables, customer],
  carrier_service_db: [platformTables, carrier],
  pricing_service_db: [platformTables, pricing],
}
/** Made by the runner of the migrations, before the first of them. */
const ofTheRunner = ['leases', 'schema_history']

let databases: TestDatabases
beforeAll(async () => {
  databases = await createTestDatabases()
})
afterAll(() => databases?.drop())

/** `table.column type null|not null`, one line for each column. */
function columnsInCode(name: DatabaseName): string[] {
  return inCode[name]
    .flatMap((module) => Object.values(module).filter((value) => isTable(value)))
    .flatMap((table) =>
      Object.values(getTableColumns(table)).map(
        (column) => `${getTableName(table)}.${column.name} ${plainType(column.getSQLType())} ${column.notNull ? 'not null' : 'null'}`,
      ),
    )
    .toSorted()
}

async function columnsInDatabase(name: DatabaseName): Promise<string[]> {
  const rows = await databases.asRoot(
    `SELECT table_name AS t, column_name AS c, column_type AS type, is_nullable AS n FROM information_schema.columns
     WHERE table_schema = '${databases.settings[name].schema}'`,
  )
  if (!Array.isArray(rows)) return []
  return rows
    .filter(({ t }) => !ofTheRunner.includes(t))
    .map(({ t, c, type, n }) => `${t}.${c} ${plainType(type)} ${n === 'YES' ? 'null' : 'not null'}`)
    .toSorted()
}

/** What servers say differently about the same type. */
const plainType = (type: string): string =>
  type
    .toLowerCase()
    .replace(/ character set.*$/, '')
    .replace(/\b(int|bigint|smallint|tinyint)\(\d+\)/, '$1')
    .replace(/^boolean$/, 'tinyint')
    .replace(/^json$/, 'longtext')

describe.each(databaseNames)('%s', (name) => {
  test('has the tables and columns of the code: otherwise run `npm run db -- generate`', async () => {
    expect(await columnsInDatabase(name)).toEqual(columnsInCode(name))
  })

  test('keeps the list of its tables, by which the run-time account gets its grants', async () => {
    const rows = await databases.asRoot(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${databases.settings[name].schema}'`,
    )
    const tables = Array.isArray(rows) ? rows.map((row) => String(row.name)) : []

    expect([...readTables(name), ...ofTheRunner].toSorted()).toEqual(tables.toSorted())
  })

  test('gives every table a primary key, InnoDB and utf8mb4', async () => {
    const { schema } = databases.settings[name]
    const wrong = await databases.asRoot(
      `SELECT t.table_name FROM information_schema.tables t WHERE t.table_schema = '${schema}' AND (t.engine <> 'InnoDB'
         OR t.table_collation NOT LIKE 'utf8mb4%' OR NOT EXISTS (SELECT 1 FROM information_schema.statistics s
           WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY'))`,
    )

    expect(wrong).toEqual([])
  })

  test('names every file of its migrations in the journal', () => {
    const folder = join(migrationsRoot(), name, 'migrations')
    const journal: { entries: { tag: string }[] } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'))

    const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
    expect(files.toSorted()).toEqual(journal.entries.map(({ tag }) => `${tag}.sql`).toSorted())
  })
})

test('a column that only the database has is found', async () => {
  await databases.asRoot(`ALTER TABLE ${databases.settings.carrier_service_db.schema}.audit_log ADD planted int`)

  const drift = (await columnsInDatabase('carrier_service_db')).filter((line) => !columnsInCode('carrier_service_db').includes(line))

  expect(drift).toEqual(['audit_log.planted int null'])
})
