import type { Static, TSchema } from 'typebox'
import { defineError } from './errors.ts'
import type { ActorRef } from './principal.ts'
import { describeFaults, validatorOf } from './validation.ts'

/** What a module publishes: facts in the past tense with a version and a schema. Pure, so that contracts may hold it. */

export const EventInvalid = defineError<{ type: string; faults: string }>({
  code: 'EVENT_INVALID',
  status: 500,
  sentence: 'The event {type} does not fit its contract: {faults}. Publish what its schema describes.',
})

/** `user/42`, `pricing_rule/7`: the longest subject a table can hold. */
const longestSubject = 80
const longestType = 80
const largestData = 65_536

export interface EventDeclaration<S extends TSchema = TSchema> {
  /** Starts at 1; rises when the data change in any other way than by a new optional field. */
  readonly version: number
  /** What the fact is about; with the id it makes the subject, inside which order is kept. */
  readonly aggregate: string
  readonly data: S
}

/** By type, `<aggregate>.<past tense>`. */
export type EventDeclarations = Readonly<Record<string, EventDeclaration>>

export interface EventContract<D extends EventDeclarations = EventDeclarations> {
  readonly module: string
  readonly events: D
}

/** The data of each event of a contract by its type; what publishers and subscriptions are typed with. */
export type EventsOf<C> =
  C extends EventContract<infer D> ? { [K in keyof D & string]: D[K] extends EventDeclaration<infer S> ? Static<S> : never } : never

/** An event as it is handed to handlers and observers: plain JSON. */
export interface Envelope<T extends string = string, Data = unknown> {
  /** UUIDv7, never used twice: the idempotency key for effects outside the database. */
  readonly id: string
  readonly type: T
  readonly version: number
  /** The database that published it: `shared_user`, `customer`, `carrier` or `pricing`. */
  readonly source: string
  /** Time of the publisher's database, UTC. For people; order and deduplication never rest on it. */
  readonly occurredAt: string
  /** `user/42`. */
  readonly subject: string
  /** 1, 2, 3 … without a gap per subject. */
  readonly subjectSeq: number
  /** Request id of the first cause. */
  readonly correlationId: string
  /** Id of the event that was being handled, else the request id. */
  readonly causationId: string
  readonly actor: ActorRef
  readonly traceparent: string | null
  readonly data: Data
}

/** Declares the events of a module. Their objects are closed: a member the schema does not know is refused at publish. */
export function defineEvents<const D extends EventDeclarations>(module: string, declarations: D): EventContract<D> {
  for (const [type, { version, aggregate }] of Object.entries(declarations)) {
    if (!/^[a-z][a-z_]*\.[a-z][a-z_]*$/.test(type) || type.length > longestType)
      throw new TypeError(`event type ${type} is not <aggregate>.<past tense> in at most ${longestType} characters`)
    if (!Number.isInteger(version) || version < 1) throw new TypeError(`event ${type} needs a version from 1`)
    if (!/^[a-z][a-z_]*$/.test(aggregate)) throw new TypeError(`event ${type} needs an aggregate in snake_case`)
  }
  return Object.freeze({ module, events: declarations })
}

/** The name under which a version of a type is subscribed: `user.created@1`. */
export const eventKey = (type: string, version: number): string => `${type}@${version}`

export function subjectOf(aggregate: string, id: number | string): string {
  const subject = `${aggregate}/${id}`
  if (!/^[\x21-\x7e]+$/.test(subject) || subject.length > longestSubject)
    throw new TypeError(`event subject ${subject} is not printable ASCII of at most ${longestSubject} characters`)
  return subject
}

const closedSchemas = new WeakMap<TSchema, TSchema>()

/** The schema with every object closed, as publish and delivery check it. */
export function closedSchema(schema: TSchema): TSchema {
  const known = closedSchemas.get(schema)
  if (known) return known
  const closed: TSchema = JSON.parse(JSON.stringify(schema), (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'properties' in value && !('additionalProperties' in value)
      ? { ...value, additionalProperties: false }
      : value,
  )
  closedSchemas.set(schema, closed)
  return closed
}

/** The data as JSON text; throws `EventInvalid` when they do not fit or are too large. */
export function serialiseData(type: string, declaration: EventDeclaration, data: unknown): string {
  checkData(type, declaration, data)
  const text = JSON.stringify(data)
  const bytes = Buffer.byteLength(text)
  if (bytes > largestData) throw EventInvalid({ type, faults: `${bytes} bytes are more than ${largestData}` })
  return text
}

export function checkData(type: string, declaration: EventDeclaration, data: unknown): void {
  const validate = validatorOf(closedSchema(declaration.data))
  if (!validate(data)) throw EventInvalid({ type, faults: describeFaults(validate.errors) })
}
