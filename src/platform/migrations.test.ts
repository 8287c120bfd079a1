import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { openDatabase } from './databases.ts'
import { migrateDatabase, migrationStatus, verifySchema } from './migrations.ts'

const database = 'carrier_service_db'
const log = { warn: () => {}, error: () => {} }

let databases: TestDatabases
let root: string
let child: ChildProcess | undefined

const schema = () => databases.settings[database].schema
const migrate = () => migrateDatabase(database, databases.migrators[database], { root })

/** Writes the migrations of a release: tag → statements, in this order. */
function release(migrations: Record<string, string[]>): void {
  const folder = join(root, database, 'migrations')
  rmSync(join(root, database), { recursive: true, force: true })
  mkdirSync(join(folder, 'meta'), { recursive: true })
  const tags = Object.keys(migrations)
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ entries: tags.map((tag, idx) => ({ idx, tag })) }))
  for (const tag of tags) writeFileSync(join(folder, `${tag}.sql`), (migrations[tag] ?? []).join('\n--> statement-breakpoint\n'))
  writeFileSync(join(root, database, 'tables.json'), '[]')
}

const rowsOf = async (sql: string): Promise<Record<string, unknown>[]> => {
  const result = await databases.asRoot(sql)
  return Array.isArray(result) ? result : []
}
const history = () =>
  rowsOf(`SELECT tag, statement, finished_at IS NOT NULL AS finished FROM ${schema()}.schema_history ORDER BY tag, statement`)

const ports = 'CREATE TABLE ports (id int PRIMARY KEY, name varchar(20)) ENGINE=InnoDB'
const ships = 'CREATE TABLE ships (id int PRIMARY KEY) ENGINE=InnoDB'
const onePort = "INSERT INTO ports VALUES (1, 'Hamburg')"

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'migrations-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(async () => {
  databases = await createTestDatabases({ migrated: false })
})
afterEach(async () => {
  child?.kill('SIGKILL')
  child = undefined
  await databases.drop()
})

test('every statement runs once, in order, and a second run finds nothing to do', async () => {
  release({ '0000_ports': [ports, onePort], '0001_ships': [ships] })

  expect(await migrate()).toMatchObject({ applied: 3, total: 3 })
  expect(await migrate()).toMatchObject({ applied: 0, total: 3 })

  expect(await history()).toEqual([
    { tag: '0000_ports', statement: 0, finished: 1 },
    { tag: '0000_ports', statement: 1, finished: 1 },
    { tag: '0001_ships', statement: 0, finished: 1 },
  ])
})

test('a migration that was edited after it had run is refused by name, and nothing else runs', async () => {
  release({ '0000_ports': [ports] })
  await migrate()
  release({ '0000_ports': [ports.replace('20', '30')], '0001_ships': [ships] })

  await expect(migrate()).rejects.toThrow(/migration 0000_ports, statement 1 was edited after it had run\. Restore the file/)

  expect(await history()).toHaveLength(1)
})

test('a migration merged late with an older place is refused instead of skipped', async () => {
  release({ '0001_ships': [ships] })
  await migrate()
  release({ '0000_ports': [ports], '0001_ships': [ships] })

  await expect(migrate()).rejects.toThrow(/0000_ports, statement 1 has not run, but migration 0001_ships/)
})

test('a database that is ahead of the release is not migrated, but may be served', async () => {
  release({ '0000_ports': [ports], '0001_ships': [ships] })
  await migrate()
  release({ '0000_ports': [ports] })

  await expect(migrate()).rejects.toThrow(/0001_ships, statement 1 has run, but this release does not know it/)
  const runtime = openDatabase(database, databases.settings[database], { log })
  expect(await verifySchema(runtime.requests, root)).toBe('ahead')
  await runtime.close()
})

test('the process sees with its own account whether the schema is behind or current', async () => {
  release({ '0000_ports': [ports] })
  const runtime = openDatabase(database, databases.settings[database], { log })

  const before = await verifySchema(runtime.requests, root)
  await migrate()
  const after = await verifySchema(runtime.requests, root)

  expect([before, after]).toEqual(['behind', 'current'])
  await runtime.close()
})

test('three runners at once run each statement once', async () => {
  release({ '0000_ports': [ports, onePort, 'INSERT INTO ports SELECT id + 1, name FROM ports'] })

  const results = await Promise.all([migrate(), migrate(), migrate()])

  expect(results.map(({ applied }) => applied).toSorted()).toEqual([0, 0, 3])
  expect(await databases.count(database, 'ports')).toBe(2)
})

test('a run that was killed in the middle of a statement goes on where it stopped', async () => {
  release({ '0000_ports': [ports] })
  await migrate()
  release({ '0000_ports': [ports], '0001_more': [ships, onePort, 'ALTER TABLE ports ADD flag varchar(2)'] })
  const unlock = await databases.lockTable(database, 'ports')
  const program = `import { migrateDatabase } from ${JSON.stringify(join(import.meta.dirname, 'migrations.ts'))}
    await migrateDatabase('${database}', ${JSON.stringify(databases.migrators[database])}, { root: ${JSON.stringify(root)} })`
  child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' })
  const stuck = { tag: '0001_more', statement: 1, finished: 0 }
  await vi.waitFor(async () => expect(await history()).toContainEqual(stuck), { timeout: 10_000, interval: 20 })

  child.kill('SIGKILL')
  await databases.asRoot(`UPDATE ${schema()}.leases SET until = NOW(3) - INTERVAL 1 SECOND`)
  await unlock()

  expect(await migrate()).toMatchObject({ applied: 2, total: 4 })
  expect(await databases.count(database, 'ports')).toBe(1)
  expect(await history()).not.toContainEqual(expect.objectContaining({ finished: 0 }))
})

test('"already there" is believed of the statement that was begun, and of no other', async () => {
  release({ '0000_ports': [ports], '0001_ships': [ships] })
  await databases.asRoot(`CREATE TABLE ${schema()}.ships (id int PRIMARY KEY)`)
  await expect(migrate()).rejects.toThrow(/0001_ships, statement 1 failed: .*already exists/)

  // It has been begun now: a run that died between the DDL and its note looks like this.
  expect(await migrate()).toMatchObject({ applied: 1 })
})

test('rows of a failed statement are gone together with the note that they are there', async () => {
  release({ '0000_ports': [ports, "INSERT INTO ports VALUES (1, 'Hamburg'), (1, 'Bremen')"] })

  await expect(migrate()).rejects.toThrow(/0000_ports, statement 2 failed: Duplicate entry/)

  expect(await databases.count(database, 'ports')).toBe(0)
  expect(await migrationStatus(database, databases.migrators[database], root)).toMatchObject({
    statements: [{ state: 'done' }, { state: 'unfinished' }],
  })
})

test('a runner that lost its lease stops before the next statement', async () => {
  release({ '0000_ports': [ports, 'DO SLEEP(0.2)', ships] })
  const running = migrateDatabase(database, databases.migrators[database], {
    root,
    progress: ({ statement }) => {
      if (statement === 1) void databases.asRoot(`UPDATE ${schema()}.leases SET owner = 'somebody else'`)
    },
  })

  await expect(running).rejects.toThrow(/another runner took over/)

  expect(await history()).not.toContainEqual(expect.objectContaining({ statement: 2 }))
})

test('a table that somebody uses makes the migration fail in seconds instead of blocking everybody behind it', async () => {
  release({ '0000_ports': [ports] })
  await migrate()
  release({ '0000_ports': [ports], '0001_flag': ['ALTER TABLE ports ADD flag varchar(2)'] })
  const unlock = await databases.lockTable(database, 'ports')
  const started = performance.now()

  await expect(migrate()).rejects.toThrow(/0001_flag, statement 1 failed: Lock wait timeout/)

  expect(performance.now() - started).toBeLessThan(8_000)
  await unlock()
  expect(await migrate()).toMatchObject({ applied: 1 })
})
