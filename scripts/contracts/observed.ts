import { databaseNames, loadConfig } from '#platform/config.ts'
import { openDatabase } from '#platform/databases.ts'
import type { Envelope } from '#platform/event-contracts.ts'
import { partitions } from '#platform/event-partitions.ts'
import { createEventSource } from '#platform/event-sources.ts'

const newest = 5_000

/** What the system of this environment has published lately, the oldest first. */
export async function observedEvents(environment: NodeJS.ProcessEnv): Promise<Envelope[]> {
  const { databases } = loadConfig(environment)
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const found: Envelope[] = []
  for (const name of databaseNames) {
    const settings = databases[name]
    if (!settings) continue
    const database = openDatabase(name, settings, { log: silent })
    try {
      const source = createEventSource(database)
      for (let part = 0; part < partitions; part += 1) {
        const head = (await source.bounds(part)).next - 1
        const { events } = await source.read(part, Math.max(1, head - newest + 1), newest)
        found.push(...events.map(({ envelope }) => envelope))
      }
    } finally {
      await database.close()
    }
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
}
