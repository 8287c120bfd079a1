import Type, { type Static } from 'typebox'
import { FreeText, Instant, Nullable, OneOf, Text } from '#platform/schemas.ts'
import { Uuid } from './paths.ts'

/** Shapes of the operations on events. Contents of events are shown with the fields of persons masked. */

const closed = { additionalProperties: false } as const

export const EventType = Type.String({ pattern: '^[a-z][a-z_]*\\.[a-z][a-z_]*$', maxLength: 80, examples: ['user.created'] })
export const ConsumerName = Type.String({ pattern: '^[a-z][a-z_-]*(\\.[a-z][a-z_-]*)*$', maxLength: 80, examples: ['customer.profile'] })
export const Subject = Type.String({ pattern: '^[a-z][a-z_]*/[!-~]{1,70}$', maxLength: 80, examples: ['user/42'] })
const SourceName = Type.String({ pattern: '^[a-z][a-z_]*$', maxLength: 64, examples: ['shared_user'] })
const ErrorCode = Type.String({ pattern: '^[A-Z][A-Z0-9_]*$', maxLength: 80, examples: ['PROCESS_DIED'] })
/** Why somebody intervenes. Its absence has an error of its own, so the schema lets it be away. */
export const OptionalReason = Type.Optional(FreeText(0, 500, 'Why; kept in the audit trail. Required.'))

const page = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Rows per page' }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000, description: 'nextCursor of the page before' })),
}

export const ListEvents = Type.Object(
  {
    ...page,
    type: Type.Optional(EventType),
    subject: Type.Optional(Subject),
    source: Type.Optional(SourceName),
    since: Type.Optional({ ...Instant, description: 'Published at or after this instant' }),
    until: Type.Optional({ ...Instant, description: 'Published before this instant' }),
    text: Type.Optional(Text(2, 100, 'Found in the payload, whatever its case; of the last 24 hours unless a range is given')),
    consumer: Type.Optional({ ...ConsumerName, description: 'Events that this consumer hears' }),
  },
  closed,
)
export type ListEvents = Static<typeof ListEvents>

export const Actor = Type.Object(
  { kind: OneOf(['anonymous', 'user', 'api_key', 'service', 'system']), id: Type.Optional(Type.Integer()) },
  { ...closed, description: 'Who acted' },
)

const logged = {
  id: Uuid,
  type: EventType,
  version: Type.Integer({ minimum: 1 }),
  source: SourceName,
  subject: Subject,
  subjectSeq: Type.Integer({ minimum: 1, description: 'Counts the events of the subject' }),
  occurredAt: Instant,
  correlationId: Type.String({ description: 'Request id of the first cause' }),
  causationId: Type.String({ description: 'Id of the event that was being handled, else the request id' }),
  actor: Actor,
  part: Nullable(Type.Integer({ minimum: 0, description: 'Partition' })),
  seq: Nullable(Type.Integer({ minimum: 1, description: 'Number in its partition; null until it has one' })),
}
/** An event without its contents. */
export const EventSummary = Type.Object(logged, closed)
export type EventSummary = Static<typeof EventSummary>

export const eventStates = ['pending', 'settled', 'parked', 'dead'] as const
export const EventAtConsumer = Type.Object(
  {
    consumer: ConsumerName,
    state: OneOf(
      eventStates,
      'pending: not reached yet; settled: passed, by its effect or by a skip; parked: waits in the line of its subject; dead: no longer retried by itself',
    ),
    attempts: Type.Integer({ minimum: 0 }),
    nextAt: Nullable(Instant),
    errorCode: Nullable(ErrorCode),
    error: Nullable(Type.String()),
    firstAt: Nullable(Instant),
    lastAt: Nullable(Instant),
    blockedBy: Nullable(Uuid),
  },
  closed,
)
export type EventAtConsumer = Static<typeof EventAtConsumer>

const Cause = Type.Object({ id: Uuid, type: EventType, subject: Subject, occurredAt: Instant }, closed)
export const EventDetail = Type.Object(
  {
    ...logged,
    traceparent: Nullable(Type.String()),
    data: Type.Unknown({ description: 'Contents; fields of persons are masked' }),
    consumers: Type.Array(EventAtConsumer),
    causes: Type.Array(Cause, { description: 'The event that caused it, the one that caused that, and so on' }),
  },
  closed,
)
export type EventDetail = Static<typeof EventDetail>
export type Cause = Static<typeof Cause>

/** What operators do about a parked event, and about a consumer. */
export const interventions = ['retry', 'skip'] as const
export const consumerActions = ['pause', 'resume', 'retire'] as const
export type ConsumerAction = (typeof consumerActions)[number]
export const consumerStates = ['active', 'paused', 'retired'] as const
export const ConsumerStanding = Type.Object(
  {
    name: ConsumerName,
    state: OneOf(consumerStates),
    hosted: Type.Boolean({ description: 'A module subscribes it' }),
    replayable: Type.Boolean(),
    sources: Type.Array(
      Type.Object(
        {
          source: SourceName,
          types: Type.Array(Type.String()),
          start: OneOf(['beginning', 'now']),
          lag: Nullable(Type.Integer({ minimum: 0, description: 'Numbered events not reached yet; null where they cannot be counted' })),
        },
        closed,
      ),
    ),
    parked: Type.Integer({ minimum: 0, description: 'Events that wait in lines' }),
    blockedSubjects: Type.Integer({ minimum: 0 }),
    dead: Type.Integer({ minimum: 0, description: 'Subjects whose first event is a dead letter' }),
    changedAt: Instant,
    changedBy: Type.String(),
    reason: Nullable(Type.String()),
  },
  closed,
)
export type ConsumerStanding = Static<typeof ConsumerStanding>

const deadFilters = {
  consumer: Type.Optional(ConsumerName),
  type: Type.Optional(EventType),
  subject: Type.Optional(Subject),
  errorCode: Type.Optional(ErrorCode),
}
export const DeadLetterFilter = Type.Object(deadFilters, closed)
export type DeadLetterFilter = Static<typeof DeadLetterFilter>

export const ListDeadLetters = Type.Object(
  {
    ...page,
    ...deadFilters,
    group: Type.Boolean({ default: false, description: 'Counted by consumer, type and error code instead of one by one' }),
  },
  closed,
)
export type ListDeadLetters = Static<typeof ListDeadLetters>

export const DeadLetter = Type.Object(
  {
    eventId: Uuid,
    consumer: ConsumerName,
    source: SourceName,
    subject: Subject,
    type: EventType,
    attempts: Type.Integer({ minimum: 0 }),
    errorCode: Nullable(ErrorCode),
    error: Nullable(Type.String()),
    firstAt: Instant,
    lastAt: Instant,
  },
  closed,
)
export type DeadLetter = Static<typeof DeadLetter>

export const DeadLetterGroup = Type.Object(
  {
    consumer: ConsumerName,
    type: EventType,
    errorCode: Nullable(ErrorCode),
    count: Type.Integer({ minimum: 1 }),
    firstAt: Instant,
    lastAt: Instant,
    /** One of them, to be looked at. */
    eventId: Uuid,
  },
  closed,
)
export type DeadLetterGroup = Static<typeof DeadLetterGroup>

export const Intervention = Type.Object(
  {
    reason: OptionalReason,
    consumer: Type.Optional({ ...ConsumerName, description: 'Default: every consumer that has the event parked' }),
  },
  { ...closed, examples: [{ reason: 'The address was mended' }] },
)
export type Intervention = Static<typeof Intervention>

export const Intervened = Type.Object(
  {
    id: Uuid,
    consumers: Type.Array(
      Type.Object(
        { consumer: ConsumerName, result: OneOf(['retried', 'skipped', 'blocked']), blockedBy: Nullable(Uuid) },
        { ...closed, description: 'blocked: another event of the subject is before it' },
      ),
    ),
  },
  closed,
)
export type Intervened = Static<typeof Intervened>

export const RetryDeadLetters = Type.Object(
  { ...deadFilters, reason: OptionalReason, dryRun: Type.Optional(Type.Boolean({ description: 'Counts and changes nothing' })) },
  { ...closed, examples: [{ reason: 'The fault was mended', dryRun: true }] },
)
export type RetryDeadLetters = Static<typeof RetryDeadLetters>

export const RetriedDeadLetters = Type.Object(
  {
    dryRun: Type.Boolean(),
    matched: Type.Integer({ minimum: 0, description: 'Dead letters that fitted' }),
    retried: Type.Integer({ minimum: 0 }),
    left: Type.Integer({ minimum: 0, description: 'More than one call takes: call again' }),
  },
  closed,
)
export type RetriedDeadLetters = Static<typeof RetriedDeadLetters>

export const ConsumerParams = Type.Object({ name: ConsumerName }, closed)
export const ReasonGiven = Type.Object({ reason: OptionalReason }, { ...closed, examples: [{ reason: 'Its database moves' }] })
