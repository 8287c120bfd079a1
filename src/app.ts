import { existsSync } from 'node:fs'
import packageJson from '../package.json' with { type: 'json' }
import { authEvents, createAuth } from './modules/auth/index.ts'
import { carrierContract, carrierEvents, createCarrier } from './modules/carrier/index.ts'
import { createCustomer, customerContract, customerEvents } from './modules/customer/index.ts'
import { createPricing, pricingEvents } from './modules/pricing/index.ts'
import { createUser, userContract, userEvents } from './modules/user/index.ts'
import { createOperations, createReplay, replayRoutes } from './operations/index.ts'
import { createBootChecks } from './platform/boot-checks.ts'
import { createCache } from './platform/cache.ts'
import type { Config } from './platform/config.ts'
import { databaseNames } from './platform/database-names.ts'
import { type Database, type DatabaseName, openDatabase } from './platform/databases.ts'
import { documentRoutes } from './platform/document-routes.ts'
import { isAppError } from './platform/errors.ts'
import { createBell, createEventStreams, createEvents, createPublisher } from './platform/events.ts'
import { createExchange } from './platform/exchange.ts'
import { createHealth, diskComponent } from './platform/health.ts'
import { healthRoutes } from './platform/health-routes.ts'
import { createHttp } from './platform/http.ts'
import { createIdempotency, sweepIdempotencyKeys } from './platform/idempotency.ts'
import { createInternal } from './platform/internal.ts'
import { createJobs } from './platform/jobs.ts'
import { createLog, type Log } from './platform/logging.ts'
import { createMetrics, type Metrics } from './platform/metrics.ts'
import { isModuleName, moduleNames, moduleOfPath, moduleTable } from './platform/module-table.ts'
import { createPermitCounter } from './platform/permit-counter.ts'
import { createRateLimits } from './platform/rate-limits.ts'
import { createRedis } from './platform/redis.ts'
import { shareSecurity } from './platform/remote-security.ts'
import { type DeclaredRoute, permissionUses } from './platform/route-policy.ts'
import { topologyReport } from './platform/topology-report.ts'

export interface AppNeeds {
  config: Config
  log: Log
  metrics?: Metrics
}

/**
 * The composition root, to be read as a table of contents: the street (platform), then the five houses in the order in which
 * they know each other. Whatever a module is given stands here; nothing else reaches it. A module is made where its database is
 * among the settings; for its neighbours it is all the same whether it is.
 */
export async function createApp({ config, log, metrics = createMetrics() }: AppNeeds) {
  // --- Databases, Redis, events, contracts ---
  const open = <N extends DatabaseName>(name: N): Database<N> | undefined => {
    const settings = config.databases[name]
    return settings && openDatabase(name, settings, { log })
  }
  const shared = open('shared_user_db')
  const customers = open('customer_service_db')
  const carriers = open('carrier_service_db')
  const prices = open('pricing_service_db')
  const databases = [shared, customers, carriers, prices].filter((database) => database !== undefined)
  const redis = createRedis(config.redis, { log })
  const bell = createBell()
  const streams = config.service && createEventStreams(redis.forModule('ev'))
  const events = createEvents({ bell, metrics, log, redis, streams, retentionDays: config.events.retentionDays })
  const cacheOf = (module: string) => createCache(redis.forModule(module), metrics)
  const exchange = createExchange({ config, metrics, log })

  // --- Modules ---
  const user =
    shared &&
    createUser({
      connection: shared.requests,
      cache: cacheOf('user'),
      publish: createPublisher(userEvents, 'shared_user_db', bell),
      permissions: () => permissionUses(described),
    })
  const users = exchange.offer(userContract, user?.service)

  const auth =
    shared &&
    createAuth({
      connection: shared.requests,
      shared: { cache: cacheOf('auth'), permits: createPermitCounter(redis.forModule('auth')) },
      publish: createPublisher(authEvents, 'shared_user_db', bell),
      users: users.to('auth'),
      config,
      log,
    })

  const customer =
    customers &&
    createCustomer({
      connection: customers.requests,
      cache: cacheOf('customer'),
      publish: createPublisher(customerEvents, 'customer_service_db', bell),
      users: users.to('customer'),
    })

  const carrier =
    carriers &&
    createCarrier({
      connection: carriers.requests,
      cache: cacheOf('carrier'),
      publish: createPublisher(carrierEvents, 'carrier_service_db', bell),
      users: users.to('carrier'),
    })
  const ofCustomers = exchange.offer(customerContract, customer?.service)
  const ofCarriers = exchange.offer(carrierContract, carrier?.service)

  const pricing =
    prices &&
    createPricing({
      connection: prices.requests,
      publish: createPublisher(pricingEvents, 'pricing_service_db', bell),
      customers: ofCustomers.to('pricing'),
      carriers: ofCarriers.to('pricing'),
    })

  const idempotency = createIdempotency({
    ...(shared ? { shared_user_db: shared.requests } : {}),
    ...(customers ? { customer_service_db: customers.requests } : {}),
    ...(carriers ? { carrier_service_db: carriers.requests } : {}),
    ...(prices ? { pricing_service_db: prices.requests } : {}),
  })
  const operations = createOperations({ events, databases, exchange })
  const jobs = createJobs({ metrics, log })
  const { desks } = operations
  const { retentionDays } = config.events
  const replay = createReplay({ events, databases, exchange, desks, log: operations.log, jobs, idempotency, retentionDays })

  // --- Surface ---
  const checks = createBootChecks({ databases, config, log })
  const isUnproven = (module: string): boolean => isModuleName(module) && checks.unproven.has(moduleTable[module].database)
  const health = createHealth({ log, modules: config.modules })
  const http = createHttp({
    config,
    log,
    metrics,
    security: shareSecurity(exchange, auth?.security),
    rateLimits: createRateLimits(config.limits, {
      counter: createPermitCounter(redis.forModule('platform')),
      // The same in all processes that count together, and secret from nobody who can read the counter anyway.
      secret: config.redis.password ?? config.redis.keyPrefix,
    }),
    idempotency,
    elsewhere: (path) => {
      const module = moduleOfPath(path)
      return module !== undefined && !config.modules.includes(module) ? module : undefined
    },
    unready: (path) => {
      // Nearly always.
      if (checks.unproven.size === 0) return undefined
      const module = moduleOfPath(path)
      return module !== undefined && isUnproven(module) ? module : undefined
    },
  })
  const isWhole = config.modules.length === moduleNames.length
  const described = isWhole ? http.routes : await routesOfTheHouse(config)
  await http.app.register(healthRoutes(health))
  await http.app.register(
    documentRoutes({ routes: described, publicUrl: config.publicUrl, version: packageJson.version, public: config.docsPublic }),
  )
  for (const module of [auth, user, customer, carrier, pricing, operations]) if (module) await http.app.register(module.plugin)
  await http.app.register(replayRoutes({ replay, databases: databases.map(({ name }) => name) }))
  await http.app.ready()

  // --- Events: everything said and heard is known before anything is delivered ---
  events.register({ database: shared, contract: userEvents, subscriptions: user?.subscriptions })
  events.register({ database: shared, contract: authEvents, subscriptions: auth?.subscriptions })
  events.register({ database: customers, contract: customerEvents, subscriptions: customer?.subscriptions })
  events.register({ database: carriers, contract: carrierEvents, subscriptions: carrier?.subscriptions })
  events.register({ database: prices, contract: pricingEvents, subscriptions: pricing?.subscriptions })

  for (const database of databases) {
    const modules = config.modules.filter((module) => moduleTable[module].database === database.name)
    const probe = async (): Promise<{ latencyMs: number }> => {
      const latencyMs = await database.ping()
      if (checks.unproven.has(database.name)) throw new Error('its schema has not been checked yet')
      return { latencyMs }
    }
    health.add({ name: database.name, modules, probe })
  }
  health.add({ name: 'redis', modules: [], probe: async () => ({ latencyMs: await redis.ping() }) })
  for (const component of exchange.components()) health.add(component)
  // Where databases are elsewhere, no data of ours fills a disk here.
  if (existsSync(config.dataDir)) health.add(diskComponent(config.dataDir))

  /**
   * Brings the unit of user and auth up: built-in roles, signing keys, the first administrator. Waits for a database that is
   * away; throws when waiting would not help, as with a password of the first administrator that is too weak.
   */
  async function start(): Promise<void> {
    const bringUp = async (): Promise<void> => {
      await user?.start()
      await auth?.start()
    }
    try {
      await bringUp()
    } catch (error) {
      if (!isAway(error)) throw error
      log.warn({ error }, 'user and auth wait for their database')
      void retry(bringUp, log)
    }
  }

  const sweep = sweepIdempotencyKeys(
    databases.map((database) => database.requests),
    log,
  )

  /** Ends what runs in the background and closes every connection; requests, jobs and events must have ended. */
  async function close(): Promise<void> {
    sweep.stop()
    checks.stop()
    health.stop()
    auth?.stop()
    await Promise.all([...databases.map((database) => database.close()), redis.close(), exchange.close()])
  }

  const topology = () => topologyReport(config, exchange.lent(), events.routes())
  const internal = createInternal({
    health,
    log,
    contracts: exchange.server,
    isUnproven,
    topology,
    ...(config.metrics ? { metrics } : {}),
  })
  return {
    http,
    internal,
    events,
    jobs,
    health,
    checks,
    start,
    close,
    databases,
    /** Lent to callers that the table of modules knows, wherever the module is. */
    contracts: { user: users, customer: ofCustomers, carrier: ofCarriers },
    operations,
    replay,
    createAdministrator: auth?.createAdministrator,
  }
}

/**
 * What the whole system offers, for a process that hosts a part of it: the house is made once more, whole and on paper, and taken
 * down when its routes are known. Nothing in it is served, and databases are opened by their first statement.
 */
async function routesOfTheHouse({ service: _, ...config }: Config): Promise<readonly DeclaredRoute[]> {
  const nowhere = { host: '127.0.0.1', port: 1, schema: 'paper', username: 'paper', password: '', poolSize: 1, eventsPoolSize: 1 }
  const paper: Config = {
    ...config,
    modules: moduleNames,
    peers: {},
    databases: Object.fromEntries(databaseNames.map((name) => [name, nowhere])),
    auth: { ...config.auth, secret: 'on paper nothing is ever sealed with it' },
  }
  const { http, close } = await createApp({
    config: paper,
    log: createLog({ logLevel: 'silent' }),
    metrics: createMetrics({ process: false }),
  })
  await http.app.close()
  await close()
  return http.routes
}

const isAway = (error: unknown): boolean => isAppError(error) && error.status === 503

/** Goes on in the background until it succeeds: the rest of the process serves meanwhile. */
async function retry(work: () => Promise<void>, log: Log): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000).unref())
    try {
      await work()
      log.info({}, 'user and auth are up')
      return
    } catch (error) {
      if (isAway(error)) log.debug({ error }, 'user and auth still wait')
      else log.error({ error }, 'user and auth cannot be brought up')
    }
  }
}

export type App = Awaited<ReturnType<typeof createApp>>
