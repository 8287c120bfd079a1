import type { Static, TSchema } from 'typebox'
import { defineError } from './errors.ts'
import type { ActorRef } from './principal.ts'
import { closedSchema, describeFaults, openSchema, validatorOf } from './validation.ts'

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

/** By type, `<aggregate>.<past tense>`. A second version of a type stands beside the first under `user.created@2`. */
export type EventDeclarations = Readonly<Record<string, EventDeclaration>>

export interface EventContract<D extends EventDeclarations = EventDeclarations> {
  readonly module: string
  readonly events: D
}

/**
 * What publishers and subscriptions are typed with. Under a type, `user.created`, stands what is published: the event's data,
 * or, while the type has several versions, the data of each by its number. Under a key, `user.created@1`, stands what is heard.
 */
export type EventsOf<C> =
  C extends EventContract<infer D>
    ? { [K in keyof D & string as TypeOf<K>]: Published<VersionsOf<D, TypeOf<K>>> } & {
        [K in keyof D & string as `${TypeOf<K>}@${D[K]['version']}`]: DataOf<D[K]>
      }
    : never

type TypeOf<K extends string> = K extends `${infer Type}@${number}` ? Type : K
type DataOf<D> = D extends EventDeclaration<infer S> ? Static<S> : never
type VersionsOf<D extends EventDeclarations, Type extends string> = {
  [K in keyof D & (Type | `${Type}@${number}`) as D[K]['version']]: DataOf<D[K]>
}
type Published<V> = IsUnion<keyof V> extends true ? V : V[keyof V]
type IsUnion<T, All = T> = [T] extends [never] ? false : T extends All ? ([All] extends [T] ? false : true) : never

/** An event as it is handed to handlers and observers: plain JSON. */
export interface Envelope<T extends string = string, Data = unknown> {
  /** UUIDv7, never used twice: the idempotency key for effects outside the database. */
  readonly id: string
  readonly type: T
  readonly version: number
  /** Where the fact is published in several versions, one event each: all of them. */
  readonly versions?: readonly number[]
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
  const contract = Object.freeze({ module, events: declarations })
  for (const [name, { version, aggregate }] of Object.entries(declarations)) {
    const type = typeOf(name)
    if (!/^[a-z][a-z_]*\.[a-z][a-z_]*$/.test(type) || type.length > longestType)
      throw new TypeError(`event type ${type} is not <aggregate>.<past tense> in at most ${longestType} characters`)
    if (!Number.isInteger(version) || version < 1) throw new TypeError(`event ${name} needs a version from 1`)
    if (name !== type && name !== eventKey(type, version)) throw new TypeError(`event ${name} has version ${version}`)
    if (!/^[a-z][a-z_]*$/.test(aggregate)) throw new TypeError(`event ${name} needs an aggregate in snake_case`)
    const all = versionsOf(contract, type)
    if (new Set(all.map((one) => one.version)).size < all.length) throw new TypeError(`event ${type} declares a version twice`)
    if (all.some((one) => one.aggregate !== aggregate)) throw new TypeError(`event ${type} is about one aggregate in all its versions`)
  }
  return contract
}

/** The name under which a version of a type is subscribed: `user.created@1`. */
export const eventKey = (type: string, version: number): string => `${type}@${version}`

/** The type of a key, and of a type itself. */
export const typeOf = (name: string): string => name.replace(/@.*$/, '')

/** Every version of every type of a contract by its key. */
export function eventsByKey(contract: EventContract): ReadonlyMap<string, EventDeclaration> {
  return new Map(Object.entries(contract.events).map(([name, declaration]) => [eventKey(typeOf(name), declaration.version), declaration]))
}

/** The versions of a type in which a fact of it is published, the oldest first. */
export function versionsOf(contract: EventContract, type: string): readonly EventDeclaration[] {
  return Object.entries(contract.events)
    .filter(([name]) => typeOf(name) === type)
    .map(([, declaration]) => declaration)
    .sort((a, b) => a.version - b.version)
}

/**
 * Whether a consumer of these keys handles the event. Of a fact that is published in several versions it handles the newest it
 * names and passes the others by. A version of a subscribed type that it does not name is meant for it, and fails as unknown,
 * unless the same fact reaches it in one that it does.
 */
export function isMeantFor(
  keys: ReadonlySet<string>,
  { type, version, versions = [version] }: Pick<Envelope, 'type' | 'version' | 'versions'>,
): boolean {
  const named = versions.filter((one) => keys.has(eventKey(type, one)))
  if (named.length > 0) return version === Math.max(...named)
  return [...keys].some((key) => key.startsWith(`${type}@`))
}

export function subjectOf(aggregate: string, id: number | string): string {
  const subject = `${aggregate}/${id}`
  if (!/^[\x21-\x7e]+$/.test(subject) || subject.length > longestSubject)
    throw new TypeError(`event subject ${subject} is not printable ASCII of at most ${longestSubject} characters`)
  return subject
}

/** The data as JSON text; throws `EventInvalid` when they do not fit, say more than the schema, or are too large. */
export function serialiseData(type: string, declaration: EventDeclaration, data: unknown): string {
  check(type, closedSchema(declaration.data), data)
  const text = JSON.stringify(data)
  const bytes = Buffer.byteLength(text)
  if (bytes > largestData) throw EventInvalid({ type, faults: `${bytes} bytes are more than ${largestData}` })
  return text
}

/** Throws `EventInvalid` when a hearer of this version cannot read the data. What they say beyond the schema is no fault. */
export function checkData(type: string, declaration: EventDeclaration, data: unknown): void {
  check(type, openSchema(declaration.data), data)
}

function check(type: string, schema: TSchema, data: unknown): void {
  const validate = validatorOf(schema)
  if (!validate(data)) throw EventInvalid({ type, faults: describeFaults(validate.errors) })
}
