import { eq, sql } from 'drizzle-orm'
import { alias, int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { createTcpProxy, type TcpProxy } from '#support/tcp-proxy.ts'
import { type Once, runInContext } from './context.ts'
import { type Database, type DatabaseOptions, isDuplicateKey, openDatabase, type Tx } from './databases.ts'
import { system } from './principal.ts'

const counters = mysqlTable('counters', {
  id: int('id').primaryKey(),
  value: int('value').notNull(),
  name: varchar('name', { length: 40 }),
})

let databases: TestDatabases
let proxy: TcpProxy
let database: Database<'customer_service_db'>
const log = { warn: vi.fn(), error: vi.fn() }

const open = (options: Partial<DatabaseOptions> & { poolSize?: number } = {}) =>
  openDatabase(
    'customer_service_db',
    { ...databases.settings.customer_service_db, host: proxy.host, port: proxy.port, poolSize: options.poolSize ?? 3 },
    { log, ...options },
  )

beforeAll(async () => {
  databases = await createTestDatabases()
  const { schema, username } = databases.settings.customer_service_db
  await databases.asRoot(`CREATE TABLE ${schema}.counters (id int PRIMARY KEY, value int NOT NULL, name varchar(40) UNIQUE) ENGINE=InnoDB`)
  await databases.asRoot(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.counters TO '${username}'@'%'`)
  proxy = await createTcpProxy(databases.settings.customer_service_db)
})
afterAll(async () => {
  await proxy?.close()
  await databases?.drop()
})
beforeEach(async () => {
  const { schema } = databases.settings.customer_service_db
  await databases.asRoot(`DELETE FROM ${schema}.counters`)
  await databases.asRoot(`INSERT INTO ${schema}.counters VALUES (1, 0, 'one'), (2, 0, 'two')`)
  log.warn.mockReset()
  log.error.mockReset()
  database = open()
})
afterEach(async () => {
  proxy.heal()
  await database.close()
})

const valueAt = async (id: number): Promise<number | undefined> => {
  const [row] = await database.requests.db.select({ value: counters.value }).from(counters).where(eq(counters.id, id))
  return row?.value
}
const add = sql`${counters.value} + 1`
const busy = () => database.poolState().requests.busy
const until = (claim: () => boolean | Promise<boolean>) =>
  vi.waitFor(async () => expect(await claim()).toBe(true), { timeout: 5_000, interval: 5 })

test('a transaction commits what it did and hands out what it returned', async () => {
  const result = await database.requests.withTx(async (tx) => {
    await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
    return 'done'
  })

  expect(result).toBe('done')
  expect(await valueAt(1)).toBe(7)
})

test('an error inside a transaction reaches the caller as it was thrown, and nothing is stored', async () => {
  const thrown = new Error('the business refuses')

  const attempt = database.requests.withTx(async (tx) => {
    await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
    throw thrown
  })

  await expect(attempt).rejects.toBe(thrown)
  expect(await valueAt(1)).toBe(0)
  expect(busy()).toBe(0)
})

test('a connection lost in the middle repeats the whole function, and the first error does not hide behind the rollback', async () => {
  let runs = 0

  await database.requests.withTx(async (tx) => {
    runs += 1
    await tx.db.update(counters).set({ value: add }).where(eq(counters.id, 1))
    if (runs === 1) proxy.cutWhen(/DO 0/)
    await tx.db.execute(sql`DO 0`)
    await tx.db.update(counters).set({ value: add }).where(eq(counters.id, 2))
  })

  expect(runs).toBe(2)
  expect([await valueAt(1), await valueAt(2)]).toEqual([1, 1])
})

test('a BEGIN that is refused costs no connection', async () => {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    proxy.cutWhen(/START TRANSACTION/)
    await database.requests.withTx(async () => 'never mind').catch(() => {})
  }

  expect(busy()).toBe(0)
  expect(await database.requests.withTx(async () => 'served')).toBe('served')
})

test('two writers that deadlock both get through, and no increment is lost', async () => {
  const turns = 150
  const addBoth = (first: number, second: number): Promise<void> =>
    database.requests
      .withTx(async (tx) => {
        await tx.db.update(counters).set({ value: add }).where(eq(counters.id, first))
        await tx.db.update(counters).set({ value: add }).where(eq(counters.id, second))
      })
      // Four times in a row the other one came between: refused whole, as a caller would see it, and asked for again.
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'OVERLOADED', cause: { errno: 1213 } })
        return addBoth(first, second)
      })
  const writer = async (first: number, second: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await addBoth(first, second)
  }

  await Promise.all([writer(1, 2), writer(2, 1)])

  expect([await valueAt(1), await valueAt(2)]).toEqual([2 * turns, 2 * turns])
})

test('a statement that a conflict undid keeps the transaction from committing, even when the function swallows the error', async () => {
  let runs = 0

  await database.requests.withTx(async (tx) => {
    runs += 1
    await tx.db.update(counters).set({ value: add }).where(eq(counters.id, 1))
    const conflict = runs === 1 ? tx.db.execute(sql`SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213`) : undefined
    await conflict?.catch(() => {})
  })

  expect(runs).toBe(2)
  expect(await valueAt(1)).toBe(1)
})

test('a conflict that does not end is given up after three repetitions as an overload', async () => {
  let runs = 0

  const attempt = database.requests.withTx(async (tx) => {
    runs += 1
    await tx.db.execute(sql`SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213`)
  })

  await expect(attempt).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, cause: { errno: 1213 } })
  expect(runs).toBe(4)
  expect(busy()).toBe(0)
})

test('a transaction inside a transaction is refused, on the same database and on another', async () => {
  const other = openDatabase('pricing_service_db', databases.settings.pricing_service_db, { log })

  await expect(database.requests.withTx(() => database.events.withTx(async () => 1))).rejects.toThrow(/inside withTx/)
  await expect(database.requests.withTx(() => other.requests.withTx(async () => 1))).rejects.toThrow(/inside withTx/)
  await expect(database.requests.withTx(async () => valueAt(1))).rejects.toThrow(/inside withTx/)
  expect(await valueAt(1)).toBe(0)
  await other.close()
})

test('a statement that outlives its transaction is refused and lands in nobody else’s', async () => {
  const kept = await database.requests.withTx(async (tx) => tx)

  await expect(kept.db.update(counters).set({ value: 99 })).rejects.toThrow(/over/)
  expect(await valueAt(1)).toBe(0)
})

test('a caller who has gone before COMMIT gets nothing stored', async () => {
  const gone = new AbortController()

  const attempt = database.requests.withTx(
    async (tx) => {
      await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
      gone.abort()
    },
    { signal: gone.signal },
  )

  await expect(attempt).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  expect(await valueAt(1)).toBe(0)
})

test('a transaction whose time is over is rolled back', async () => {
  const attempt = database.requests.withTx(
    async (tx) => {
      await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
      await tx.db.execute(sql`SELECT SLEEP(0.1)`)
    },
    { deadlineMs: 50 },
  )

  await expect(attempt).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 503 })
  expect(await valueAt(1)).toBe(0)
})

test('hooks run after the commit, when the connection has been given back; a failing one changes nothing', async () => {
  const seen: number[] = []

  await database.requests.withTx(async (tx) => {
    tx.afterCommit(() => {
      throw new Error('nobody cares')
    })
    tx.afterCommit(() => void seen.push(busy()))
  })

  expect(seen).toEqual([0])
  expect(log.error).toHaveBeenCalledOnce()
})

test('a COMMIT without an answer is reported as unknown when nobody can say what became of it', async () => {
  proxy.cutWhen(/COMMIT$/)

  const attempt = database.requests.withTx(async (tx) => {
    await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
  })

  await expect(attempt).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', details: { outcome: 'unknown' } })
  expect(busy()).toBe(0)
})

test('a COMMIT without an answer succeeds when settling finds it stored, and hooks run', async () => {
  const hook = vi.fn()
  let runs = 0
  proxy.cutWhen(/COMMIT$/)

  const result = await database.requests.withTx(
    async (tx) => {
      runs += 1
      tx.afterCommit(hook)
      await tx.db.update(counters).set({ value: 7 }).where(eq(counters.id, 1))
      return 'stored'
    },
    { settle: async () => (await valueAt(1)) === 7 },
  )

  expect(result).toBe('stored')
  expect(runs).toBe(1)
  expect(hook).toHaveBeenCalledOnce()
})

test('a COMMIT without an answer that was not stored repeats the whole function', async () => {
  let runs = 0
  proxy.cutWhen(/COMMIT$/)

  await database.requests.withTx(
    async (tx) => {
      runs += 1
      await tx.db.update(counters).set({ value: runs }).where(eq(counters.id, 1))
    },
    { settle: async () => false },
  )

  expect(runs).toBe(2)
  expect(await valueAt(1)).toBe(2)
})

test('a rollback that fails hides nothing: the caller sees the first error, and the connection is thrown away', async () => {
  const thrown = new Error('the business refuses')
  proxy.cutWhen(/ROLLBACK$/)

  await expect(database.requests.withTx(() => Promise.reject(thrown))).rejects.toBe(thrown)

  expect(log.warn).toHaveBeenCalledOnce()
  expect(database.poolState().requests).toMatchObject({ busy: 0, idle: 0 })
})

test('the record of a key commits with the effect, and tells after an unknown COMMIT that it is there', async () => {
  const once: Once = {
    key: { scope: 'c2NvcGU=', fingerprint: 'Ym9keQ==' },
    databases: ['customer_service_db'],
    begin: async () => {},
    end: async (tx) => {
      await (tx as Tx<'customer_service_db'>).db.insert(counters).values({ id: 3, value: 0, name: 'key' })
    },
    settle: async () => (await valueAt(3)) === 0,
  }
  const context = { requestId: 'r', principal: system, once }
  proxy.cutWhen(/COMMIT$/)

  const result = await runInContext(context, () =>
    database.requests.withTx(async (tx) => {
      await tx.db.update(counters).set({ value: add }).where(eq(counters.id, 1))
      return 'once'
    }),
  )

  expect(result).toBe('once')
  expect(await valueAt(1)).toBe(1)
})

test('a used key ends the transaction before it begins', async () => {
  const answered = new Error('answered before')
  const once: Once = {
    key: { scope: 'c2NvcGU=', fingerprint: 'Ym9keQ==' },
    databases: ['customer_service_db'],
    begin: () => Promise.reject(answered),
    end: async () => {},
    settle: async () => false,
  }
  const work = vi.fn(async () => 'never')

  const attempt = runInContext({ requestId: 'r', principal: system, once }, () => database.requests.withTx(work))

  await expect(attempt).rejects.toBe(answered)
  expect(work).not.toHaveBeenCalled()
})

test('after a thousand failing transactions the pool is as it was and every caller saw the original error', async () => {
  const failures = ['thrown', 'refused by a key', 'killed', 'aborted'] as const
  const fail = async (turn: number): Promise<unknown> => {
    const kind = failures[turn % failures.length]
    if (kind === 'thrown') return database.requests.withTx(() => Promise.reject(new Error('thrown')))
    if (kind === 'refused by a key') return database.requests.withTx((tx) => tx.db.insert(counters).values({ id: 1, value: 0 }))
    if (kind === 'killed') return database.requests.withTx((tx) => tx.db.execute(sql`KILL CONNECTION_ID()`), { deadlineMs: 20 })
    return database.requests.withTx(async () => 1, { signal: AbortSignal.abort() })
  }
  const wrong: unknown[] = []

  for (let turn = 0; turn < 1_000; turn += 4) {
    const results = await Promise.allSettled([turn, turn + 1, turn + 2].map(fail).concat(turn % 40 === 0 ? [fail(2)] : []))
    for (const result of results) {
      const reason = result.status === 'rejected' ? result.reason : undefined
      const isRight =
        reason?.message === 'thrown' || isDuplicateKey(reason, 'PRIMARY') || /^(DEPENDENCY|DEADLINE|OVERLOADED)/.test(reason?.code)
      if (!isRight) wrong.push(result)
    }
  }

  expect(wrong).toEqual([])
  expect(database.poolState().requests).toMatchObject({ busy: 0, waiting: 0, connecting: 0 })
  await database.requests.db.insert(counters).values({ id: 9, value: 9 })
  expect(await valueAt(9)).toBe(9)
  expect(await valueAt(1)).toBe(0)
})

test('with every connection held a request is refused within 600 ms, and served again when one comes back', async () => {
  let finish = (): void => {}
  const held = new Promise<void>((resolve) => {
    finish = resolve
  })
  const holders = [1, 2, 3].map(() => database.requests.withTx(() => held))
  await until(() => busy() === 3)
  const started = performance.now()

  await expect(valueAt(1)).rejects.toMatchObject({ code: 'OVERLOADED' })

  expect(performance.now() - started).toBeLessThan(600)
  finish()
  await Promise.all(holders)
  expect(await valueAt(1)).toBe(0)
})

test('a queue longer than could be served refuses at once', async () => {
  let finish = (): void => {}
  const held = new Promise<void>((resolve) => {
    finish = resolve
  })
  const holders = [1, 2, 3].map(() => database.requests.withTx(() => held))
  await until(() => busy() === 3)
  const queued = Array.from({ length: 6 }, () => valueAt(1).catch(() => undefined))
  const started = performance.now()

  await expect(valueAt(1)).rejects.toMatchObject({ code: 'OVERLOADED' })

  expect(performance.now() - started).toBeLessThan(100)
  finish()
  await Promise.all([...holders, ...queued])
})

test('the server ends a statement at its limit, the caller is told, and the connection serves on', async () => {
  await database.close()
  database = open({ limits: { statementMs: 200, rowLockSeconds: 1, metadataLockSeconds: 1 } })

  await expect(database.requests.db.execute(sql`SELECT SLEEP(5)`)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })

  expect(await databases.waitingStatements('customer_service_db')).toEqual([])
  expect(await valueAt(1)).toBe(0)
})

test('a server that does not answer costs its connection, never a foreign answer, and nothing runs on', async () => {
  await database.close()
  database = open({ limits: { statementMs: 300, rowLockSeconds: 1, metadataLockSeconds: 1 } })
  await valueAt(1)
  proxy.blackhole()

  await expect(valueAt(2)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })

  proxy.heal()
  const [row] = await database.requests.db.select().from(counters).where(eq(counters.id, 2))
  expect(row).toMatchObject({ id: 2, name: 'two' })
  expect(busy()).toBe(0)
})

test('with the database away routes are refused, at once when the breaker is open, and served again without a restart', async () => {
  await valueAt(1)
  proxy.refuse()
  for (let attempt = 0; attempt < 6; attempt += 1) await valueAt(1).catch(() => {})
  expect(database.poolState().breaker).toBe('open')
  const started = performance.now()

  await expect(valueAt(1)).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', retryAfter: 1 })

  expect(performance.now() - started).toBeLessThan(10)
  proxy.heal()
  await until(async () => (await valueAt(1).catch(() => undefined)) === 0)
  expect(database.poolState().breaker).toBe('closed')
})

test('every session is strict, in UTC, and reads what is committed', async () => {
  const [rows] = await database.requests.db.execute(
    sql`SELECT @@sql_mode AS mode, @@time_zone AS zone, @@tx_isolation AS isolation, @@innodb_lock_wait_timeout AS row_lock, @@character_set_client AS charset`,
  )

  expect(rows).toMatchObject([{ zone: '+00:00', isolation: 'READ-COMMITTED', row_lock: '2', charset: 'utf8mb4' }])
  expect(rows).toMatchObject([{ mode: expect.stringContaining('STRICT_ALL_TABLES') }])
})

test('a refused unique key is told apart by the name of its index', async () => {
  const refused = await database.requests.db
    .insert(counters)
    .values({ id: 5, value: 0, name: 'one' })
    .catch((error: unknown) => error)

  expect(isDuplicateKey(refused)).toBe(true)
  expect(isDuplicateKey(refused, 'name')).toBe(true)
  expect(isDuplicateKey(refused, 'PRIMARY')).toBe(false)
  expect(String(refused)).not.toContain('insert into')
})

test('an outer join gives null for the row that is not there, and values of expressions as the server sends them', async () => {
  const other = alias(counters, 'other')

  const rows = await database.requests.db
    .select({ one: { id: counters.id }, other: { id: other.id, name: other.name }, twice: sql<string>`${counters.id} * 2` })
    .from(counters)
    .leftJoin(other, eq(other.id, sql`${counters.id} + 1`))
    .orderBy(counters.id)

  expect(rows).toEqual([
    { one: { id: 1 }, other: { id: 2, name: 'two' }, twice: '2' },
    { one: { id: 2 }, other: null, twice: '4' },
  ])
})
