import type { Config, DatabaseName } from './config.ts'
import { connectionBudgetFaults } from './connection-budget.ts'
import type { Database } from './databases.ts'
import { isAppError } from './errors.ts'
import type { Log } from './logging.ts'
import { verifySchema } from './migrations.ts'

/**
 * What a process asks its databases before it uses them: whether their schema is that of this release, and whether they grant the
 * connections that it and its like want. A database that is away costs its own modules, not the process; it is asked when it answers.
 */
export interface BootChecks {
  /** Waits for migrations that run beside us. Throws when they do not come, and when the pools are too large. */
  run(): Promise<void>
  /** The databases that have been away so far, or came back with another schema than this release needs. */
  readonly unproven: ReadonlySet<DatabaseName>
  stop(): void
}

export interface BootChecksNeeds {
  databases: readonly Pick<Database<DatabaseName>, 'name' | 'requests'>[]
  config: Pick<Config, 'databases' | 'replicas'>
  log: Log
  /** How long a schema may be behind before the process gives up. */
  patienceMs?: number
  retryMs?: number
}

type State = 'current' | 'behind' | 'ahead' | 'away'

export function createBootChecks({ databases, config, log, patienceMs = 60_000, retryMs = 500 }: BootChecksNeeds): BootChecks {
  const unproven = new Set<DatabaseName>()
  let isStopped = false

  async function schemasAreCurrent(): Promise<void> {
    const until = performance.now() + patienceMs
    let waiting = databases
    for (;;) {
      const states = await Promise.all(waiting.map(async (database) => ({ database, state: await stateOf(database) })))
      for (const { database, state } of states) {
        if (state !== 'away') continue
        unproven.add(database.name)
        log.warn({ database: database.name }, 'schema could not be checked')
      }
      waiting = states.filter(({ state }) => state === 'behind').map(({ database }) => database)
      if (waiting.length === 0) return
      const names = waiting.map(({ name }) => name).join(', ')
      if (performance.now() > until) throw new Error(`The schema of ${names} is behind this release. Run: npm run db -- migrate`)
      log.warn({ databases: names }, 'schema is behind, waiting for its migrations')
      await pause(retryMs)
    }
  }

  async function stateOf({ requests }: (typeof databases)[number]): Promise<State> {
    try {
      return await verifySchema(requests)
    } catch (error) {
      if (isAppError(error)) return 'away'
      throw error
    }
  }

  async function budgetFaults(): Promise<string[]> {
    const hosted = databases.flatMap(({ name, requests }) => {
      const settings = config.databases[name]
      return settings && !unproven.has(name) ? [{ connection: requests, settings }] : []
    })
    try {
      return await connectionBudgetFaults(hosted, config.replicas)
    } catch (error) {
      if (!isAppError(error)) throw error
      log.warn({ error }, 'the connection budget could not be checked')
      return []
    }
  }

  /** Goes on until the database is what this release needs: whoever serves already does not end for it. */
  async function prove(database: (typeof databases)[number]): Promise<void> {
    const { name } = database
    let last: State = 'away'
    while (!isStopped) {
      await pause(retryMs)
      const state = await stateOf(database).catch((error: unknown): State => {
        if (last !== 'behind') log.error({ database: name, error }, 'schema is not that of this release')
        return 'behind'
      })
      if (state === 'current' || state === 'ahead') break
      if (state === 'behind' && last !== 'behind') log.warn({ database: name }, 'schema is behind, waiting for its migrations')
      last = state
    }
    if (isStopped) return
    unproven.delete(name)
    log.info({ database: name }, 'schema is checked')
    for (const fault of await budgetFaults()) log.error({ fault }, 'the pools of connections are too large')
  }

  return {
    async run() {
      await schemasAreCurrent()
      const faults = await budgetFaults()
      if (faults.length > 0) throw new Error(`The pools of connections are too large:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
      for (const database of databases) if (unproven.has(database.name)) void prove(database)
    },
    unproven,
    stop() {
      isStopped = true
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref())
