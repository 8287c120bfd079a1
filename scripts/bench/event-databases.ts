import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openConnection } from '#platform/database-connection.ts'
import { createTestDatabases } from '#support/databases.ts'
import type { WorldSettings } from '#support/event-crew.ts'
import { findBinaries, hasAll } from '../servers/binaries.ts'
import { initialiseMariaDb, startMariaDb } from '../servers/mariadb.ts'
import { missingPackages } from '../servers/packages.ts'
import { onFreePort } from '../servers/ports.ts'

/** A publisher's and a consumer's database on a server of their own, as durable as that of `npm start`. */
export interface EventDatabases {
  readonly settings: WorldSettings
  readonly serverPid: number
  rows(of: keyof WorldSettings, statement: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** Files in memory leave the disk out: what remains is the work of processes and server. */
export type Storage = 'disk' | 'memory'

export async function openEventDatabases(storage: Storage): Promise<EventDatabases> {
  const binaries = findBinaries()
  if (!hasAll(binaries)) throw missingPackages(binaries)
  const folder = mkdtempSync(join(storage === 'memory' ? '/dev/shm' : tmpdir(), 'bulkhead-bench-events-'))
  const rootPassword = randomBytes(12).toString('hex')
  mkdirSync(folder, { recursive: true })
  await initialiseMariaDb({ binaries, folder })
  const server = await onFreePort(undefined, (port) => startMariaDb({ binaries, folder, port, rootPassword, profile: 'durable' }))
  const databases = await createTestDatabases({
    servers: { shared_user_db: server, customer_service_db: server, carrier_service_db: server, pricing_service_db: server },
  })
  const settings = { ships: databases.settings.shared_user_db, harbours: databases.settings.customer_service_db }
  const rootOf = ({ host, port, schema }: WorldSettings['ships']) =>
    openConnection(
      { host, port, schema, username: server.rootUser, password: rootPassword },
      { connectMs: 5_000, limits: { statementMs: 0, rowLockSeconds: 30, metadataLockSeconds: 30 } },
    )
  const roots = { ships: await rootOf(settings.ships), harbours: await rootOf(settings.harbours) }
  const rows: EventDatabases['rows'] = async (of, statement) => {
    const [found] = await roots[of].text(statement)
    return Array.isArray(found) ? found : []
  }
  await rows('ships', 'CREATE TABLE ship (id INT AUTO_INCREMENT PRIMARY KEY, step INT NOT NULL)')
  await rows('harbours', 'CREATE TABLE book (id INT AUTO_INCREMENT PRIMARY KEY, event_id CHAR(36) NOT NULL)')
  await rows('ships', `GRANT SELECT, INSERT ON ship TO '${settings.ships.username}'@'%'`)
  await rows('harbours', `GRANT SELECT, INSERT ON book TO '${settings.harbours.username}'@'%'`)
  return {
    settings,
    serverPid: server.pid,
    rows,
    async close() {
      for (const root of Object.values(roots)) root.end()
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
