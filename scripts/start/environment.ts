import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadEnvFile } from 'node:process'
import type { Secrets } from './secrets.ts'

/** The four databases as `npm start` sees them. Their full settings are read by the configuration; these lines must not cost its imports. */
export const databases = [
  { prefix: 'SHARED_DB', name: 'shared_user_db', account: 'shared_user', port: 3306 },
  { prefix: 'CUSTOMER_DB', name: 'customer_service_db', account: 'customer_user', port: 3309 },
  { prefix: 'CARRIER_DB', name: 'carrier_service_db', account: 'carrier_user', port: 3310 },
  { prefix: 'PRICING_DB', name: 'pricing_service_db', account: 'pricing_user', port: 3311 },
] as const
export type StartDatabase = (typeof databases)[number]

type Environment = Record<string, string | undefined>

export interface StartSettings {
  host: string
  port: number
  internalHost: string
  internalPort: number
  dataDir: string
  demoData: boolean
  migrateOnStart: boolean
  /** Databases and Redis that are named in the environment; nothing is started for them. */
  given: { databases: readonly StartDatabase[]; redis: boolean }
}

/** The environment wins over `.env`. */
export function readEnvironment(root: string): Environment {
  const file = resolve(root, '.env')
  if (existsSync(file)) loadEnvFile(file)
  return process.env
}

export function startSettings(environment: Environment, root: string): StartSettings {
  const value = (name: string, fallback: string): string => environment[name] || fallback
  return {
    host: value('HOST', '127.0.0.1'),
    port: Number(value('PORT', '3000')),
    internalHost: value('INTERNAL_HOST', '127.0.0.1'),
    internalPort: Number(value('INTERNAL_PORT', '7400')),
    dataDir: resolve(root, value('BULKHEAD_DATA_DIR', '.bulkhead')),
    demoData: value('DEMO_DATA', 'on') === 'on',
    migrateOnStart: value('MIGRATE_ON_START', 'off') === 'on',
    given: {
      databases: databases.filter(({ prefix }) => environment[`${prefix}_HOST`]),
      redis: Boolean(environment.REDIS_HOST),
    },
  }
}

interface Ports {
  mariadb: number | undefined
  redis: number | undefined
}

/** What the API gets: the caller's environment, and for every server we started its address and secret. Names of schemas and accounts stay as they are set. */
export function apiEnvironment(environment: Environment, settings: StartSettings, secrets: Secrets, ports: Ports): Environment {
  const made: Environment = {
    BULKHEAD_DATA_DIR: settings.dataDir,
    AUTH_SECRET: environment.AUTH_SECRET || secrets.authSecret,
  }
  for (const { prefix } of embedded(settings)) {
    made[`${prefix}_HOST`] = '127.0.0.1'
    made[`${prefix}_PORT`] = String(ports.mariadb)
    made[`${prefix}_PASSWORD`] = secrets.databases[prefix]?.account
  }
  if (!settings.given.redis) {
    made.REDIS_HOST = '127.0.0.1'
    made.REDIS_PORT = String(ports.redis)
    made.REDIS_PASSWORD = secrets.redis
  }
  return { ...environment, ...made }
}

/** The migrations get the migrators' passwords besides; the API never does. */
export function migrationEnvironment(api: Environment, settings: StartSettings, secrets: Secrets): Environment {
  const passwords = embedded(settings).map(({ prefix }) => [`${prefix}_MIGRATOR_PASSWORD`, secrets.databases[prefix]?.migrator])
  return { ...api, ...Object.fromEntries(passwords) }
}

/** What `npm start` made up, for other scripts of this folder (`node --env-file=.bulkhead/env scripts/…`); holds secrets. */
export function writeEnvironmentFile(environment: Environment, settings: StartSettings): void {
  const names = [
    ...embedded(settings).flatMap(({ prefix }) => ['HOST', 'PORT', 'PASSWORD', 'MIGRATOR_PASSWORD'].map((suffix) => `${prefix}_${suffix}`)),
    ...(settings.given.redis ? [] : ['REDIS_HOST', 'REDIS_PORT', 'REDIS_PASSWORD']),
    'AUTH_SECRET',
  ]
  const lines = names.map((name) => `${name}=${environment[name] ?? ''}\n`)
  writeFileSync(join(settings.dataDir, 'env'), lines.join(''), { mode: 0o600 })
}

/** The databases that live on our own server. */
export function embedded(settings: StartSettings): StartDatabase[] {
  return databases.filter((database) => !settings.given.databases.includes(database))
}
