import Type, { type Static, type TString } from 'typebox'

/**
 * Every setting that Bulkhead reads from its environment: name, form, default, meaning. `config.ts` validates by it,
 * `.env.example` and the checks of the compose files are made from it.
 */

const text = (description: string, fallback?: string) =>
  Type.String({ description, ...(fallback === undefined ? {} : { default: fallback }) })
const optional = (description: string) => Type.Optional(Type.String({ description }))
/** Never in code, logs or events; `<NAME>_FILE` names a file that holds it. */
const secret = (description: string) => Type.Optional(Type.String({ description, 'x-secret': true }))
const port = (description: string, fallback: number) => Type.Integer({ description, default: fallback, minimum: 1, maximum: 65_535 })
const count = (description: string, fallback: number, minimum = 1, maximum = 1_000_000) =>
  Type.Integer({ description, default: fallback, minimum, maximum })
const oneOf = <const T extends readonly string[]>(values: T, fallback: T[number], description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: values, default: fallback, description })

const databaseSettings = <P extends string>(prefix: P, what: string, defaults: { port: number; name: string; user: string }) =>
  ({
    [`${prefix}_HOST`]: optional(`Host of the database of ${what}. Unset: the embedded server is used`),
    [`${prefix}_PORT`]: port(`Port of the database of ${what}`, defaults.port),
    [`${prefix}_NAME`]: text(`Schema of ${what}`, defaults.name),
    [`${prefix}_USERNAME`]: text(`Run-time account of ${what}: data only, no DDL`, defaults.user),
    [`${prefix}_PASSWORD`]: secret(`Password of the run-time account of ${what}`),
    [`${prefix}_MIGRATOR_USERNAME`]: text(
      `Account that migrates the schema of ${what}; read by the migrations only`,
      `${defaults.user}_migrator`,
    ),
    [`${prefix}_MIGRATOR_PASSWORD`]: secret(`Password of the migrator account of ${what}; read by the migrations only`),
  }) as Record<`${P}_HOST` | `${P}_PASSWORD` | `${P}_MIGRATOR_PASSWORD`, ReturnType<typeof optional>> &
    Record<`${P}_PORT`, ReturnType<typeof port>> &
    Record<`${P}_NAME` | `${P}_USERNAME` | `${P}_MIGRATOR_USERNAME`, TString>

/** Settings in the order and under the headings in which people read them. */
export const settingGroups = {
  Process: {
    NODE_ENV: oneOf(['development', 'test', 'production'], 'development', 'production refuses insecure settings'),
    HOST: text('Address the public API listens on', '127.0.0.1'),
    PORT: port('Port of the public API', 3000),
    INTERNAL_HOST: text(
      'Address of the internal listener: metrics, health, and calls of other processes. Never reachable from outside',
      '127.0.0.1',
    ),
    INTERNAL_PORT: port('Port of the internal listener', 7400),
    PUBLIC_URL: optional('How the world reaches the API; issuer of the tokens. Default: http://HOST:PORT'),
    BULKHEAD_DATA_DIR: text('Folder of the embedded servers, their data and the secrets made for development', '.bulkhead'),
    DEMO_DATA: oneOf(['on', 'off'], 'on', 'Fill an empty development system with demo data'),
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'info', 'Lowest level that is logged'),
    METRICS: oneOf(['on', 'off'], 'on', 'Serve /metrics on the internal listener'),
    DOCS_PUBLIC: oneOf(['on', 'off'], 'on', 'Serve /docs and /openapi.json'),
    CORS_ORIGINS: text('Origins that browsers may call from, separated by commas', ''),
    TRUST_PROXY: text('Addresses of proxies whose X-Forwarded-For is believed, separated by commas', ''),
    DRAIN_DELAY_MS: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 20_000,
        description: 'How long a stopping process serves on while balancers notice. Default: 5000 in production, else 0',
      }),
    ),
    REPLICAS: count('How many processes like this one run; for the budget of database connections', 1, 1, 1_000),
    MIGRATE_ON_START: oneOf(['on', 'off'], 'off', 'Whether npm start also migrates databases it did not start itself'),
    TRANSPORT: oneOf(['auto', 'loopback'], 'auto', 'How modules of one process call each other; loopback (JSON both ways) is for tests'),
  },
  Topology: {
    MODULES: optional('Modules this process hosts, separated by commas; auth and user go together. Unset: all five'),
    PEERS: optional(
      'Where all the other modules are: customer=http://b:7400,carrier=http://b:7400. Several addresses of one module are separated by | and used in turn',
    ),
    PROCESS_NAME: optional('Name of this process among the others; replicas share it. Default: its modules, joined by hyphens'),
    SERVICE_KEY_FILE: optional('File with the private key of this process. Default: keys/PROCESS_NAME.pem in BULKHEAD_DATA_DIR'),
    SERVICE_KEYS_FILE: optional(
      'File with the public keys of all processes and what each hosts. Default: keys/processes.json in BULKHEAD_DATA_DIR',
    ),
  },
  Databases: {
    ...databaseSettings('SHARED_DB', 'auth and user', { port: 3306, name: 'shared_user_db', user: 'shared_user' }),
    ...databaseSettings('CUSTOMER_DB', 'customer', { port: 3309, name: 'customer_service_db', user: 'customer_user' }),
    ...databaseSettings('CARRIER_DB', 'carrier', { port: 3310, name: 'carrier_service_db', user: 'carrier_user' }),
    ...databaseSettings('PRICING_DB', 'pricing', { port: 3311, name: 'pricing_service_db', user: 'pricing_user' }),
    DB_HOST: optional('Host of the database, for a process whose modules share one; stands for SHARED_DB_HOST, CUSTOMER_DB_HOST and so on'),
    DB_PORT: Type.Optional(Type.Integer({ description: 'Port of that database', minimum: 1, maximum: 65_535 })),
    DB_NAME: optional('Schema of that database'),
    DB_USERNAME: optional('Run-time account of that database'),
    DB_PASSWORD: secret('Password of that account'),
    DB_POOL_SIZE: count('Connections for requests, per database and process', 6, 1, 200),
    EVENTS_POOL_SIZE: count('Connections for event work, per database and process', 4, 2, 100),
  },
  Redis: {
    REDIS_HOST: optional('Host of Redis. Unset: the embedded server is used'),
    REDIS_PORT: port('Port of Redis', 6379),
    REDIS_USERNAME: optional('Redis account, when it is not the default one'),
    REDIS_PASSWORD: secret('Password of Redis'),
    REDIS_KEY_PREFIX: text('Beginning of every key', 'bulkhead:'),
  },
  Identity: {
    AUTH_SECRET: secret('At least 32 bytes; seals signing keys and refresh tokens'),
    AUTH_SECRET_PREVIOUS: secret('The secret before the last change; verifies, never issues'),
    AUTH_ACCESS_TTL_SECONDS: count('Life of an access token', 300, 30, 3_600),
    AUTH_REFRESH_IDLE_DAYS: count('A session ends after so many days without a refresh', 7, 1, 90),
    AUTH_REFRESH_MAX_DAYS: count('A session ends after so many days in any case', 30, 1, 365),
    AUTH_REFRESH_GRACE_SECONDS: count('How long the token before the current one still gets the current one', 10, 0, 60),
    AUTH_SIGNING_ALG: oneOf(['ES256', 'EdDSA'], 'ES256', 'Algorithm of the access tokens'),
    AUTH_PASSWORD_MIN_LENGTH: count('Shortest password accepted', 12, 8, 64),
    AUTH_EMAIL_VERIFICATION: Type.Optional(
      Type.Unsafe<'off'>({
        type: 'string',
        enum: ['off'],
        description: 'off: an address is not proven at registration. Development assumes it; production wants it said by hand',
      }),
    ),
    AUTH_REGISTRATION: oneOf(['open', 'closed'], 'open', 'Whether people may register themselves'),
    BOOTSTRAP_ADMIN_EMAIL: optional('Address of the administrator made at boot when there is none'),
    BOOTSTRAP_ADMIN_PASSWORD: secret('Password of that administrator; take it away after the first boot'),
  },
  Events: {
    EVENTS_RETENTION_DAYS: count('Events are kept so many days at least, and until every consumer has passed them', 7, 1, 3_650),
  },
  Limits: {
    RATE_LIMIT_PER_MINUTE: count('Requests a minute for a principal', 600),
    RATE_LIMIT_WRITES_PER_MINUTE: count('Writes a minute for a principal', 300),
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: count('Requests a minute for an address without login', 60),
    RATE_LIMIT_LOGIN_FAILURES_PER_MINUTE: count('Failed log-ins a minute for an address', 20),
    RATE_LIMIT_LOGIN_FAILURES_PER_NETWORK: count('Failed log-ins a minute for a /24 or /64 network', 100),
    RATE_LIMIT_REGISTRATIONS_PER_HOUR: count('Registrations an hour for an address', 20),
    RATE_LIMIT_REFRESHES_PER_SESSION: count('Refreshes a minute for a session', 10),
    RATE_LIMIT_REFRESHES_PER_MINUTE: count('Refreshes a minute for an address', 300),
  },
} as const

export const Settings = Type.Object({
  ...settingGroups.Process,
  ...settingGroups.Topology,
  ...settingGroups.Databases,
  ...settingGroups.Redis,
  ...settingGroups.Identity,
  ...settingGroups.Events,
  ...settingGroups.Limits,
})
export type Settings = Static<typeof Settings>
