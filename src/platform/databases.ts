import { createBreaker } from './breaker.ts'
import type { DatabaseName, DatabaseSettings } from './config.ts'
import type { ConnectionTarget, StatementResult } from './database-connection.ts'
import { isReadOnly, type SessionLimits } from './database-dialect.ts'
import { createPool, type Pool, type PoolState } from './database-pool.ts'
import { createQueries, type Queries, type Runner } from './database-queries.ts'
import { createWithTx, type DatabaseLog, presentable, refuseInsideTransaction, type Tx, type WithTx } from './database-transaction.ts'

/**
 * The four databases. A connection carries the name of its database in its type, so a repository cannot be given the wrong
 * one. 64-bit numbers, sums and counts come back as strings, instants of raw statements as the server writes them:
 * `columns.ts` reads them.
 */

export type { DatabaseName, DatabaseSettings } from './config.ts'
export { isDuplicateKey } from './database-dialect.ts'
export type { Queries } from './database-queries.ts'
export type { DatabaseLog, Tx, TxOptions } from './database-transaction.ts'

export type SharedUserTx = Tx<'shared_user_db'>
export type CustomerTx = Tx<'customer_service_db'>
export type CarrierTx = Tx<'carrier_service_db'>
export type PricingTx = Tx<'pricing_service_db'>

export interface Connection<N extends DatabaseName> {
  readonly name: N
  /** Each statement by itself: takes a connection, is executed, gives it back. Keep hot reads with `.prepare()`. */
  readonly db: Queries
  /** A prepared statement as text, for the platform's own files that must not load the query builder. */
  statement(sql: string, parameters: unknown[]): Promise<StatementResult>
  /**
   * Runs the function in one transaction and returns what it returned. On deadlock, lock wait or loss of the connection the
   * whole function runs again, at most three times more: it has no effects outside the transaction, calls no contract and
   * opens no second transaction (that throws). Rolled back when it throws, when the caller has gone, when the time is over.
   * Throws DEPENDENCY_UNAVAILABLE with `details.outcome` "unknown" when a COMMIT got no answer and nobody can say what
   * became of it.
   */
  readonly withTx: WithTx<N>
}

export interface Database<N extends DatabaseName> {
  readonly name: N
  readonly requests: Connection<N>
  /** Connections of its own for event work, so that neither starves the other. */
  readonly events: Connection<N>
  /** Milliseconds that one statement takes now. Throws DEPENDENCY_UNAVAILABLE. */
  ping(): Promise<number>
  poolState(): { requests: PoolState; events: PoolState; breaker: 'closed' | 'open' | 'probing' }
  close(): Promise<void>
}

export interface DatabaseOptions {
  log: DatabaseLog
  /** Default 2 s per statement and row lock, 5 s per metadata lock. */
  limits?: SessionLimits
  requestDeadlineMs?: number
  eventDeadlineMs?: number
}

const defaultLimits: SessionLimits = { statementMs: 2_000, rowLockSeconds: 2, metadataLockSeconds: 5 }

/** Connects with the first statement, not before: a database that is down at boot costs its module's routes, not the process. */
export function openDatabase<N extends DatabaseName>(
  name: N,
  settings: DatabaseSettings,
  { log, limits = defaultLimits, requestDeadlineMs = 5_000, eventDeadlineMs = 10_000 }: DatabaseOptions,
): Database<N> {
  const breaker = createBreaker({
    changed: (state) =>
      log.warn({ database: name, breaker: state }, state === 'open' ? 'database unreachable' : 'database reachable again'),
  })
  const target: ConnectionTarget = settings
  const pool = (size: number): Pool => createPool({ dependency: name, target, size, breaker, limits })
  const requestPool = pool(settings.poolSize)
  const eventPool = pool(settings.eventsPoolSize)
  const requests = createConnection(name, requestPool, requestDeadlineMs, log)

  return {
    name,
    requests,
    events: createConnection(name, eventPool, eventDeadlineMs, log),
    async ping() {
      const started = performance.now()
      const connection = await requestPool.acquire()
      try {
        await connection.text('SELECT 1')
      } catch (error) {
        throw presentable(error, name)
      } finally {
        requestPool.release(connection)
      }
      return performance.now() - started
    },
    poolState: () => ({ requests: requestPool.state, events: eventPool.state, breaker: breaker.state }),
    async close() {
      await Promise.all([requestPool.close(), eventPool.close()])
    },
  }
}

function createConnection<N extends DatabaseName>(name: N, pool: Pool, deadlineMs: number, log: DatabaseLog): Connection<N> {
  const run: Runner = async (sql, parameters, rowsAsArray) => {
    refuseInsideTransaction(`a statement of ${name}`)
    const connection = await pool.acquire()
    try {
      return await connection.execute(sql, parameters, rowsAsArray)
    } catch (error) {
      if (isReadOnly(error)) pool.destroy(connection)
      throw presentable(error, name)
    } finally {
      pool.release(connection)
    }
  }
  const db = createQueries(run)
  return {
    name,
    db,
    statement: (sql, parameters) => run(sql, parameters, false),
    withTx: createWithTx({ name, pool, db, deadlineMs, log }),
  }
}
