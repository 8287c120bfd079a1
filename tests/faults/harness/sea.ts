import { openConnection, type ServerConnection } from '#platform/database-connection.ts'
import type { DatabaseName, DatabaseSettings } from '#platform/databases.ts'
import { createTestDatabases, type RootOfServer } from '#support/databases.ts'
import { redisCommand } from '#support/redis-command.ts'
import { privateMariaDb, privateRedis, type Restartable } from '#support/servers.ts'
import { createTcpProxy, type TcpProxy } from '#support/tcp-proxy.ts'
import type { MariaDbServer } from '../../../scripts/servers/mariadb.ts'
import type { RedisServer } from '../../../scripts/servers/redis.ts'
import { grows } from './conditions.ts'
import type { Change, Found } from './ledger.ts'
import { consumerName, type Waters } from './protocol.ts'

/** The two databases of a fault test on private servers: ships publish, the harbour keeps a book. */
export interface Sea {
  /** What the processes under test connect with: through the proxies, where there are any. */
  readonly settings: Waters
  readonly servers: Readonly<Record<Side, Restartable<MariaDbServer>>>
  /** One in front of each database, when asked for. */
  readonly proxies: Readonly<Partial<Record<Side, TcpProxy>>>
  /** Lies between the processes, when asked for. */
  readonly redis: Restartable<RedisServer> | undefined
  /** Redis forgets everything. */
  flush(): Promise<void>
  /** A statement as the administrator, past all proxies. */
  rows(side: Side, statement: string): Promise<Row[]>
  /** Changes and effects, as they are in the databases now. */
  find(): Promise<Found>
  /** How many effects there are. */
  effects(): Promise<number>
  /** How many changes there are. */
  changes(): Promise<number>
  /** Marks of the events in the outbox. */
  outbox(): Promise<Set<string>>
  /** Events that wait in a line at the consumer. */
  parked(): Promise<readonly Parked[]>
  /** How many events the consumer has not passed yet, numbered or not: those in a line have been passed. */
  unsettled(): Promise<number>
  /** Resolves to true when every event that has a number now is passed; false when nothing has moved for so long. */
  catchesUp(patienceMs: number): Promise<boolean>
  /** What an operator does when the cause is mended: every subject's line begins again, with as many attempts as at first. */
  retryAll(): Promise<void>
  /** Lets the leases of processes that are gone, and with `claims` all waiting times of parked events, run out at once. */
  letLeasesRunOut(options: { alive: readonly number[]; claims: boolean; exceptPart?: number }): Promise<void>
  close(): Promise<void>
}

export interface Parked {
  readonly mark: string
  readonly fate: string
  /** The first of its subject's line. */
  readonly isHead: boolean
  readonly isDead: boolean
  readonly errorCode: string | null
}

export type Side = 'ships' | 'harbours'
export type Row = Readonly<Record<string, unknown>>

export interface SeaOptions {
  subjects: number
  /** A server for each database instead of one for both. */
  apart?: boolean
  /** Acknowledged commits outlive kill -9 of the server. */
  durable?: boolean
  proxied?: boolean
  /** A Redis between processes that host one database each. What it was told in the last second before kill -9 it forgets. */
  split?: boolean
}

const databaseOf = { ships: 'shared_user_db', harbours: 'customer_service_db' } as const

export async function openSea({ subjects, apart = false, durable = false, proxied = false, split = false }: SeaOptions): Promise<Sea> {
  const first = await privateMariaDb({ durable })
  const servers = { ships: first, harbours: apart ? await privateMariaDb({ durable }) : first }
  const byDatabase: Record<DatabaseName, RootOfServer> = {
    shared_user_db: servers.ships.server,
    customer_service_db: servers.harbours.server,
    carrier_service_db: first.server,
    pricing_service_db: first.server,
  }
  const databases = await createTestDatabases({ servers: byDatabase })
  const roots: Partial<Record<Side, ServerConnection>> = {}
  const root = async (side: Side): Promise<ServerConnection> => {
    const { schema } = databases.settings[databaseOf[side]]
    const { host, port, rootUser, rootPassword } = servers[side].server
    if (roots[side]?.alive !== true)
      roots[side] = await openConnection(
        { host, port, schema, username: rootUser, password: rootPassword },
        { connectMs: 5_000, limits: { statementMs: 0, rowLockSeconds: 30, metadataLockSeconds: 30 } },
      )
    return roots[side]
  }
  const rows: Sea['rows'] = async (side, statement) => {
    const [found] = await (await root(side)).text(statement)
    return Array.isArray(found) ? found : []
  }
  const count = async (side: Side, statement: string): Promise<number> => Number((await rows(side, statement))[0]?.found)

  await rows('ships', 'CREATE TABLE ship (id INT PRIMARY KEY, step INT NOT NULL DEFAULT 0)')
  await rows('ships', 'CREATE TABLE voyage (mark VARCHAR(40) PRIMARY KEY, ship INT NOT NULL, step INT NOT NULL)')
  await rows('harbours', 'CREATE TABLE book (id INT AUTO_INCREMENT PRIMARY KEY, mark VARCHAR(40) NOT NULL)')
  await rows('ships', `INSERT INTO ship (id) VALUES ${Array.from({ length: subjects }, (_, index) => `(${index + 1})`).join(', ')}`)
  const accounts = { ships: databases.settings.shared_user_db.username, harbours: databases.settings.customer_service_db.username }
  await rows('ships', `GRANT SELECT, INSERT, UPDATE ON ship TO '${accounts.ships}'@'%'`)
  await rows('ships', `GRANT SELECT, INSERT ON voyage TO '${accounts.ships}'@'%'`)
  await rows('harbours', `GRANT SELECT, INSERT ON book TO '${accounts.harbours}'@'%'`)

  const proxies: Partial<Record<Side, TcpProxy>> = proxied
    ? { ships: await createTcpProxy(servers.ships.server), harbours: await createTcpProxy(servers.harbours.server) }
    : {}
  const settingsOf = (side: Side): DatabaseSettings => {
    const settings = databases.settings[databaseOf[side]]
    const proxy = proxies[side]
    return proxy ? { ...settings, host: proxy.host, port: proxy.port } : settings
  }

  const redis = split ? await privateRedis({ extraSettings: ['appendonly yes', 'appendfsync everysec'] }) : undefined
  const redisSettings = redis && { host: redis.server.host, port: redis.server.port, password: redis.server.password, keyPrefix: 'sea:' }

  return {
    settings: { ships: settingsOf('ships'), harbours: settingsOf('harbours'), ...(redisSettings && { redis: redisSettings }) },
    servers,
    proxies,
    redis,
    flush: async () => void (redis && (await redisCommand(redis.server, 'FLUSHALL'))),
    rows,
    async find() {
      const changes = new Map<string, Change>()
      for (const { mark, ship, step } of await rows('ships', 'SELECT mark, ship, step FROM voyage'))
        changes.set(String(mark), { ship: Number(ship), step: Number(step) })
      const book = await rows('harbours', 'SELECT mark FROM book ORDER BY id')
      return { changes, effects: book.map(({ mark }) => String(mark)) }
    },
    effects: () => count('harbours', 'SELECT COUNT(*) AS found FROM book'),
    changes: () => count('ships', 'SELECT COUNT(*) AS found FROM voyage'),
    async outbox() {
      const found = await rows('ships', "SELECT JSON_VALUE(data, '$.mark') AS mark FROM outbox")
      return new Set(found.map(({ mark }) => String(mark)))
    },
    async parked() {
      const found = await rows(
        'harbours',
        `SELECT JSON_VALUE(p.envelope, '$.data.mark') AS mark, JSON_VALUE(p.envelope, '$.data.fate') AS fate, p.error_code,
           p.next_at IS NULL AS dead, p.pub_seq = heads.pub_seq AS head
         FROM inbox_parked p JOIN (SELECT subject, MIN(pub_seq) AS pub_seq FROM inbox_parked GROUP BY subject) AS heads USING (subject)`,
      )
      return found.map(({ mark, fate, head, dead, error_code }) => ({
        mark: String(mark),
        fate: String(fate),
        isHead: Number(head) === 1,
        isDead: Number(dead) === 1,
        errorCode: error_code === null ? null : String(error_code),
      }))
    },
    async unsettled() {
      const numbered = await count('ships', 'SELECT SUM(next_seq - 1) AS found FROM outbox_sequence')
      const waiting = await count('ships', 'SELECT COUNT(*) AS found FROM outbox WHERE pub_seq IS NULL')
      const passed = await count('harbours', `SELECT SUM(last_seq) AS found FROM inbox_cursor WHERE consumer = '${consumerName}'`)
      return numbered + waiting - passed
    },
    async catchesUp(patienceMs) {
      const heads = await rows('ships', 'SELECT part, next_seq - 1 AS head FROM outbox_sequence')
      const passed = heads.map(({ part, head }) => `SUM(IF(part = ${Number(part)}, LEAST(last_seq, ${Number(head)}), 0))`).join(' + ')
      const ofConsumer = `FROM inbox_cursor WHERE consumer = '${consumerName}'`
      return grows(
        () => count('harbours', `SELECT ${passed} AS found ${ofConsumer}`),
        () => heads.reduce((sum, { head }) => sum + Number(head), 0),
        patienceMs,
      )
    },
    async retryAll() {
      const again = 'attempts = 0, unfinished = 0, next_at = NOW(3)'
      await rows('harbours', `UPDATE inbox_parked SET ${again} WHERE next_at IS NULL OR next_at > NOW(3)`)
    },
    async letLeasesRunOut({ alive, claims, exceptPart = -1 }) {
      const ofTheDead = alive.map((pid) => `AND owner NOT LIKE '${pid}-%'`).join(' ')
      const past = 'NOW(3) - INTERVAL 1 SECOND'
      await rows('harbours', `UPDATE inbox_cursor SET until = ${past} WHERE owner <> '' AND part <> ${exceptPart} ${ofTheDead}`)
      await rows('ships', `UPDATE outbox_sequence SET until = ${past} WHERE owner <> '' ${ofTheDead}`)
      // A claim names nobody: one of the last two seconds (of its twelve) may be in the hands of a process that lives still.
      const unclaimed = '(unfinished = 0 OR next_at < NOW(3) + INTERVAL 10 SECOND)'
      if (claims) await rows('harbours', `UPDATE inbox_parked SET next_at = ${past} WHERE next_at > NOW(3) AND ${unclaimed}`)
    },
    async close() {
      for (const connection of Object.values(roots)) connection.end()
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))
      await Promise.all([...new Set([...Object.values(servers), ...(redis ? [redis] : [])])].map((server) => server.remove()))
    },
  }
}
