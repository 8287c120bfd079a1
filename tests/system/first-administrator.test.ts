import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadConfig } from '#platform/config.ts'
import { createMetrics } from '#platform/metrics.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { testEnvironment } from '#support/environment.ts'
import { memoryLog } from '#support/http.ts'
import { createApp } from '../../src/app.ts'

let databases: TestDatabases
let dataDir: string

beforeAll(async () => {
  databases = await createTestDatabases()
  dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-administrator-'))
})
afterAll(async () => {
  await databases?.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

it('a first administrator whose password is refused ends the start with the reason, instead of waiting for ever', async () => {
  const config = loadConfig({ ...testEnvironment(databases, dataDir), BOOTSTRAP_ADMIN_PASSWORD: 'passwordpassword' })
  const app = await createApp({ config, log: memoryLog(), metrics: createMetrics({ process: false }) })
  try {
    await expect(app.start()).rejects.toMatchObject({ code: 'PASSWORD_TOO_WEAK' })
  } finally {
    await app.http.app.close()
    await app.close()
  }
})
