import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabaseName } from './config.ts'
import { type Context, currentContext, type Once } from './context.ts'
import { DeadlineExceeded } from './contracts.ts'
import type { ServerConnection } from './database-connection.ts'
import { isConflict, isConnectionLoss, isReadOnly, isStatementLimit } from './database-dialect.ts'
import type { Pool } from './database-pool.ts'
import { createQueries, type Queries, type Runner } from './database-queries.ts'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'
import { isAppError } from './errors.ts'

/** A transaction of one database; the type of another database's does not fit. */
export interface Tx<N extends DatabaseName> {
  readonly name: N
  /** Works until the transaction has ended, then refuses: no statement ever lands in somebody else's transaction. */
  readonly db: Queries
  /** Runs after COMMIT, when the connection has been given back; its errors are logged and change nothing. */
  afterCommit(hook: () => void | Promise<void>): void
}

export interface TxOptions {
  /** Default: that of the context. Aborted before COMMIT means rolled back. */
  signal?: AbortSignal
  /** Default 5 s for requests, 10 s for event work; never more than the context has left. */
  deadlineMs?: number
  /** After an unknown outcome at COMMIT, on another connection: true when what the transaction wrote is there. */
  settle?: (db: Queries) => Promise<boolean>
}

export interface DatabaseLog {
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

interface Scope {
  active: boolean
}
const scopes = new AsyncLocalStorage<Scope>()

/**
 * Throws inside a transaction. A second connection from there is a deadlock once every connection is held by somebody who
 * waits for one, and a second database in one transaction is a promise nobody can keep.
 */
export function refuseInsideTransaction(what: string): void {
  if (scopes.getStore()?.active) {
    throw new TypeError(`${what} inside withTx needs a second connection: use the transaction's own db, or do it before or after`)
  }
}

/** The first run and three repetitions. */
const maxRuns = 4
/** How long writes keep looking for the new primary after a switch. */
const switchMs = 5_000

export interface TransactionParts<N extends DatabaseName> {
  name: N
  pool: Pool
  /** For reading what became of an unknown COMMIT. */
  db: Queries
  deadlineMs: number
  log: DatabaseLog
}

export type WithTx<N extends DatabaseName> = <R>(fn: (tx: Tx<N>) => Promise<R>, options?: TxOptions) => Promise<R>

export function createWithTx<N extends DatabaseName>({ name, pool, db, deadlineMs, log }: TransactionParts<N>): WithTx<N> {
  return async <R>(fn: (tx: Tx<N>) => Promise<R>, options: TxOptions = {}): Promise<R> => {
    refuseInsideTransaction(`a transaction of ${name}`)
    const context = currentContext()
    const once = context.once?.databases.includes(name) ? context.once : undefined
    const signal = options.signal ?? context.signal
    const started = performance.now()
    const work: Work<N, R> = {
      name,
      signal,
      deadline: Math.min(started + (options.deadlineMs ?? deadlineMs), context.deadline ?? Number.POSITIVE_INFINITY),
      body: once ? guarded(fn, once) : fn,
      recheck: context.recheck,
    }
    const settle = options.settle ?? (once && ((queries: Queries) => once.settle(queries)))

    for (let run = 1; ; run += 1) {
      const outcome = await runOnce(pool, work, log)
      if (outcome.kind === 'committed' || (outcome.kind === 'unknown' && (await isStored(outcome.error, settle)))) {
        await runHooks(outcome.hooks)
        return outcome.result
      }
      const { error } = outcome
      const [again, pause] = isReadOnly(error)
        ? [performance.now() - started < switchMs, 100]
        : [run < maxRuns && isRepeatable(error), 10 + Math.random() * 70]
      if (!again || signal?.aborted || performance.now() + pause >= work.deadline) throw presentable(error, name)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  async function isStored(error: unknown, settle: TxOptions['settle']): Promise<boolean> {
    const unknown = DependencyUnavailable({ dependency: name, outcome: 'unknown' }, { cause: error })
    if (!settle) throw unknown
    try {
      return await settle(db)
    } catch (settling) {
      log.warn({ err: settling, database: name }, 'what became of a commit could not be read')
      throw unknown
    }
  }

  async function runHooks(hooks: readonly Hook[]): Promise<void> {
    for (const hook of hooks) {
      try {
        await hook()
      } catch (error) {
        log.error({ err: error, database: name }, 'a hook after commit failed')
      }
    }
  }
}

type Hook = () => void | Promise<void>

interface Work<N extends DatabaseName, R> {
  name: N
  signal: AbortSignal | undefined
  deadline: number
  body(tx: Tx<N>): Promise<R>
  recheck: Context['recheck']
}

type Outcome<R> =
  | { kind: 'committed'; result: R; hooks: readonly Hook[] }
  | { kind: 'failed'; error: unknown }
  /** The server was told to commit and nothing more was heard of it. */
  | { kind: 'unknown'; error: unknown; result: R; hooks: readonly Hook[] }

const guarded =
  <N extends DatabaseName, R>(fn: (tx: Tx<N>) => Promise<R>, once: Once) =>
  async (tx: Tx<N>): Promise<R> => {
    await once.begin(tx)
    const result = await fn(tx)
    await once.end(tx, result)
    return result
  }

async function runOnce<N extends DatabaseName, R>(pool: Pool, work: Work<N, R>, log: DatabaseLog): Promise<Outcome<R>> {
  const connection = await pool.acquire()
  const scope: Scope = { active: true }
  const hooks: Hook[] = []
  // A statement that a conflict undid leaves half a transaction behind: it must not commit, even when the function goes on.
  let doom: unknown
  const run: Runner = async (sql, parameters, rowsAsArray) => {
    if (!scope.active) throw new TypeError(`the transaction of ${work.name} is over: await every statement inside withTx`)
    if (performance.now() > work.deadline) throw expired(work.name)
    try {
      return await connection.execute(sql, parameters, rowsAsArray)
    } catch (error) {
      if (isRepeatable(error) || isReadOnly(error)) doom ??= error
      throw error
    }
  }

  let result: R
  try {
    await connection.text('START TRANSACTION')
    const tx: Tx<N> = { name: work.name, db: createQueries(run), afterCommit: (hook) => void hooks.push(hook) }
    result = await scopes.run(scope, () => work.body(tx))
    if (doom) throw doom
    // Outside the transaction: whoever asks takes a connection of their own, briefly.
    await scopes.run({ active: false }, async () => work.recheck?.())
    // The caller has been told that it failed, or will be: what nobody waits for is not stored.
    if (work.signal?.aborted || performance.now() > work.deadline) throw expired(work.name)
  } catch (error) {
    scope.active = false
    await undo(connection, pool, doom ?? error, log)
    return { kind: 'failed', error: doom ?? error }
  }
  scope.active = false
  try {
    await connection.text('COMMIT')
  } catch (error) {
    if (isConnectionLoss(error)) {
      pool.destroy(connection)
      return { kind: 'unknown', error, result, hooks }
    }
    await undo(connection, pool, error, log)
    return { kind: 'failed', error }
  }
  pool.release(connection)
  return { kind: 'committed', result, hooks }
}

/** Only a connection of which the server said that nothing is open on it goes back. */
async function undo(connection: ServerConnection, pool: Pool, cause: unknown, log: DatabaseLog): Promise<void> {
  if (!connection.alive || isReadOnly(cause)) {
    pool.destroy(connection)
    return
  }
  try {
    await connection.text('ROLLBACK')
    pool.release(connection)
  } catch (error) {
    log.warn({ err: error }, 'a rollback failed; its connection is thrown away')
    pool.destroy(connection)
  }
}

const expired = (name: string) => DeadlineExceeded({ operation: `a transaction of ${name}` })

const isRepeatable = (error: unknown): boolean => isConflict(error) || (isConnectionLoss(error) && !isStatementLimit(error))

/** What the caller is told about an error of the server; errors that say something about the statement stay as they are. */
export function presentable(error: unknown, name: DatabaseName): unknown {
  if (isAppError(error)) return error
  if (isStatementLimit(error)) return DeadlineExceeded({ operation: `a statement of ${name}` }, { cause: error })
  if (isConnectionLoss(error) || isReadOnly(error)) return DependencyUnavailable({ dependency: name }, { cause: error })
  if (isConflict(error)) return Overloaded({ dependency: name }, { cause: error })
  return error
}
