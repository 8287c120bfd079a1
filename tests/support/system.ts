import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, loadConfig } from '#platform/config.ts'
import { createLog } from '#platform/logging.ts'
import { createMetrics } from '#platform/metrics.ts'
import { type Api, createApi } from '../../scripts/api.ts'
import { type App, createApp } from '../../src/app.ts'
import { createTestDatabases, type TestDatabases } from './databases.ts'
import { firstAdmin, testEnvironment } from './environment.ts'

/** The whole system inside the test's process, on fresh databases or those of the caller, listening on a port of its own; contracts go over loopback. */
export interface System {
  url: string
  api: Api
  app: App
  config: Config
  databases: TestDatabases
  admin: { email: string; password: string }
  stop(): Promise<void>
}

export async function startSystem(settings: Record<string, string> = {}, on?: TestDatabases): Promise<System> {
  const databases = on ?? (await createTestDatabases())
  const dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-system-'))
  const config = loadConfig({
    ...testEnvironment(databases, dataDir),
    TRANSPORT: 'loopback',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    ...settings,
  })
  const app = await createApp({ config, log: createLog(config), metrics: createMetrics({ process: false }) })
  await app.start()
  await app.events.start()
  app.jobs.start()
  const url = await app.http.app.listen({ host: '127.0.0.1', port: 0 })
  app.health.started()
  return {
    url,
    api: createApi(url),
    app,
    config,
    databases,
    admin: firstAdmin,
    async stop() {
      void app.http.drain()
      await app.jobs.stop()
      await app.events.stop()
      await app.http.app.close()
      await app.close()
      await databases.drop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
