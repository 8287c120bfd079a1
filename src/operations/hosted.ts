import type { Database, DatabaseName } from '#platform/databases.ts'
import type { Events, HostedConsumer } from '#platform/events.ts'
import { ConsumerNotFound } from './errors.ts'

/** What is known of events in this process. */
export type KnownEvents = Pick<Events, 'consumers' | 'sources' | 'look'>

export interface ConsumerDatabase {
  readonly database: Database<DatabaseName>
  /** Names of the consumers whose positions and parked events are there. */
  readonly consumers: readonly string[]
}

/** The databases of the consumers, or of the named one. Throws CONSUMER_NOT_FOUND. */
export function consumerDatabases(events: KnownEvents, named?: string): readonly ConsumerDatabase[] {
  const wanted = events.consumers().filter(({ name }) => named === undefined || name === named)
  if (named !== undefined && wanted.length === 0) throw ConsumerNotFound({ id: named })
  const byDatabase = new Map<DatabaseName, { database: Database<DatabaseName>; consumers: string[] }>()
  for (const { name, database } of wanted) {
    const known = byDatabase.get(database.name)
    if (known) known.consumers.push(name)
    else byDatabase.set(database.name, { database, consumers: [name] })
  }
  return [...byDatabase.values()]
}

export function consumerNamed(events: KnownEvents, name: string): HostedConsumer {
  const found = events.consumers().find((consumer) => consumer.name === name)
  if (!found) throw ConsumerNotFound({ id: name })
  return found
}

/** A page's worth of several sorted lists, in their common order. */
export function merged<T>(lists: readonly (readonly T[])[], isBefore: (one: T, other: T) => boolean): T[] {
  return lists.flat().sort((one, other) => (isBefore(one, other) ? -1 : isBefore(other, one) ? 1 : 0))
}
