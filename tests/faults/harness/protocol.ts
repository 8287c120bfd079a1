import type { RedisSettings } from '#platform/config.ts'
import type { DatabaseSettings } from '#platform/databases.ts'
import { partitionOf } from '#platform/event-partitions.ts'

/**
 * What the test and its worker processes tell each other, a JSON object a line. A worker reports as it goes and outside any
 * transaction, so what it said is known even when its transaction, or the worker, comes to nothing.
 */

/** What becomes of an event in its handler, until it is mended. */
export type Fate =
  | 'plain'
  | 'fails'
  | 'fails twice'
  /** Ends its process by kill -9. */
  | 'kills'
  /** Fails at its first attempt, and ends the process of each later one. */
  | 'kills when parked'

/** Where the events of a ship go. */
export const partitionOfShip = (ship: number): number => partitionOf(`ship/${ship}`)

export const consumerName = 'harbour.book'

/** Where a process finds what it hosts. With a Redis events go from processes that host the ships to those that host the harbours. */
export interface Waters {
  ships: DatabaseSettings
  harbours: DatabaseSettings
  redis?: RedisSettings
}

export interface Task extends Waters {
  /** Begins the marks of this process: no two processes of a run have the same. */
  name: string
  seed: number
  /** The side that this process hosts alone; absent: both. */
  hosts?: 'ships' | 'harbours'
  publishes?: Publishing
  delivers?: Delivering
}

export interface Publishing {
  subjects: number
  /** Transactions at the same time. */
  lanes: number
  /** In all lanes together; absent: as fast as they go. */
  perSecond?: number
  /** Shares of the transactions: rolled back, committed late, ended by kill -9 of the process. */
  rolledBack: number
  late: number
  deadly: number
  /** Shares of the events by what their handler does. */
  fates: Readonly<Partial<Record<Fate, number>>>
  /** Said before anything else, in this order and without trouble. */
  first?: readonly Scripted[]
  /** The ships of this partition are left to what is said first. */
  avoids?: number
}

export interface Scripted {
  ship: number
  fate: Fate
}

export interface Delivering {
  /** Time a handler takes beyond its statement. */
  handlerMs?: number
  /** Says so and waits inside the handler, in this attempt of whatever event comes first; the first attempt before it fails. */
  waitsInAttempt?: number
}

/** Sent to a worker: to publish no more; to let nothing fail or die any more. */
export type Order = 'enough' | 'mended'

export type Report =
  | { kind: 'starting' }
  | { kind: 'ready' }
  | { kind: 'acknowledged'; mark: string; ship: number; step: number; at: number }
  /** It publishes no more, and what it has begun to publish is committed or not. */
  | { kind: 'silent' }
  | { kind: 'undone'; mark: string }
  | { kind: 'unknown'; mark: string }
  | { kind: 'executed'; mark: string }
  | { kind: 'waiting'; mark: string }
  /** By the consumer in the process of the publisher. Times are those of the machine's clock. */
  | { kind: 'seen'; mark: string; at: number }
  | { kind: 'log'; level: 'warn' | 'error'; message: string; error: string }
