import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { databaseNames, settingPrefix } from '#platform/config.ts'
import type { TestDatabases } from './databases.ts'

export const firstAdmin = { email: 'admin@example.com', password: 'eleven brass bells' }

const unlimited = '1000000'

/** The environment of a process under test: its databases, a key prefix of its own, and limits that no test reaches by accident. */
export function testEnvironment(databases: TestDatabases, dataDir: string): Record<string, string> {
  const { redis } = inject('servers')
  const environment: Record<string, string> = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'warn',
    BULKHEAD_DATA_DIR: dataDir,
    AUTH_SECRET: randomBytes(32).toString('hex'),
    REDIS_HOST: redis.host,
    REDIS_PORT: String(redis.port),
    REDIS_PASSWORD: redis.password,
    REDIS_KEY_PREFIX: `${databases.settings.shared_user_db.schema}:`,
    BOOTSTRAP_ADMIN_EMAIL: firstAdmin.email,
    BOOTSTRAP_ADMIN_PASSWORD: firstAdmin.password,
    RATE_LIMIT_PER_MINUTE: unlimited,
    RATE_LIMIT_WRITES_PER_MINUTE: unlimited,
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: unlimited,
    RATE_LIMIT_REGISTRATIONS_PER_HOUR: unlimited,
  }
  for (const name of databaseNames) {
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
