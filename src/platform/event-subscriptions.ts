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

/** `type@version`, as a subscription names what it hears: every version the publisher declares. */
export type EventKey<E> = keyof E & `${string}@${number}`
type TypeOf<Key> = Key extends `${infer K}@${number}` ? K : never

/** Handlers by `type@version`. Not a mapped type with `as`: the compiler would not infer the handlers' parameters through one. */
export type EventHandlers<E, T> = { [Key in EventKey<E>]?: EventHandler<T, TypeOf<Key>, E[Key]> }

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
  readonly keys: readonly EventKey<E>[]
  /** Runs the handler of `key`; the event is one of this key. */
  handle(key: string, tx: T, event: Envelope, run: HandlerRun): Promise<unknown>
}

/** The subject of an audit row, `event_consumer/<name>`, has 80. */
const longestName = 65

export type Subscriptions<E, T extends Tx<DatabaseName>> = readonly Subscription<E, T>[]

/**
 * Declares a consumer.
 *
 *     subscribe('customer.profile', { 'user.created@1': (tx, event) => service.createProfile(tx, event.data) })
 */
export function subscribe<E, T>(
  consumer: string,
  handlers: EventHandlers<NoInfer<E>, T>,
  options: SubscriptionOptions = {},
): Subscription<E, T> {
  if (!/^[a-z][a-z_]*\.[a-z][a-z_]*$/.test(consumer) || consumer.length > longestName)
    throw new TypeError(`consumer ${consumer} is not <module>.<purpose> in at most ${longestName} characters`)
  const named = handlers as Readonly<Record<string, EventHandler<T, string, unknown> | undefined>>
  return Object.freeze({
    consumer,
    start: options.start ?? 'beginning',
    replayable: options.replayable ?? false,
    keys: Object.keys(named).filter((key): key is EventKey<E> => named[key] !== undefined),
    handle: async (key: string, tx: T, event: Envelope, run: HandlerRun) => named[key]?.(tx, event, run),
  })
}
