import { readFileSync } from 'node:fs'
import { envSchema } from 'env-schema'
import { type DatabaseName, databaseNames, settingPrefix } from './database-names.ts'
import { moduleTable } from './module-table.ts'
import { insecureSettings } from './production-settings.ts'
import { Settings } from './settings.ts'
import { readTopology, type Topology } from './topology.ts'

/** The one reader of the environment: refuses nonsense with one message that lists everything wrong, and freezes the result. */

export { type DatabaseName, databaseNames, settingPrefix } from './database-names.ts'

export interface DatabaseSettings {
  host: string
  port: number
  /** The real schema name; SQL never names it, so that layouts and tests may choose their own. */
  schema: string
  username: string
  password: string
  /** Connections for requests. */
  poolSize: number
  /** Connections for event work. */
  eventsPoolSize: number
}

export interface MigratorSettings extends Pick<DatabaseSettings, 'host' | 'port' | 'schema' | 'username' | 'password'> {
  /** The run-time account, which gets its grants from the migrator. */
  account: string
}

export interface RedisSettings {
  host: string
  port: number
  username?: string
  password?: string
  keyPrefix: string
}

export interface AuthSettings {
  secret: string
  secretPrevious?: string
  accessTtlSeconds: number
  refreshIdleDays: number
  refreshMaxDays: number
  refreshGraceSeconds: number
  signingAlg: 'ES256' | 'EdDSA'
  passwordMinLength: number
  registration: 'open' | 'closed'
  bootstrapAdmin?: { email: string; password: string }
}

export interface LimitSettings {
  perMinute: number
  writesPerMinute: number
  anonymousPerMinute: number
  loginFailuresPerMinute: number
  loginFailuresPerNetwork: number
  registrationsPerHour: number
  refreshesPerSession: number
  refreshesPerMinute: number
}

/** Holds nothing of databases and modules that other processes host: neither addresses nor secrets. */
export interface Config extends Topology {
  env: 'development' | 'test' | 'production'
  host: string
  port: number
  internalHost: string
  internalPort: number
  publicUrl: string
  dataDir: string
  demoData: boolean
  logLevel: Settings['LOG_LEVEL']
  metrics: boolean
  docsPublic: boolean
  corsOrigins: readonly string[]
  trustProxy: readonly string[]
  drainDelayMs: number
  replicas: number
  transport: 'local' | 'loopback'
  databases: Readonly<Partial<Record<DatabaseName, DatabaseSettings>>>
  redis: RedisSettings
  auth: AuthSettings
  events: { retentionDays: number }
  limits: LimitSettings
}

/** All that is wrong with the environment, one line each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `The configuration cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}\nSet the variables in the environment or in .env; .env.example explains each.`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** The configuration of the process. Throws ConfigError. */
export function loadConfig(environment: Environment = process.env): Config {
  const faults: string[] = []
  const settings = readSettings(environment, faults)
  if (!settings) throw new ConfigError(faults)
  const production = settings.NODE_ENV === 'production'
  const topology = readTopology(settings, faults)
  const databases = hostedDatabases(topology, settings)
  const hostsAuth = topology.modules.includes('auth')

  if (production) faults.push(...insecureSettings(settings, databases, topology.modules))
  if (hostsAuth) {
    if (!production && settings.AUTH_SECRET === undefined)
      faults.push('AUTH_SECRET is missing: npm start makes one for development; elsewhere set at least 32 random bytes')
    if (settings.AUTH_SECRET !== undefined && Buffer.byteLength(settings.AUTH_SECRET) < 32)
      faults.push('AUTH_SECRET is shorter than 32 bytes')
  }
  for (const [name, { host }] of databases) {
    if (host === '')
      faults.push(`${settingPrefix[name]}_HOST is missing: npm start sets it for the embedded server; elsewhere name the server`)
  }
  if (settings.REDIS_HOST === undefined)
    faults.push('REDIS_HOST is missing: npm start sets it for the embedded server; elsewhere name the server')
  if ((settings.BOOTSTRAP_ADMIN_EMAIL === undefined) !== (settings.BOOTSTRAP_ADMIN_PASSWORD === undefined)) {
    faults.push('BOOTSTRAP_ADMIN_EMAIL and BOOTSTRAP_ADMIN_PASSWORD go together: set both or none')
  }
  if (settings.PUBLIC_URL !== undefined && !isBase(settings.PUBLIC_URL))
    faults.push(`PUBLIC_URL is ${JSON.stringify(settings.PUBLIC_URL)}, which is not an address like https://api.example.com`)
  if (settings.PORT === settings.INTERNAL_PORT && settings.HOST === settings.INTERNAL_HOST)
    faults.push('PORT and INTERNAL_PORT are the same: give the internal listener a port of its own')
  if (faults.length > 0) throw new ConfigError(faults)
  return deepFreeze(assemble(settings, topology, databases))
}

/** The accounts of the migrations. The API process never reads them. Throws ConfigError. */
export function loadMigratorConfig(environment: Environment = process.env): Record<DatabaseName, MigratorSettings> {
  const faults: string[] = []
  const settings = readSettings(environment, faults)
  if (!settings) throw new ConfigError(faults)
  const of = (name: DatabaseName): MigratorSettings => {
    const prefix = settingPrefix[name]
    const host = settings[`${prefix}_HOST`]
    const password = settings[`${prefix}_MIGRATOR_PASSWORD`]
    if (host === undefined) faults.push(`${prefix}_HOST is missing`)
    if (password === undefined) faults.push(`${prefix}_MIGRATOR_PASSWORD is missing`)
    return {
      host: host ?? '',
      port: settings[`${prefix}_PORT`],
      schema: settings[`${prefix}_NAME`],
      username: settings[`${prefix}_MIGRATOR_USERNAME`],
      password: password ?? '',
      account: settings[`${prefix}_USERNAME`],
    }
  }
  const migrators = {
    shared_user_db: of('shared_user_db'),
    customer_service_db: of('customer_service_db'),
    carrier_service_db: of('carrier_service_db'),
    pricing_service_db: of('pricing_service_db'),
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return migrators
}

/** Every name the environment may hold, for `.env.example` and the checks of the compose files. */
export const settingNames: readonly string[] = Object.keys(Settings.properties)

function readSettings(environment: Environment, faults: string[]): Settings | undefined {
  const values: Record<string, string> = {}
  for (const [name, schema] of Object.entries(Settings.properties)) {
    // An empty variable is an unset one: compose files and shells cannot say it otherwise.
    const value = environment[name]
    if (value !== undefined && value !== '') values[name] = value
    const file = 'x-secret' in schema ? environment[`${name}_FILE`] : undefined
    if (file) {
      try {
        values[name] = readFileSync(file, 'utf8').trimEnd()
      } catch {
        faults.push(`${name}_FILE names ${file}, which cannot be read`)
      }
    }
  }
  try {
    return envSchema<Settings>({
      schema: structuredClone(Settings),
      data: values,
      dotenv: false,
      env: false,
      ajv: { customOptions: (ajv) => ajv.addKeyword('x-secret') },
    })
  } catch (error) {
    faults.push(...validationFaults(error, values))
    return undefined
  }
}

function validationFaults(error: unknown, values: Record<string, string>): string[] {
  const list = typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  if (list.length === 0) throw error
  return list.map((fault: { instancePath?: string; message?: string; params?: { allowedValues?: string[] } }) => {
    const name = (fault.instancePath ?? '').slice(1)
    const allowed = fault.params?.allowedValues ? `: ${fault.params.allowedValues.join(', ')}` : ''
    return `${name} is ${JSON.stringify(values[name])}, which ${fault.message ?? 'is wrong'}${allowed}`
  })
}

/** Scheme, host, port and perhaps a path: what other addresses can be made of by adding to it. */
function isBase(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}${url.pathname}`
}

type HostedDatabases = ReadonlyMap<DatabaseName, DatabaseSettings>

/** The databases of the hosted modules. Where they are one, the plain names are as good as its own. */
function hostedDatabases({ modules }: Topology, settings: Settings): HostedDatabases {
  const names = databaseNames.filter((name) => modules.some((module) => moduleTable[module].database === name))
  const plain = names.length === 1
  const settingsOf = (name: DatabaseName): DatabaseSettings => {
    const prefix = settingPrefix[name]
    return {
      host: settings[`${prefix}_HOST`] ?? (plain ? settings.DB_HOST : undefined) ?? '',
      port: (plain ? settings.DB_PORT : undefined) ?? settings[`${prefix}_PORT`],
      schema: (plain ? settings.DB_NAME : undefined) ?? settings[`${prefix}_NAME`],
      username: (plain ? settings.DB_USERNAME : undefined) ?? settings[`${prefix}_USERNAME`],
      password: settings[`${prefix}_PASSWORD`] ?? (plain ? settings.DB_PASSWORD : undefined) ?? '',
      poolSize: settings.DB_POOL_SIZE,
      eventsPoolSize: settings.EVENTS_POOL_SIZE,
    }
  }
  return new Map(names.map((name) => [name, settingsOf(name)]))
}

function assemble(settings: Settings, topology: Topology, databases: HostedDatabases): Config {
  const hostsAuth = topology.modules.includes('auth')
  const { BOOTSTRAP_ADMIN_EMAIL: adminEmail, BOOTSTRAP_ADMIN_PASSWORD: adminPassword } = settings
  return {
    ...topology,
    env: settings.NODE_ENV,
    host: settings.HOST,
    port: settings.PORT,
    internalHost: settings.INTERNAL_HOST,
    internalPort: settings.INTERNAL_PORT,
    publicUrl: (settings.PUBLIC_URL ?? `http://${settings.HOST}:${settings.PORT}`).replace(/\/$/, ''),
    dataDir: settings.BULKHEAD_DATA_DIR,
    demoData: settings.DEMO_DATA === 'on',
    logLevel: settings.LOG_LEVEL,
    metrics: settings.METRICS === 'on',
    docsPublic: settings.DOCS_PUBLIC === 'on',
    corsOrigins: list(settings.CORS_ORIGINS),
    trustProxy: list(settings.TRUST_PROXY),
    drainDelayMs: settings.DRAIN_DELAY_MS ?? (settings.NODE_ENV === 'production' ? 5_000 : 0),
    replicas: settings.REPLICAS,
    transport: settings.TRANSPORT === 'loopback' ? 'loopback' : 'local',
    databases: Object.fromEntries(databases),
    redis: {
      host: settings.REDIS_HOST ?? '',
      port: settings.REDIS_PORT,
      ...(settings.REDIS_USERNAME === undefined ? {} : { username: settings.REDIS_USERNAME }),
      ...(settings.REDIS_PASSWORD === undefined ? {} : { password: settings.REDIS_PASSWORD }),
      keyPrefix: settings.REDIS_KEY_PREFIX,
    },
    auth: {
      secret: (hostsAuth && settings.AUTH_SECRET) || '',
      ...(!hostsAuth || settings.AUTH_SECRET_PREVIOUS === undefined ? {} : { secretPrevious: settings.AUTH_SECRET_PREVIOUS }),
      accessTtlSeconds: settings.AUTH_ACCESS_TTL_SECONDS,
      refreshIdleDays: settings.AUTH_REFRESH_IDLE_DAYS,
      refreshMaxDays: settings.AUTH_REFRESH_MAX_DAYS,
      refreshGraceSeconds: settings.AUTH_REFRESH_GRACE_SECONDS,
      signingAlg: settings.AUTH_SIGNING_ALG,
      passwordMinLength: settings.AUTH_PASSWORD_MIN_LENGTH,
      registration: settings.AUTH_REGISTRATION,
      ...(!hostsAuth || adminEmail === undefined || adminPassword === undefined
        ? {}
        : { bootstrapAdmin: { email: adminEmail, password: adminPassword } }),
    },
    events: { retentionDays: settings.EVENTS_RETENTION_DAYS },
    limits: {
      perMinute: settings.RATE_LIMIT_PER_MINUTE,
      writesPerMinute: settings.RATE_LIMIT_WRITES_PER_MINUTE,
      anonymousPerMinute: settings.RATE_LIMIT_ANONYMOUS_PER_MINUTE,
      loginFailuresPerMinute: settings.RATE_LIMIT_LOGIN_FAILURES_PER_MINUTE,
      loginFailuresPerNetwork: settings.RATE_LIMIT_LOGIN_FAILURES_PER_NETWORK,
      registrationsPerHour: settings.RATE_LIMIT_REGISTRATIONS_PER_HOUR,
      refreshesPerSession: settings.RATE_LIMIT_REFRESHES_PER_SESSION,
      refreshesPerMinute: settings.RATE_LIMIT_REFRESHES_PER_MINUTE,
    },
  }
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}
