import { inject } from 'vitest'
import { createCache } from '#platform/cache.ts'
import type { AuthSettings, LimitSettings } from '#platform/config.ts'
import { offer, type Transport } from '#platform/contracts.ts'
import { openDatabase } from '#platform/databases.ts'
import { createBell, createEvents, createPublisher } from '#platform/events.ts'
import { createHttp } from '#platform/http.ts'
import { createMetrics } from '#platform/metrics.ts'
import { createPermitCounter } from '#platform/permit-counter.ts'
import { createRedis } from '#platform/redis.ts'
import { permissionUses } from '#platform/route-policy.ts'
import { authEvents, createAuth } from '../../src/modules/auth/index.ts'
import { createUser, userContract, userEvents } from '../../src/modules/user/index.ts'
import { createTestDatabases, type TestDatabases } from './databases.ts'
import { httpNeeds, memoryLog } from './http.ts'

/** Auth and user on real servers behind the real surface, without the other modules. */

export const goodPassword = 'violet-otter-mends-9-clocks'
export const administrator = { email: 'root@example.com', password: 'marble.lantern.quietly.7.rivers' }

export interface IdentityOptions {
  /** Another process on the same data. */
  beside?: { databases: TestDatabases; keyPrefix: string }
  auth?: Partial<AuthSettings>
  limits?: Partial<LimitSettings>
  transport?: Transport
  redis?: { host: string; port: number; password?: string }
}

export interface Reply {
  status: number
  // Answers are looked at freely here; their schemas are checked by the surface, strictly.
  body: Record<string, unknown>
  text: string
  headers: Record<string, unknown>
}

let worlds = 0

export async function createIdentity(options: IdentityOptions = {}) {
  const databases: TestDatabases = options.beside?.databases ?? (await createTestDatabases())
  const keyPrefix = options.beside?.keyPrefix ?? `identity${process.pid}-${++worlds}:`
  const log = memoryLog()
  const metrics = createMetrics({ process: false })
  const database = openDatabase('shared_user_db', databases.settings.shared_user_db, { log })
  const { host, port, password } = options.redis ?? inject('servers').redis
  const redis = createRedis({ host, port, keyPrefix, ...(password === undefined ? {} : { password }) }, { log })
  const bell = createBell()
  const events = createEvents({ bell, metrics, log, timings: { pollMs: 20, idlePollMs: 50 } })
  const auth: AuthSettings = {
    secret: '0123456789abcdef0123456789abcdef',
    accessTtlSeconds: 300,
    refreshIdleDays: 7,
    refreshMaxDays: 30,
    refreshGraceSeconds: 10,
    signingAlg: 'ES256',
    passwordMinLength: 12,
    registration: 'open',
    bootstrapAdmin: administrator,
    ...options.auth,
  }
  const unlimited: LimitSettings = {
    perMinute: 1_000_000,
    writesPerMinute: 1_000_000,
    anonymousPerMinute: 1_000_000,
    loginFailuresPerMinute: 1_000_000,
    loginFailuresPerNetwork: 1_000_000,
    registrationsPerHour: 1_000_000,
    refreshesPerSession: 1_000_000,
    refreshesPerMinute: 1_000_000,
  }

  const userModule = createUser({
    connection: database.requests,
    cache: createCache(redis.forModule('user'), metrics),
    publish: createPublisher(userEvents, 'shared_user_db', bell),
    permissions: () => permissionUses(http.routes),
  })
  const users = offer(userContract, userModule.service, { transport: options.transport ?? 'loopback' })
  const authModule = createAuth({
    connection: database.requests,
    shared: { cache: createCache(redis.forModule('auth'), metrics), permits: createPermitCounter(redis.forModule('auth')) },
    publish: createPublisher(authEvents, 'shared_user_db', bell),
    users,
    config: { auth, limits: { ...unlimited, ...options.limits }, publicUrl: 'http://127.0.0.1:3000' },
    log,
  })
  const http = createHttp(httpNeeds({ log, security: authModule.security }))
  for (const { plugin } of [userModule, authModule]) await http.app.register(plugin)
  await http.app.ready()
  events.register({ database, contract: userEvents, subscriptions: userModule.subscriptions })
  events.register({ database, contract: authEvents, subscriptions: authModule.subscriptions })
  await userModule.start()
  await authModule.start()
  await events.start()

  type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  interface Asked {
    body?: unknown
    token?: string | undefined
    headers?: Record<string, string>
    from?: string
  }
  async function call(method: Method, url: string, { body, token, headers = {}, from }: Asked = {}): Promise<Reply> {
    const answer = await http.app.inject({
      method,
      url,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
      ...(from === undefined ? {} : { remoteAddress: from }),
    })
    return {
      status: answer.statusCode,
      text: answer.body,
      headers: answer.headers,
      body: answer.body.startsWith('{') ? JSON.parse(answer.body) : {},
    }
  }

  const rows = async (sql: string): Promise<Record<string, unknown>[]> => {
    const schema = databases.settings.shared_user_db.schema
    const result = await databases.asRoot(sql.replace(/\b(FROM|UPDATE|INTO|JOIN) (\w+)/g, `$1 \`${schema}\`.$2`))
    return Array.isArray(result) ? result : []
  }

  /** The events of a subject, in order, as they were published. */
  const said = async (subject: string): Promise<{ type: string; data: unknown }[]> => {
    const published = await rows(`SELECT type, data FROM outbox WHERE subject = '${subject}' ORDER BY id`)
    return published.map(({ type, data }) => ({ type: String(type), data: typeof data === 'string' ? JSON.parse(data) : data }))
  }

  let people = 0
  return {
    call,
    rows,
    said,
    log,
    databases,
    keyPrefix,
    redis,
    database,
    users: userModule.service,
    http,
    /** Registers somebody and logs them in. */
    async person(over: Record<string, unknown> = {}) {
      const email = `person${++people}.${keyPrefix.length}@example.com`
      const registered = await call('POST', '/v1/auth/register', {
        body: { email, password: goodPassword, firstName: 'Ada', lastName: 'Lovelace', ...over },
      })
      if (registered.status !== 201) throw new Error(registered.text)
      const tokens = await this.logIn(email, goodPassword)
      return { id: Number(registered.body.id), email, ...tokens }
    },
    async logIn(email: string, withPassword: string) {
      const answer = await call('POST', '/v1/auth/login', { body: { email, password: withPassword } })
      if (answer.status !== 200) throw new Error(answer.text)
      return {
        accessToken: String(answer.body.accessToken),
        refreshToken: String(answer.body.refreshToken),
        sessionId: Number(answer.body.sessionId),
      }
    },
    async admin(): Promise<string> {
      return (await this.logIn(administrator.email, administrator.password)).accessToken
    },
    async close(keep: { databases?: boolean } = {}) {
      authModule.stop()
      await events.stop()
      await http.app.close()
      await redis.close()
      await database.close()
      if (!options.beside && !keep.databases) await databases.drop()
    },
  }
}
export type Identity = Awaited<ReturnType<typeof createIdentity>>
