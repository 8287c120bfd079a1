import type { DatabaseName, Tx } from './databases.ts'
import type { Envelope } from './event-contracts.ts'

/** What a module hears. A subscription is data; nothing runs before the registry is sealed and the events are started. */

/** How a handler is being run. */
export interface HandlerRun {
  /** 1 at first; rises with every repeat after a failure. */
  readonly attempt: number
  /** True when an operator asked for the event to be handled again. */
  readonly replay: boolean
  /** Aborted when the transaction's time is over or the process stops. */
  readonly signal: AbortSignal
}

/**
 * Handles one event inside a transaction of the consumer's own database: its effect commits together with the consumer's
 * position, or not at all. It may publish with the same `tx`. It makes no network call: what it needs is in the event.
 */
export type EventHandler<T, K extends string, Data> = (tx: T, event: Envelope<K, Data>, run: HandlerRun) => Promise<unknown>

/** Handlers by `type@version`. */
export type EventHandlers<E, T> = { [K in keyof E & string as `${K}@1`]?: EventHandler<T, K, E[K]> }

export interface SubscriptionOptions {
  /** Where a consumer begins that has never run: at the oldest event (the default) or after the newest. */
  start?: 'beginning' | 'now'
  /** Its handlers bear an older event after a newer one, so operators may replay. */
  replayable?: boolean
}

export interface Subscription<E, T> {
  /** `customer.profile`: the name under which the position is kept. Renaming it makes a new consumer. */
  readonly consumer: string
  readonly start: 'beginning' | 'now'
  readonly replayable: boolean
  /** Subscribed `type@version`. */
  readonly keys: readonly (keyof EventHandlers<E, T> & string)[]
  /** Runs the handler of `key`; the event is one of this key. */
  handle(key: string, tx: T, event: Envelope, run: HandlerRun): Promise<unknown>
}

export type Subscriptions<E, T extends Tx<DatabaseName>> = readonly Subscription<E, T>[]

/**
 * Declares a consumer.
 *
 *     subscribe('customer.profile', { 'user.created@1': (tx, event) => service.createProfile(tx, event.data) })
 */
export function subscribe<E, T>(consumer: string, handlers: EventHandlers<E, T>, options: SubscriptionOptions = {}): Subscription<E, T> {
  if (!/^[a-z][a-z_]*\.[a-z][a-z_]*$/.test(consumer) || consumer.length > 80)
    throw new TypeError(`consumer ${consumer} is not <module>.<purpose> in at most 80 characters`)
  const byKey = new Map(Object.entries(handlers) as [keyof EventHandlers<E, T> & string, EventHandler<T, string, never> | undefined][])
  const keys = [...byKey.keys()].filter((key) => byKey.get(key) !== undefined)
  return Object.freeze({
    consumer,
    start: options.start ?? 'beginning',
    replayable: options.replayable ?? false,
    keys,
    async handle(key: string, tx: T, event: Envelope, run: HandlerRun): Promise<unknown> {
      const handler = handlers[key as keyof EventHandlers<E, T>] as EventHandler<T, string, unknown> | undefined
      return handler?.(tx, event, run)
    },
  })
}
