import { type App, createApp } from './app.ts'
import { type Config, ConfigError, loadConfig } from './platform/config.ts'
import { connectionBudgetFaults } from './platform/connection-budget.ts'
import { isAppError } from './platform/errors.ts'
import { createLog, type Log } from './platform/logging.ts'
import { verifySchema } from './platform/migrations.ts'
import { installShutdown } from './platform/shutdown.ts'

/** The process: configuration, the app, listening, and a graceful end. */

/** How long a schema may be behind before the process gives up. */
const schemaPatienceMs = 60_000
const retryMs = 500

async function main(): Promise<void> {
  const config = loadConfig()
  const log = createLog(config)
  const app = await createApp({ config, log })
  const { http, internal, health, events, jobs } = app

  const shutdown = installShutdown({
    log,
    stillRunning: http.inFlight,
    steps: [
      { name: 'leave the balancer', run: () => health.drain() },
      { name: 'stop jobs', run: () => jobs.stop() },
      { name: 'stop events', run: () => events.stop() },
      {
        name: 'serve on',
        run: () => {
          // Every answer of this time asks its client to connect anew, so those who keep connections leave meanwhile.
          void http.drain()
          internal.drain()
          return pause(config.drainDelayMs)
        },
      },
      { name: 'send clients away', run: () => http.drain() },
      { name: 'finish requests', run: () => http.app.close() },
      { name: 'close the internal listener', run: () => internal.close() },
      { name: 'close connections', run: () => app.close() },
    ],
  })

  const url = await http.app.listen({ host: config.host, port: config.port })
  const inside = await internal.listen({ host: config.internalHost, port: config.internalPort })
  await health.start()
  await schemasAreCurrent(app, log)
  await budgetIsKept(app, config, log)
  // Signals are heard from the beginning: what was asked to end begins nothing more.
  if (shutdown.isUnderWay) return
  await app.start()
  await events.start()
  jobs.start()
  if (shutdown.isUnderWay) return
  health.started()
  log.info({ url, internal: `http://${inside.host}:${inside.port}`, pid: process.pid }, 'ready')
  log.flush()
  // Whoever started us may wait for it, and the log may be silent.
  process.send?.({ type: 'ready' })
}

/** Waits for migrations that run beside us; a database that is away costs its own routes, not the process. */
async function schemasAreCurrent({ databases }: App, log: Log): Promise<void> {
  const until = performance.now() + schemaPatienceMs
  let waiting = databases
  for (;;) {
    const states = await Promise.all(waiting.map(async (database) => ({ database, state: await stateOf(database) })))
    for (const { database, state } of states) if (state === 'away') log.warn({ database: database.name }, 'schema could not be checked')
    waiting = states.filter(({ state }) => state === 'behind').map(({ database }) => database)
    if (waiting.length === 0) return
    const names = waiting.map(({ name }) => name).join(', ')
    if (performance.now() > until) throw new Error(`The schema of ${names} is behind this release. Run: npm run db -- migrate`)
    log.warn({ databases: names }, 'schema is behind, waiting for its migrations')
    await pause(retryMs)
  }
}

async function stateOf(database: App['databases'][number]): Promise<'current' | 'behind' | 'ahead' | 'away'> {
  try {
    return await verifySchema(database.requests)
  } catch (error) {
    if (isAppError(error)) return 'away'
    throw error
  }
}

async function budgetIsKept({ databases }: App, config: Config, log: Log): Promise<void> {
  const hosted = databases.flatMap(({ name, requests }) => {
    const settings = config.databases[name]
    return settings ? [{ connection: requests, settings }] : []
  })
  try {
    const faults = await connectionBudgetFaults(hosted, config.replicas)
    if (faults.length > 0) throw new Error(`The pools of connections are too large:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
  } catch (error) {
    if (!isAppError(error)) throw error
    log.warn({ error }, 'the connection budget could not be checked')
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

try {
  await main()
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exit(1)
}
