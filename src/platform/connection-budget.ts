import type { DatabaseSettings } from './config.ts'
import type { Connection, DatabaseName } from './databases.ts'

/** Share of a server's connections that processes like this one may take; the rest is for migrations, backups and people. */
const share = 0.8

export interface HostedDatabase {
  connection: Pick<Connection<DatabaseName>, 'name' | 'statement'>
  settings: Pick<DatabaseSettings, 'host' | 'port' | 'poolSize' | 'eventsPoolSize'>
}

/**
 * Whether the pools of all replicas fit their servers: too many connections show only under load, when it is too late. Answers
 * one sentence per server that is too small. Rejects when a server is away.
 */
export async function connectionBudgetFaults(hosted: readonly HostedDatabase[], replicas: number): Promise<string[]> {
  const byServer = Map.groupBy(hosted, ({ settings }) => `${settings.host}:${settings.port}`)
  const faults = await Promise.all(
    [...byServer].map(async ([server, databases]) => {
      const wanted = replicas * databases.reduce((sum, { settings }) => sum + settings.poolSize + settings.eventsPoolSize, 0)
      const [first] = databases
      if (!first) return []
      const [rows] = await first.connection.statement('SELECT @@max_connections AS allowed', [])
      const [row] = Array.isArray(rows) ? rows : []
      const allowed = Math.floor(Number(row?.allowed) * share)
      if (wanted <= allowed) return []
      const names = databases.map(({ connection }) => connection.name).join(', ')
      return [
        `${server} (${names}) grants ${allowed} connections to this application, but ${replicas} replica(s) want ${wanted}: lower DB_POOL_SIZE or EVENTS_POOL_SIZE, or raise max_connections`,
      ]
    }),
  )
  return faults.flat()
}
