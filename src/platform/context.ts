import { AsyncLocalStorage } from 'node:async_hooks'
import { type Principal, system } from './principal.ts'

/**
 * What travels with a piece of work without being an argument: who asked, under which request, until when. The same for a
 * request, a contract call and an event handler, whatever transport lies between.
 */
export interface Context {
  requestId: string
  /** W3C trace context, continued from the caller or begun here. */
  traceparent?: string
  principal: Principal
  /** Id of the event being handled, when there is one: it becomes the cause of events published meanwhile. */
  causationId?: string
  /** Request id of the first cause; equal to `requestId` unless an event carried it here. */
  correlationId?: string
  /** Aborted when the caller has gone or the deadline is over; checked just before COMMIT. */
  signal?: AbortSignal
  /** Monotonic instant (`performance.now()`) at which the work must have ended. */
  deadline?: number
  /** This work is a repeat of a call that failed: what it calls is not repeated again. */
  isRepeat?: true
  /** Throws when the caller may no longer do what was admitted. Asked just before COMMIT; costs nothing while the work is young. */
  recheck?: () => void | Promise<void>
  /** What must commit together with the effect of this request; set by the Idempotency-Key. */
  once?: Once
}

/**
 * A guard around the one writing transaction of a request. `databases.ts` calls it and knows nothing else about it, so that
 * the record of an Idempotency-Key commits with the effect.
 */
export interface Once {
  /** Who, what and which key, and the body it came with; for a process that keeps the record because the effect is there. */
  readonly key: OnceKey
  /** Set where another process kept the record: what it answered is the answer of an earlier request. */
  isRepeat?: true
  /** Names of the databases of which one carries the record: the one with the writing transaction. */
  readonly databases: readonly string[]
  /** First statement of the transaction; throws when the key has been used. `db` is the transaction's drizzle. */
  begin(tx: unknown): Promise<void>
  /** Last statement before COMMIT, with what the transaction's function returned. */
  end(tx: unknown, result: unknown): Promise<void>
  /** After an unknown outcome at COMMIT: true when the record, and with it the effect, is there. */
  settle(db: unknown): Promise<boolean>
}

/** Digests, base64. */
export interface OnceKey {
  readonly scope: string
  readonly fingerprint: string
}

const storage = new AsyncLocalStorage<Context>()

/** The context of the work under way; outside any, that of the process itself. */
export function currentContext(): Context {
  return storage.getStore() ?? processContext
}

export function runInContext<R>(context: Context, work: () => R): R {
  return storage.run(context, work)
}

const processContext: Context = { requestId: 'process', principal: system }
