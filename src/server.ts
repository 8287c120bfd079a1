import { createApp } from './app.ts'
import { ConfigError, loadConfig } from './platform/config.ts'
import { createLog } from './platform/logging.ts'
import { installShutdown } from './platform/shutdown.ts'

/** The process: configuration, the app, listening, and a graceful end. */

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
  await app.checks.run()
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

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

try {
  await main()
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exit(1)
}
