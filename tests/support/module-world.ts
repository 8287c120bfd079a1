import { sql } from 'drizzle-orm'
import type { Cache } from '#platform/cache.ts'
import { runInContext } from '#platform/context.ts'
import { type Connection, type DatabaseName, openDatabase, type Tx } from '#platform/databases.ts'
import type { Envelope, Subscriptions } from '#platform/events.ts'
import { createHttp, type ModuleRoutes } from '#platform/http.ts'
import { createIdempotency } from '#platform/idempotency.ts'
import { system } from '#platform/principal.ts'
import { createTestDatabases, type TestDatabases } from './databases.ts'
import { bearer, httpNeeds, memoryLog } from './http.ts'

/** One module on its own database and surface, without its neighbours: what a module test drives. */

export interface Answered {
  status: number
  body: Record<string, unknown>
  text: string
  etag: string | undefined
  location: string | undefined
  /** A stored answer, given again for the same Idempotency-Key. */
  isReplay: boolean
}

export interface Told {
  type: string
  subject: string
  data: Record<string, unknown>
}

export interface Audited {
  action: string
  subject: string
  actorKind: string
  actorId: number | null
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  reason: string | null
}

export interface Asking {
  /** Who asks, and with which permissions. */
  as: readonly [userId: number, ...permissions: string[]]
  body?: object | undefined
  ifMatch?: string | number | undefined
  headers?: Record<string, string>
}

export interface ModuleWorld<N extends DatabaseName> {
  readonly databases: TestDatabases
  readonly connection: Connection<N>
  /** `ask('POST /v1/customers', { as: admin, body })` */
  ask(line: string, asking: Asking): Promise<Answered>
  /** Every event in the outbox, in order; of one subject when named. */
  told(subject?: string): Promise<Told[]>
  audited(subject?: string): Promise<Audited[]>
  /** Hands an event to the module's subscription, as the dispatcher does: in a transaction of its own. */
  deliver(type: string, data: object): Promise<void>
  close(): Promise<void>
}

/** Keeps nothing: every read reaches the database. */
export const noCache: Pick<Cache, 'versioned'> = {
  versioned: () => ({ get: (_id, load) => load(), put: async () => {} }),
}

interface Mounted<E, N extends DatabaseName> {
  plugin: ModuleRoutes
  subscriptions: Subscriptions<E, Tx<N>>
}

export async function openModuleWorld<N extends DatabaseName, E>(
  name: N,
  mount: (connection: Connection<N>) => Mounted<E, N>,
  /** `beside`: another process on the data of a world. */
  options: { poolSize?: number; beside?: TestDatabases } = {},
): Promise<ModuleWorld<N>> {
  const databases = options.beside ?? (await createTestDatabases({ poolSize: options.poolSize ?? 6 }))
  const database = openDatabase(name, databases.settings[name], { log: memoryLog() })
  const connection = database.requests
  const { plugin, subscriptions } = mount(connection)
  const stores: Partial<Record<DatabaseName, Connection<N>>> = { [name]: connection }
  const http = createHttp(httpNeeds({ idempotency: createIdempotency(stores) }))
  await http.app.register(plugin)
  await http.app.ready()

  return {
    databases,
    connection,
    async ask(line, { as, body, ifMatch, headers }) {
      const [method, url] = line.split(' ')
      const response = await http.app.inject({
        method: method as 'GET',
        url: url ?? '/',
        headers: {
          authorization: bearer(...as),
          ...(ifMatch === undefined ? {} : { 'if-match': typeof ifMatch === 'number' ? `"v${ifMatch}"` : ifMatch }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: body }),
      })
      return {
        status: response.statusCode,
        body: response.body === '' ? {} : response.json(),
        text: response.body,
        etag: response.headers.etag?.toString(),
        location: response.headers.location?.toString(),
        isReplay: response.headers['idempotent-replayed'] === 'true',
      }
    },
    async told(subject) {
      const [rows] = await connection.db.execute(sql`SELECT type, subject, data FROM outbox ORDER BY id`)
      return rowsOf(rows)
        .map((row) => ({ type: String(row.type), subject: String(row.subject), data: parsed(row.data) ?? {} }))
        .filter((event) => subject === undefined || event.subject === subject)
    },
    async audited(subject) {
      const [rows] = await connection.db.execute(
        sql`SELECT action, subject, actor_kind, actor_id, before_values, after_values, reason FROM audit_log ORDER BY id`,
      )
      return rowsOf(rows)
        .map((row) => ({
          action: String(row.action),
          subject: String(row.subject),
          actorKind: String(row.actor_kind),
          actorId: row.actor_id === null ? null : Number(row.actor_id),
          before: parsed(row.before_values),
          after: parsed(row.after_values),
          reason: row.reason === null ? null : String(row.reason),
        }))
        .filter((line) => subject === undefined || line.subject === subject)
    },
    async deliver(type, data) {
      const event: Envelope = {
        id: '01900000-0000-7000-8000-000000000000',
        type,
        version: 1,
        source: 'shared_user',
        occurredAt: '2026-01-01T00:00:00.000Z',
        subject: 'user/1',
        subjectSeq: 1,
        correlationId: 'test',
        causationId: 'test',
        actor: { kind: 'system' },
        traceparent: null,
        data,
      }
      const run = { attempt: 1, replay: false, signal: AbortSignal.timeout(10_000) }
      await runInContext({ requestId: 'test', principal: system }, () =>
        database.events.withTx(async (tx) => {
          for (const subscription of subscriptions) await subscription.handle(`${type}@1`, tx, event, run)
        }),
      )
    },
    async close() {
      await http.app.close()
      await database.close()
      if (!options.beside) await databases.drop()
    },
  }
}

const rowsOf = (rows: unknown): Record<string, unknown>[] => (Array.isArray(rows) ? rows : [])

function parsed(value: unknown): Record<string, unknown> | null {
  return typeof value === 'string' ? JSON.parse(value) : null
}
