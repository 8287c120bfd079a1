import Type, { type Static } from 'typebox'
import { type ContractOf, command, defineContract, lookup, query } from '#platform/contracts.ts'
import type { ModuleName } from '#platform/module-table.ts'
import { Instant, Nullable, OneOf } from '#platform/schemas.ts'
import { ReplayFilter } from './replay-schemas.ts'
import {
  Actor,
  ConsumerName,
  ConsumerStanding,
  consumerActions,
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  EventAtConsumer,
  EventSummary,
  Intervened,
  interventions,
  ListDeadLetters,
  ListEvents,
} from './schemas.ts'

/**
 * What is done in one database, by a process that hosts it, for operators who may have reached any other: the log of its source,
 * and its consumers with what they have parked. Where a database is in the same process, the same desk is asked directly.
 */

const closed = { additionalProperties: false } as const
const Nobody = Type.Object({}, closed)
const Count = Type.Integer({ minimum: 0 })
const EventId = Type.Object({ id: Type.String() }, closed)

const Versions = Type.Unsafe<readonly number[]>(Type.Array(Type.Integer()))
const Envelope = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    version: Type.Integer(),
    versions: Type.Optional(Versions),
    source: Type.String(),
    occurredAt: Type.String(),
    subject: Type.String(),
    subjectSeq: Type.Integer(),
    correlationId: Type.String(),
    causationId: Type.String(),
    actor: Actor,
    traceparent: Nullable(Type.String()),
    data: Type.Unknown(),
  },
  closed,
)
const placed = { part: Type.Integer(), seq: Nullable(Type.Integer({ description: 'Null until the relay has given it a number' })) }

/** An event in the log, or where it is parked. What is personal in its contents is masked before it leaves the desk. */
export const SeenEvent = Type.Object({ envelope: Envelope, ...placed }, closed)
export type SeenEvent = Static<typeof SeenEvent>
export const SeenParked = Type.Object({ envelope: Envelope, part: Type.Integer(), seq: Type.Integer(), at: EventAtConsumer }, closed)
export type SeenParked = Static<typeof SeenParked>

/** What a module of the process subscribes here. */
const Subscribed = Type.Object(
  {
    name: ConsumerName,
    replayable: Type.Boolean(),
    /** The subscribed `type@version` by the source that publishes them. */
    sources: Type.Record(Type.String(), Type.Array(Type.String())),
  },
  closed,
)
export type Subscribed = Static<typeof Subscribed>

const Cursor = Type.Object({ source: Type.String(), part: Type.Integer(), generation: Type.Integer(), seq: Type.Integer() }, closed)
/** A consumer without its lag, and the positions from which that is reckoned. */
export const Standing = Type.Object({ standing: ConsumerStanding, cursors: Type.Array(Cursor) }, closed)
export type Standing = Static<typeof Standing>

/** The life of a log and the last number of each partition in it. */
export const Heads = Type.Object(
  { generation: Type.Integer(), heads: Type.Array(Type.Object({ part: Type.Integer(), seq: Type.Integer() }, closed)) },
  closed,
)
export type Heads = Static<typeof Heads>

const Extent = Type.Object(
  {
    part: Type.Integer(),
    generation: Type.Integer(),
    oldest: Nullable(Type.Object({ seq: Type.Integer(), at: Instant }, closed)),
  },
  closed,
)
const Stretch = Type.Object(
  { part: Type.Integer(), after: Type.Integer(), to: Type.Integer(), filter: ReplayFilter, types: Type.Array(Type.String()) },
  closed,
)
const Alike = Type.Object({ type: Type.String(), version: Type.Integer(), versions: Type.Optional(Versions), count: Count }, closed)

const outcomes = Intervened.properties.consumers
/** A search reads logs that may be long; a request has 8 s. */
const searching = { deadlineMs: 6_000 }
const reading = { deadlineMs: 3_000 }
/** Sending it twice does no harm: what was done is found done. */
const changing = { deadlineMs: 5_000, idempotent: true }

const operations = {
  /** One more than a page of the log, newest first; of these `type@version` when some are named. */
  listEvents: query({
    ...searching,
    input: Type.Object({ query: ListEvents, keys: Type.Optional(Type.Array(Type.String())) }, closed),
    output: Type.Array(EventSummary),
  }),
  /** The event in the log of this source. */
  findEvent: lookup({ ...reading, input: EventId, output: SeenEvent }),
  /** The event wherever consumers of this database have it parked. */
  findParked: query({ ...reading, input: EventId, output: Type.Array(SeenParked) }),
  /** Undefined where nobody publishes. What is asked for beside an answer must not hold it up. */
  heads: lookup({ input: Nobody, output: Heads, deadlineMs: 1_000 }),

  subscribed: query({ input: Nobody, output: Type.Array(Subscribed) }),
  /** The consumers that hear the event, and whether they have passed it. */
  hearers: query({
    ...reading,
    input: Type.Object({ key: Type.String(), source: Type.String(), ...placed }, closed),
    output: Type.Array(Type.Object({ consumer: ConsumerName, isPassed: Type.Boolean() }, closed)),
  }),
  listConsumers: query({ ...reading, input: Nobody, output: Type.Array(Standing) }),
  listDead: query({ ...reading, input: ListDeadLetters, output: Type.Array(DeadLetter) }),
  groupDead: query({ ...reading, input: DeadLetterFilter, output: Type.Array(DeadLetterGroup) }),
  countDead: query({ ...reading, input: DeadLetterFilter, output: Type.Object({ count: Count }, closed) }),

  /** Each with one audit row in the same transaction when anything was changed. */
  intervene: command({
    ...changing,
    input: Type.Object(
      {
        id: Type.String(),
        action: OneOf(interventions),
        reason: Type.String(),
        consumer: Type.Optional(ConsumerName),
      },
      closed,
    ),
    output: outcomes,
    errors: ['CONSUMER_NOT_FOUND'],
  }),
  reviveDead: command({
    ...changing,
    input: Type.Object({ filter: DeadLetterFilter, reason: Type.String() }, closed),
    output: Type.Object({ retried: Count }, closed),
    errors: ['CONSUMER_NOT_FOUND'],
  }),
  changeConsumer: command({
    ...changing,
    input: Type.Object({ name: ConsumerName, action: OneOf(consumerActions), reason: Type.String() }, closed),
    output: Standing,
    errors: ['CONSUMER_NOT_FOUND', 'INVALID_TRANSITION'],
  }),
  beginGeneration: command({
    deadlineMs: 5_000,
    input: Type.Object({ reason: Type.String() }, closed),
    output: Type.Object({ generation: Type.Integer() }, closed),
  }),

  /** For replays: where the log begins, and stretches of it. */
  extents: query({ ...reading, input: Nobody, output: Type.Array(Extent) }),
  countStretch: query({ ...reading, input: Stretch, output: Type.Array(Alike) }),
  /** `reached`: up to this number all that fit are among the events. */
  readStretch: query({
    ...reading,
    input: Type.Object({ stretch: Stretch, limit: Type.Integer({ minimum: 1, maximum: 1_000 }) }, closed),
    output: Type.Object(
      { reached: Type.Integer(), events: Type.Array(Type.Object({ seq: Type.Integer(), envelope: Envelope }, closed)) },
      closed,
    ),
  }),
}

export const deskContract = (module: ModuleName) => defineContract(module, 1, operations, { door: '_ops' })
export type DeskOperations = ContractOf<ReturnType<typeof deskContract>>
