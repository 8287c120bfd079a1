import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { privateMariaDb, type Restartable } from '#support/servers.ts'
import { initFile, initScript } from '../../scripts/compose-init.ts'
import type { MariaDbServer } from '../../scripts/servers/mariadb.ts'

// What a shell, sed or SQL might take for its own.
const password = `it's "a" \\ b & $c @PASSWORD@`
const migratorPassword = `'; DROP DATABASE mysql; -- \\'`

/** The statements that the entry point of the image would have been given. */
function statementsFor(environment: Record<string, string>): string {
  const run = spawnSync('bash', ['--norc', '--noprofile', '-euo', 'pipefail', '-c', `docker_process_sql() { cat; echo; }; . ${initFile}`], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...environment },
  })
  expect(run.stderr).toBe('')
  return run.stdout
}

describe('the script that makes the accounts in containers', () => {
  let mariadb: Restartable<MariaDbServer>
  beforeAll(async () => {
    mariadb = await privateMariaDb()
    const { host, port, rootUser: user, rootPassword } = mariadb.server
    const root = await createConnection({ host, port, user, password: rootPassword, multipleStatements: true })
    await root.query(statementsFor({ CARRIER_DB_PASSWORD: password, CARRIER_DB_MIGRATOR_PASSWORD: migratorPassword }))
    await root.end()
  })
  afterAll(() => mariadb.remove())

  const connectAs = (user: string, password: string) =>
    createConnection({ host: mariadb.server.host, port: mariadb.server.port, user, password, database: 'carrier_service_db' })

  it('is what the code of the accounts says today (npm run compose-init)', () => {
    expect(readFileSync(initFile, 'utf8')).toBe(initScript())
  })

  it('is read by the entry point, not executed: it needs the functions of the entry point', () => {
    expect(statSync(initFile).mode & 0o111).toBe(0)
  })

  it('makes accounts whose passwords hold any characters', async () => {
    const migrator = await connectAs('carrier_user_migrator', migratorPassword)
    await migrator.query('CREATE TABLE made (id INT PRIMARY KEY)')
    await migrator.query("GRANT SELECT ON made TO 'carrier_user'@'%'")
    await migrator.end()

    const runtime = await connectAs('carrier_user', password)
    const [rows] = await runtime.query('SELECT * FROM made')
    await expect(runtime.query('DROP TABLE made')).rejects.toMatchObject({ errno: 1142 })
    await runtime.end()

    expect(rows).toEqual([])
  })

  it('makes nothing for databases whose passwords the container was not given', () => {
    expect(statementsFor({})).toBe('')
  })
})
