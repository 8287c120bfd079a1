import { runInContext } from './context.ts'
import type { Database, DatabaseName, Tx } from './databases.ts'
import { checkData, type Envelope, type EventDeclaration, EventInvalid, eventKey } from './event-contracts.ts'
import type { Line, Position, Positions } from './event-positions.ts'
import type { LoggedEvent, LogWindow } from './event-sources.ts'
import type { Subscription } from './event-subscriptions.ts'
import { system } from './principal.ts'

/** One transaction of a consumer: the step of its position first, then the effects of the events in between. */

export type Outcome =
  | { readonly kind: 'settled' }
  /** Another process has moved the position. */
  | { readonly kind: 'overtaken' }
  /** The handler of this event threw, or its time ran out. */
  | { readonly kind: 'failed'; readonly event: LoggedEvent; readonly error: unknown }
  /** The transaction failed outside a handler; the database may be away, and the outcome of a commit unknown. */
  | { readonly kind: 'broken'; readonly error: unknown }

export interface Consumer {
  readonly name: string
  /** Subscribed `type@version`. */
  readonly keys: ReadonlySet<string>
  /** Runs a transaction of the consumer's own database. */
  transact(line: Line, from: Position, events: readonly LoggedEvent[], options: TransactOptions): Promise<Outcome>
}

export interface TransactOptions {
  attempt: number
  /** Give the lease back with this step. */
  release: boolean
  signal: AbortSignal
}

export interface ConsumerNeeds<N extends DatabaseName, E> {
  database: Database<N>
  subscription: Subscription<E, Tx<N>>
  positions: Positions
  /** Every declared event by `type@version`. */
  declarations: ReadonlyMap<string, EventDeclaration>
  handled: (consumer: string, event: LoggedEvent, seconds: number, outcome: 'ok' | 'failed') => void
}

export const handlerDeadlineMs = 10_000

export function createConsumer<N extends DatabaseName, E>({
  database,
  subscription,
  positions,
  declarations,
  handled,
}: ConsumerNeeds<N, E>): Consumer {
  const keys: ReadonlySet<string> = new Set(subscription.keys)
  const types = new Set(subscription.keys.map((key) => key.slice(0, key.lastIndexOf('@'))))

  async function handle(tx: Tx<N>, event: LoggedEvent, { attempt, signal }: TransactOptions): Promise<void> {
    const { envelope } = event
    const key = eventKey(envelope.type, envelope.version)
    if (!types.has(envelope.type)) return
    if (!keys.has(key)) throw EventInvalid({ type: envelope.type, faults: `version ${envelope.version} is not subscribed` })
    const started = performance.now()
    try {
      const declaration = declarations.get(key)
      if (declaration) checkData(envelope.type, declaration, envelope.data)
      const context = handlerContext(envelope, signal)
      await orAborted(
        runInContext(context, () => subscription.handle(key, tx, envelope, { attempt, replay: false, signal })),
        signal,
      )
      handled(subscription.consumer, event, (performance.now() - started) / 1_000, 'ok')
    } catch (error) {
      handled(subscription.consumer, event, (performance.now() - started) / 1_000, 'failed')
      throw error
    }
  }

  return {
    name: subscription.consumer,
    keys,
    async transact(line, from, events, options) {
      const last = events.at(-1)
      if (!last) return { kind: 'settled' }
      let overtaken = false
      let failing: LoggedEvent | undefined
      const to = { seq: last.seq, eventId: last.envelope.id }
      try {
        await database.events.withTx(
          async (tx) => {
            overtaken = false
            failing = undefined
            if (!(await positions.step(tx.db, line, from, to, { release: options.release }))) {
              overtaken = true
              return
            }
            for (const event of events) {
              failing = event
              await handle(tx, event, options)
            }
            failing = undefined
          },
          {
            deadlineMs: handlerDeadlineMs,
            signal: options.signal,
            // After a COMMIT without an answer the position says which way it went.
            settle: async () => {
              const now = await positions.read(line)
              return now?.seq === to.seq && now.eventId === to.eventId
            },
          },
        )
        return { kind: overtaken ? 'overtaken' : 'settled' }
      } catch (error) {
        return failing ? { kind: 'failed', event: failing, error } : { kind: 'broken', error }
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

export type Inspection = { readonly events: readonly LoggedEvent[] } | { readonly conflict: string }

/** Where to read from: the position itself, inclusive, so that the log can prove that it is the one we know. */
export const readFrom = ({ seq, eventId }: Position): number => (eventId === null ? seq + 1 : seq)

/**
 * Compares what was read with the position. A log that does not hold the event we settled last, or has gaps, is another life
 * of the database: nothing of it is applied.
 */
export function inspect(position: Position, { generation, events }: LogWindow): Inspection {
  if (generation !== undefined && generation !== position.generation)
    return { conflict: `the log is of generation ${generation}, the position of ${position.generation}` }
  const [first] = events
  if (position.eventId !== null && (first?.seq !== position.seq || first.envelope.id !== position.eventId))
    return { conflict: `number ${position.seq} is not the event that was settled under it` }
  const from = readFrom(position)
  const gap = events.findIndex(({ seq }, index) => seq !== from + index)
  if (gap >= 0) return { conflict: `number ${from + gap} is missing` }
  return { events: position.eventId === null ? events : events.slice(1) }
}
