import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { memoryLog } from '#support/http.ts'
import { createTcpProxy, type TcpProxy } from '#support/tcp-proxy.ts'
import { createBootChecks } from './boot-checks.ts'
import { type Database, openDatabase } from './databases.ts'

let databases: TestDatabases
let line: TcpProxy
let database: Database<'carrier_service_db'>
let log: ReturnType<typeof memoryLog>
beforeEach(async () => {
  databases = await createTestDatabases()
  line = await createTcpProxy(databases.settings.carrier_service_db)
  log = memoryLog()
  database = openDatabase('carrier_service_db', { ...databases.settings.carrier_service_db, port: line.port }, { log })
})
afterEach(async () => {
  await database.close()
  await line.close()
  await databases.drop()
})

const checks = (replicas: number) =>
  createBootChecks({
    databases: [database],
    config: { databases: { carrier_service_db: databases.settings.carrier_service_db }, replicas },
    log,
    retryMs: 20,
  })

it('pools that are too large for a server end the start where it answers', async () => {
  await expect(checks(1_000).run()).rejects.toThrow(/The pools of connections are too large:\n {2}- .*carrier_service_db/)
})

it('pools that are too large for a server that comes later are said in the log: the process serves others by then', async () => {
  line.refuse()
  const late = checks(1_000)
  await late.run()
  const before = [...late.unproven]
  line.heal()

  await expect.poll(() => log.lines.map(({ message }) => message), { timeout: 5_000 }).toContain('the pools of connections are too large')
  expect(before).toEqual(['carrier_service_db'])
  expect([...late.unproven]).toEqual([])
})
