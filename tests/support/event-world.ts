import { inject } from 'vitest'
import { openConnection } from '#platform/database-connection.ts'
import type { DatabaseSettings } from '#platform/databases.ts'
import { createTestDatabases, type RootOfServer } from './databases.ts'
import { type Crew, createCrew, type WorldSettings } from './event-crew.ts'

/** Two databases with a table of the test's own in each, and a root connection to look at them with. On the server of the run, or another. */
export async function createWorld(server: RootOfServer = inject('servers').mariadb) {
  const databases = await createTestDatabases({
    servers: { shared_user_db: server, customer_service_db: server, carrier_service_db: server, pricing_service_db: server },
  })
  const { host, port, rootUser: username, rootPassword: password } = server
  const settings: WorldSettings = { ships: databases.settings.shared_user_db, harbours: databases.settings.customer_service_db }
  const rootOf = ({ schema }: DatabaseSettings) =>
    openConnection(
      { host, port, schema, username, password },
      { connectMs: 5_000, limits: { statementMs: 0, rowLockSeconds: 5, metadataLockSeconds: 5 } },
    )
  const root = { ships: await rootOf(settings.ships), harbours: await rootOf(settings.harbours) }
  await root.ships.text('CREATE TABLE ship (id INT PRIMARY KEY, step INT NOT NULL)')
  await root.harbours.text(`CREATE TABLE book (
    id INT AUTO_INCREMENT PRIMARY KEY, event_id CHAR(36) NOT NULL, subject VARCHAR(80) NOT NULL, subject_seq BIGINT NOT NULL, step INT NOT NULL)`)
  await root.ships.text(`GRANT SELECT, INSERT ON ship TO '${settings.ships.username}'@'%'`)
  await root.harbours.text(`GRANT SELECT, INSERT ON book TO '${settings.harbours.username}'@'%'`)
  const crews: Crew[] = []

  return {
    settings,
    crew(timings?: Parameters<typeof createCrew>[1], more?: Parameters<typeof createCrew>[2]): Crew {
      const crew = createCrew(settings, timings, more)
      crews.push(crew)
      return crew
    },
    async rows(of: keyof WorldSettings, text: string): Promise<Record<string, unknown>[]> {
      const [rows] = await root[of].text(text)
      return Array.isArray(rows) ? rows : []
    },
    /** Locks what the statement reads, until released. */
    async hold(of: keyof WorldSettings, text: string): Promise<{ release(): Promise<void> }> {
      const holder = await rootOf(settings[of])
      await holder.text('START TRANSACTION')
      await holder.text(text)
      return {
        async release() {
          await holder.text('ROLLBACK')
          holder.end()
        },
      }
    },
    async drop() {
      await Promise.all(crews.map((crew) => crew.close()))
      root.ships.end()
      root.harbours.end()
      await databases.drop()
    },
  }
}
export type World = Awaited<ReturnType<typeof createWorld>>

/** The book tells each subject's events once each and in order: 1, 2, 3 … */
export function faultsOf(book: readonly Record<string, unknown>[]): { duplicates: number; inversions: number } {
  const seen = new Set<string>()
  const lastOf = new Map<string, number>()
  let duplicates = 0
  let inversions = 0
  for (const row of book) {
    const id = String(row.event_id)
    if (seen.has(id)) duplicates += 1
    seen.add(id)
    const subject = String(row.subject)
    const seq = Number(row.subject_seq)
    if (seq <= (lastOf.get(subject) ?? 0)) inversions += 1
    lastOf.set(subject, seq)
  }
  return { duplicates, inversions }
}

/** Waits for a condition, never for time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, withinMs = 25_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
