import type { DatabaseName } from '#platform/databases.ts'
import { type Envelope, eventKey } from '#platform/event-contracts.ts'
import type { Events, HostedConsumer } from '#platform/events.ts'
import { ConsumerNotFound } from './errors.ts'
import type { LoggedEvent } from './log-repository.ts'
import { masked } from './masking.ts'
import type { EventSummary } from './schemas.ts'

/** What is known of events in this process. */
export type KnownEvents = Pick<Events, 'consumers' | 'sources' | 'declarations' | 'look'>

export const hostedIn = (events: KnownEvents, database: DatabaseName): readonly HostedConsumer[] =>
  events.consumers().filter((consumer) => consumer.database.name === database)

/** Throws CONSUMER_NOT_FOUND. */
export function hostedNamed(events: KnownEvents, database: DatabaseName, name: string): HostedConsumer {
  const found = hostedIn(events, database).find((consumer) => consumer.name === name)
  if (!found) throw ConsumerNotFound({ id: name })
  return found
}

/** As operators may see it, in whatever process it was published: what every module declares is known in all of them. */
export function asShown(events: KnownEvents, envelope: Envelope): Envelope {
  const declaration = events.declarations().get(eventKey(envelope.type, envelope.version))
  return { ...envelope, data: masked(envelope.data, declaration?.data) }
}

export function summaryOf({ envelope, part, seq }: LoggedEvent): EventSummary {
  const { id, type, version, source, subject, subjectSeq, occurredAt, correlationId, causationId, actor } = envelope
  return { id, type, version, source, subject, subjectSeq, occurredAt, correlationId, causationId, actor, part, seq }
}

/** A page's worth of several sorted lists, in their common order. */
export function merged<T>(lists: readonly (readonly T[])[], isBefore: (one: T, other: T) => boolean): T[] {
  return lists.flat().sort((one, other) => (isBefore(one, other) ? -1 : isBefore(other, one) ? 1 : 0))
}
