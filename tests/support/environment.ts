import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { settingPrefix } from '#platform/config.ts'
import { type ModuleName, moduleNames, moduleTable } from '#platform/module-table.ts'
import type { TestDatabases } from './databases.ts'

export const firstAdmin = { email: 'admin@example.com', password: 'eleven brass bells' }

/** Limits that no test reaches by accident. */
export const unlimitedRates = {
  RATE_LIMIT_PER_MINUTE: '1000000',
  RATE_LIMIT_WRITES_PER_MINUTE: '1000000',
  RATE_LIMIT_ANONYMOUS_PER_MINUTE: '1000000',
  RATE_LIMIT_REGISTRATIONS_PER_HOUR: '1000000',
}

/** The environment of a process under test: the databases of its modules and no others, a key prefix of its own, and limits that no test reaches by accident. */
export function testEnvironment(
  databases: TestDatabases,
  dataDir: string,
  modules: readonly ModuleName[] = moduleNames,
): Record<string, string> {
  const { redis } = inject('servers')
  const environment: Record<string, string> = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'warn',
    BULKHEAD_DATA_DIR: dataDir,
    REDIS_HOST: redis.host,
    REDIS_PORT: String(redis.port),
    REDIS_PASSWORD: redis.password,
    REDIS_KEY_PREFIX: `${databases.settings.shared_user_db.schema}:`,
    ...unlimitedRates,
  }
  if (modules.includes('auth')) {
    environment.AUTH_SECRET = randomBytes(32).toString('hex')
    environment.BOOTSTRAP_ADMIN_EMAIL = firstAdmin.email
    environment.BOOTSTRAP_ADMIN_PASSWORD = firstAdmin.password
  }
  for (const name of new Set(modules.map((module) => moduleTable[module].database))) {
    const { host, port, schema, username, password, poolSize, eventsPoolSize } = databases.settings[name]
    const prefix = settingPrefix[name]
    Object.assign(environment, {
      [`${prefix}_HOST`]: host,
      [`${prefix}_PORT`]: String(port),
      [`${prefix}_NAME`]: schema,
      [`${prefix}_USERNAME`]: username,
      [`${prefix}_PASSWORD`]: password,
      DB_POOL_SIZE: String(poolSize),
      EVENTS_POOL_SIZE: String(eventsPoolSize),
    })
  }
  return environment
}
