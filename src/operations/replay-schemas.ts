import Type, { type Static } from 'typebox'
import { FreeText, Instant, Nullable, OneOf } from '#platform/schemas.ts'
import { Uuid } from './paths.ts'
import { Actor, ConsumerName, EventType, OptionalReason, Subject } from './schemas.ts'

/** Shapes of replays: what is asked for, what a dry run would take, and how far the job is. */

const closed = { additionalProperties: false } as const

const wish = {
  reason: OptionalReason,
  dryRun: Type.Optional(Type.Boolean({ description: 'Counts and lists, and changes nothing; needs no reason' })),
}

export const ReplayEvent = Type.Object(
  { consumer: Type.Optional({ ...ConsumerName, description: 'Default: the only replayable consumer that hears the event' }), ...wish },
  { ...closed, examples: [{ consumer: 'customer.profile', reason: 'The profile was lost by hand' }] },
)
export type ReplayEvent = Static<typeof ReplayEvent>

const filter = {
  type: Type.Optional({ ...EventType, description: 'Default: every type that the consumer hears' }),
  subject: Type.Optional(Subject),
  since: Type.Optional({ ...Instant, description: 'Published at or after this instant; default: from the oldest event that is kept' }),
  until: Type.Optional({ ...Instant, description: 'Published before this instant; default: all that the consumer has settled by now' }),
}
export const ReplayFilter = Type.Object(filter, closed)
export type ReplayFilter = Static<typeof ReplayFilter>

export const ReplayEvents = Type.Object(
  { consumer: ConsumerName, ...filter, ...wish },
  { ...closed, examples: [{ consumer: 'customer.profile', type: 'user.created', since: '2026-03-29T02:30:00.123Z', dryRun: true }] },
)
export type ReplayEvents = Static<typeof ReplayEvents>

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const ReplayPreview = Type.Object(
  {
    dryRun: Type.Literal(true),
    consumer: ConsumerName,
    total: count('Events that would be handled again'),
    complete: Type.Boolean({ description: 'False when the log is too long to be counted in the time of a request: there are more' }),
    types: Type.Array(Type.Object({ type: EventType, count: count('Of this type') }, closed)),
    events: Type.Array(Type.Object({ id: Uuid, type: EventType, subject: Subject, occurredAt: Instant }, closed), {
      description: 'The first hundred of them',
    }),
  },
  { ...closed, description: 'What a replay would take; nothing was changed' },
)
export type ReplayPreview = Static<typeof ReplayPreview>

export const EventJob = Type.Object(
  {
    id: Uuid,
    consumer: ConsumerName,
    eventId: Nullable(Uuid),
    filter: ReplayFilter,
    reason: FreeText(0, 500),
    state: OneOf(
      ['queued', 'running', 'succeeded', 'failed'],
      'queued: nobody has begun; running: being put in the lines of their subjects; succeeded: all are there, and are handled in their turn; failed: see error',
    ),
    total: Nullable(count('Events it takes; null when the log was too long to be counted')),
    placed: count('Put in the lines of their subjects so far'),
    handled: count('Of those, the ones handled or skipped'),
    waiting: count('Of those, the ones still in line'),
    dead: count('Of those still in line, the ones no longer retried by themselves'),
    alreadyWaiting: count('Events that were in line before, and stay as they were'),
    error: Nullable(Type.Object({ code: Type.String(), message: Type.String() }, closed)),
    createdBy: Actor,
    createdAt: Instant,
    startedAt: Nullable(Instant),
    finishedAt: Nullable(Instant),
  },
  { ...closed, $id: 'EventJob', description: 'A replay and how far it is' },
)
export type EventJob = Static<typeof EventJob>
