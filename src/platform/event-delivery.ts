import { runInContext } from './context.ts'
import type { Database, DatabaseName, Tx } from './databases.ts'
import { checkData, type Envelope, type EventDeclaration, EventInvalid, eventKey, isMeantFor } from './event-contracts.ts'
import type { ParkedEvent, Parking } from './event-parking.ts'
import type { Line, Position, Positions } from './event-positions.ts'
import { isAway, untried, type Verdict } from './event-retries.ts'
import type { LoggedEvent } from './event-sources.ts'
import type { HandlerRun, Subscription } from './event-subscriptions.ts'
import { system } from './principal.ts'

/**
 * The transactions of a consumer. An effect commits together with a step of the position or with the removal of the parked
 * event; each of the two happens once, whoever tries.
 */
export interface Consumer {
  readonly name: string
  /** Subscribed `type@version`. */
  readonly keys: ReadonlySet<string>
  /** The step of the position first, then the effects of the events in between; those of blocked subjects are parked. */
  transact(line: Line, from: Position, events: readonly LoggedEvent[], options: TransactOptions): Promise<Outcome>
  /** The effect of a parked event and its removal, if it is the head of its subject still. */
  retry(event: ParkedEvent, attempts: number, signal: AbortSignal): Promise<RetryOutcome>
}

export type Outcome =
  | { readonly kind: 'settled'; readonly parked: readonly LoggedEvent[] }
  /** Another process has moved the position. */
  | { readonly kind: 'overtaken' }
  /** The handler of this event threw, or its time ran out. */
  | { readonly kind: 'failed'; readonly event: LoggedEvent; readonly error: unknown }
  /** The database went away; the outcome of a commit may be unknown. */
  | { readonly kind: 'broken'; readonly error: unknown }

export type RetryOutcome =
  | { readonly kind: 'handled' }
  /** Somebody else has handled it, or tries. */
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The database went away: no fault of the event. */
  | { readonly kind: 'broken'; readonly error: unknown }

export interface TransactOptions {
  /** Give the lease back with this step. */
  release: boolean
  signal: AbortSignal
  /** Park the events with this verdict instead of handling them. */
  park?: Verdict | undefined
}

export interface ConsumerNeeds<N extends DatabaseName, E> {
  database: Database<N>
  subscription: Subscription<E, Tx<N>>
  positions: Positions
  parking: Parking
  /** Every declared event by `type@version`. */
  declarations: ReadonlyMap<string, EventDeclaration>
  handled: (consumer: string, type: string, seconds: number, outcome: 'ok' | 'failed') => void
}

export const handlerDeadlineMs = 10_000
/** Well below the time of a lease. */
const longMs = 1_000

export function createConsumer<N extends DatabaseName, E>({
  database,
  subscription,
  positions,
  parking,
  declarations,
  handled,
}: ConsumerNeeds<N, E>): Consumer {
  const keys: ReadonlySet<string> = new Set(subscription.keys)

  async function handle(tx: Tx<N>, envelope: Envelope, run: HandlerRun): Promise<void> {
    const key = eventKey(envelope.type, envelope.version)
    const started = performance.now()
    const elapsed = (): number => (performance.now() - started) / 1_000
    try {
      if (!keys.has(key)) throw EventInvalid({ type: envelope.type, faults: `version ${envelope.version} is not subscribed` })
      const declaration = declarations.get(key)
      if (declaration) checkData(envelope.type, declaration, envelope.data)
      await orAborted(
        runInContext(handlerContext(envelope, run.signal), () => subscription.handle(key, tx, envelope, run)),
        run.signal,
      )
      handled(subscription.consumer, envelope.type, elapsed(), 'ok')
    } catch (error) {
      handled(subscription.consumer, envelope.type, elapsed(), 'failed')
      throw error
    }
  }

  return {
    name: subscription.consumer,
    keys,

    async transact(line, from, events, { release, signal, park }) {
      const last = events.at(-1)
      if (!last) return { kind: 'settled', parked: [] }
      const to = { seq: last.seq, eventId: last.envelope.id }
      const heard = events.filter(({ envelope }) => isMeantFor(keys, envelope))
      const subjects = [...new Set(heard.map(({ envelope }) => envelope.subject))]
      let overtaken = false
      let failing: LoggedEvent | undefined
      let tried: LoggedEvent | undefined
      let parked: LoggedEvent[] = []
      const apart = async (tx: Tx<N>, event: LoggedEvent, verdict: Verdict): Promise<void> => {
        await parking.add(tx.db, line, event.seq, event.envelope, verdict)
        parked.push(event)
      }
      try {
        await database.events.withTx(
          async (tx) => {
            failing = undefined
            tried = undefined
            parked = []
            const began = performance.now()
            overtaken = !(await positions.step(tx.db, line, from, to, { release }))
            if (overtaken) return
            // Read under the lock of the position: a subject is free only when the effect of its last parked event has committed.
            const blocked = park ? undefined : await parking.blocked(tx.db, line, subjects)
            for (const event of heard) {
              if (park) await apart(tx, event, park)
              else if (blocked?.has(event.envelope.subject)) await apart(tx, event, untried)
              else {
                failing = event
                tried = event
                await handle(tx, event.envelope, { attempt: 1, replay: false, signal })
                failing = undefined
              }
            }
            // Whoever waits for the row must not find, at the end of long work, a lease that looks like one of the dead.
            if (!release && performance.now() - began > longMs) await positions.prolong(tx.db, line)
          },
          {
            deadlineMs: handlerDeadlineMs,
            signal,
            // After a COMMIT without an answer the position says which way it went.
            settle: async () => {
              const now = await positions.read(line)
              return now?.seq === to.seq && now.eventId === to.eventId
            },
          },
        )
        return overtaken ? { kind: 'overtaken' } : { kind: 'settled', parked }
      } catch (error) {
        // A handler may swallow what has undone its transaction: alone, it is known by that.
        const event = failing ?? (heard.length === 1 ? tried : undefined)
        return event && !isAway(error, database.name) ? { kind: 'failed', event, error } : { kind: 'broken', error }
      }
    },

    async retry(event, attempts, signal) {
      let overtaken = false
      try {
        await database.events.withTx(
          async (tx) => {
            const found = await parking.lock(tx.db, event, attempts)
            overtaken = found === undefined
            if (!found) return
            // A type that is no longer subscribed has nothing to wait for.
            if (isMeantFor(keys, found.envelope)) await handle(tx, found.envelope, { attempt: attempts, replay: found.replay, signal })
            await parking.remove(tx.db, event)
          },
          { deadlineMs: handlerDeadlineMs, signal, settle: async () => !(await parking.exists(event)) },
        )
        return { kind: overtaken ? 'overtaken' : 'handled' }
      } catch (error) {
        return { kind: isAway(error, database.name) ? 'broken' : 'failed', error }
      }
    },
  }
}

function handlerContext(event: Envelope, signal: AbortSignal) {
  return {
    requestId: event.correlationId,
    correlationId: event.correlationId,
    causationId: event.id,
    principal: system,
    signal,
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
  }
}

/** A handler that never ends must not hold its transaction for ever. */
async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
