import { createHash } from 'node:crypto'
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { canonicalJson } from './canonical-json.ts'
import type { DatabaseName } from './config.ts'
import type { Context, Once, OnceKey } from './context.ts'
import { isDuplicateKey, type Queries, type Tx } from './databases.ts'
import { IdempotencyInProgress, IdempotencyKeyInvalid, IdempotencyKeyReused } from './http-errors.ts'
import type { Log } from './logging.ts'
import { actorRef, type Principal } from './principal.ts'
import { idempotencyKeys } from './tables.ts'

/**
 * The same request twice has one effect and one answer. The record of a key commits in the transaction of the effect, in the
 * module's own database, so there is no moment at which one exists without the other. It is inserted first: the unique key
 * makes a concurrent repeat wait, whichever process it reached. The same request writes to the same database; where another
 * body would lead to another one, all of them are asked.
 */

/** An answer as it was sent, and as a repeat gets it. */
export interface StoredAnswer {
  status: number
  body: string | null
  location: string | null
  etag: string | null
}

export interface KeyedRequest {
  databases: readonly DatabaseName[]
  /** Who, what and which key. */
  scope: Buffer
  /** The body. */
  fingerprint: Buffer
}

export type Carried<R> =
  | { readonly replay: StoredAnswer }
  | { readonly result: R; readonly stored: StoredAnswer | undefined; readonly isRepeat: boolean }

export interface Idempotency {
  /** Runs the call at most once for its key; `render` is what the result looks like on the wire. */
  carry<R>(keyed: KeyedRequest, context: Context, render: (result: unknown) => StoredAnswer, call: () => Promise<R>): Promise<Carried<R>>
}

export interface KeyStore {
  readonly db: Queries
}

/** How long a repeat waits for the first, and how often it looks when the first is in another process. */
const waitMs = 1_000
const lookEveryMs = 50

const errno = { lockWait: 1205, lockNoWait: 3572 }

export function createIdempotency(stores: Readonly<Partial<Record<DatabaseName, KeyStore>>>): Idempotency {
  // Repeats in this process wait here and hold no connection meanwhile; those in other processes wait at the row.
  const running = new Map<string, Promise<void>>()
  const lookups = new Map<DatabaseName, ReturnType<typeof prepareLookup>>()

  function lookupIn(database: DatabaseName): ReturnType<typeof prepareLookup> {
    const known = lookups.get(database)
    if (known) return known
    const store = stores[database]
    if (!store) throw new TypeError(`no database ${database} keeps idempotency keys in this process`)
    const made = prepareLookup(store.db)
    lookups.set(database, made)
    return made
  }

  return {
    carry: async (keyed, context, render, call) => {
      const name = keyed.scope.toString('latin1')
      const until = performance.now() + waitMs
      for (;;) {
        // Nothing may be awaited between seeing that nobody runs and running: else all who waited would go at once.
        for (let first = running.get(name); first; first = running.get(name)) await endOf(first, until)
        let finished = (): void => {}
        running.set(
          name,
          new Promise((resolve) => {
            finished = resolve
          }),
        )
        try {
          const records = await Promise.all(keyed.databases.map((database) => look(lookupIn(database), keyed, until)))
          const valid = records.find((record) => record && !record.expired)
          if (valid) return { replay: answerOf(valid, keyed) }
          const guard = guardOf(
            keyed,
            render,
            records.some((record) => record !== undefined),
          )
          context.once = guard
          try {
            const result = await call()
            return { result, stored: guard.stored(), isRepeat: guard.isRepeat === true }
          } catch (error) {
            // Another process was faster between the look and the insert; its record is there now.
            if (error !== keyTaken) throw error
          } finally {
            delete context.once
          }
        } finally {
          running.delete(name)
          finished()
        }
      }
    },
  }
}

/** Waits for the first request of the key, not longer than its repeats may wait. */
async function endOf(first: Promise<void>, until: number): Promise<void> {
  const left = until - performance.now()
  if (left <= 0) throw IdempotencyInProgress()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, left)
  })
  await Promise.race([first, late])
  clearTimeout(timer)
}

/** The committed record. A row that another process has inserted and not yet committed is locked: look again until it is decided. */
async function look(lookup: ReturnType<typeof prepareLookup>, keyed: KeyedRequest, until: number) {
  for (;;) {
    try {
      const [record] = await lookup.execute({ scope: keyed.scope })
      return record
    } catch (error) {
      if (!hasErrno(error, errno.lockWait) && !hasErrno(error, errno.lockNoWait)) throw error
      if (performance.now() + lookEveryMs > until) throw IdempotencyInProgress({}, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  }
}

const isExpired: SQL<number> = sql`${idempotencyKeys.createdAt} < NOW(3) - INTERVAL 24 HOUR`

const prepareLookup = (db: Queries) =>
  db
    .select({
      fingerprint: idempotencyKeys.fingerprint,
      status: idempotencyKeys.status,
      body: idempotencyKeys.body,
      location: idempotencyKeys.location,
      etag: idempotencyKeys.etag,
      expired: sql<number>`${isExpired}`,
    })
    .from(idempotencyKeys)
    .where(eq(idempotencyKeys.scopeHash, sql.placeholder('scope')))
    .for('update', { noWait: true })
    .prepare()

interface FoundRecord {
  fingerprint: Buffer
  status: number | null
  body: string | null
  location: string | null
  etag: string | null
}

function answerOf({ fingerprint, status, body, location, etag }: FoundRecord, keyed: KeyedRequest): StoredAnswer {
  if (!fingerprint.equals(keyed.fingerprint)) throw IdempotencyKeyReused()
  if (status === null) throw IdempotencyInProgress()
  return { status, body, location, etag }
}

/** Ends the transaction of whoever came second. Never leaves this file. */
const keyTaken = new Error('the idempotency key is taken')

function guardOf(
  keyed: KeyedRequest,
  render: (result: unknown) => StoredAnswer,
  replacesExpired: boolean,
): Once & { stored(): StoredAnswer | undefined } {
  const mine = eq(idempotencyKeys.scopeHash, keyed.scope)
  let stored: StoredAnswer | undefined
  return {
    databases: keyed.databases,
    key: { scope: keyed.scope.toString('base64'), fingerprint: keyed.fingerprint.toString('base64') },
    stored: () => stored,
    begin: async (tx) => {
      const { db } = tx as Tx<DatabaseName>
      if (replacesExpired) await db.delete(idempotencyKeys).where(and(mine, isExpired))
      try {
        await db.insert(idempotencyKeys).values({ scopeHash: keyed.scope, fingerprint: keyed.fingerprint })
      } catch (error) {
        if (isDuplicateKey(error)) throw keyTaken
        throw error
      }
    },
    end: async (tx, result) => {
      stored = render(result)
      await (tx as Tx<DatabaseName>).db.update(idempotencyKeys).set(stored).where(mine)
    },
    settle: async (db) => {
      const [found] = await (db as Queries)
        .select({ body: idempotencyKeys.body, location: idempotencyKeys.location, expired: sql<number>`${isExpired}` })
        .from(idempotencyKeys)
        .where(mine)
      // An old record that was to be replaced, or that of a repeat which was faster, says nothing about this transaction.
      return found !== undefined && !found.expired && found.body === stored?.body && found.location === stored.location
    },
  }
}

/** Drops records older than a day, some at a time; true when there may be more. */
export async function purgeIdempotencyKeys(db: Queries): Promise<boolean> {
  const [{ affectedRows }] = await db.delete(idempotencyKeys).where(isExpired).limit(1_000)
  return affectedRows === 1_000
}

/** Purges every store now and then until stopped. Several processes may do it at once: each deletes what it finds. */
export function sweepIdempotencyKeys(stores: readonly KeyStore[], log: Log, everyMs = 600_000): { stop(): void } {
  const sweep = async (): Promise<void> => {
    for (const { db } of stores) {
      try {
        while (await purgeIdempotencyKeys(db));
      } catch (error) {
        log.warn({ error }, 'old idempotency keys could not be dropped, next time')
      }
    }
  }
  // Errors are logged inside: nothing waits for a sweep.
  const timer = setInterval(() => void sweep(), everyMs).unref()
  return { stop: () => clearInterval(timer) }
}

const keyPattern = /^[\x20-\x7e]{1,255}$/

/** The key of a request, or undefined when none was sent. Throws IDEMPOTENCY_KEY_INVALID. */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header !== 'string' || !keyPattern.test(header)) throw IdempotencyKeyInvalid()
  return header
}

export function keyedRequest(
  databases: readonly DatabaseName[],
  request: { principal: Principal; method: string; path: string; params: unknown; body: unknown; key: string },
): KeyedRequest {
  const { principal, method, path, params, body, key } = request
  return {
    databases,
    scope: sha256(canonicalJson([actorRef(principal), method, path, params ?? {}, key])),
    fingerprint: sha256(canonicalJson(body ?? null)),
  }
}

/** A request whose key came with a call of another process: its effect is in this database, and so is its record. */
export const keyedCall = (database: DatabaseName, { scope, fingerprint }: OnceKey): KeyedRequest => ({
  databases: [database],
  scope: Buffer.from(scope, 'base64'),
  fingerprint: Buffer.from(fingerprint, 'base64'),
})

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The server's number of the failure, through whatever wraps it. */
function hasErrno(error: unknown, wanted: number): boolean {
  for (let each = error, depth = 0; typeof each === 'object' && each !== null && depth < 5; depth += 1) {
    if ('errno' in each && each.errno === wanted) return true
    each = 'cause' in each ? each.cause : undefined
  }
  return false
}
