import type { ValidateFunction } from 'ajv/dist/2020.js'
import type { FastifyRequest, FastifySchema } from 'fastify'
import Type, { type TSchema } from 'typebox'
import type { Fault } from './errors.ts'
import { faultsOf } from './http-faults.ts'
import { tidy } from './http-text.ts'
import { coercingAjv, validatorOf, withoutIds } from './validation.ts'

/**
 * The input of a route against its schemas, all parts at once, so that a caller learns every fault with one answer. Bodies are
 * taken as sent; query and path hold text, so their scalars are converted. Validators are made when first needed: a process
 * with a hundred routes is ready before it has compiled any.
 */
export type InputValidator = (request: FastifyRequest) => readonly Fault[]

const maxDepth = 20
const maxItems = 1_000
const none: readonly Fault[] = []

/** Members of these names hold secrets even where a schema forgot to say so. */
const secretName = /password|secret|token/i

export function inputValidator(schema: FastifySchema | undefined): InputValidator {
  const query = lazily(() => part('query', schemaOf(schema?.querystring) ?? Type.Object({}, { additionalProperties: false })))
  const path = schema?.params === undefined ? undefined : lazily(() => part('path', requireSchema(schema.params)))
  const body = schema?.body === undefined ? undefined : lazily(() => part('body', requireSchema(schema.body)))
  return (request) => {
    const pathFaults = path === undefined ? none : path()(request.params)
    const queryFaults = query()(request.query)
    if (body === undefined) {
      const unexpected = hasContent(request.body) ? [unexpectedBody] : none
      return joined(pathFaults, queryFaults, unexpected)
    }
    return joined(
      pathFaults,
      queryFaults,
      body()(request.body, (tidied) => {
        request.body = tidied
      }),
    )
  }
}

const unexpectedBody: Fault = { in: 'body', path: '', code: 'UNKNOWN_MEMBER', message: 'this operation takes no body' }

/** Nothing, and the empty object that many clients send with every POST. */
const hasContent = (body: unknown): boolean =>
  body !== undefined && body !== null && !(typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0)

function joined(...lists: (readonly Fault[])[]): readonly Fault[] {
  const full = lists.filter((list) => list.length > 0)
  return full.length === 0 ? none : full.flat()
}

type PartValidator = (value: unknown, put?: (tidied: unknown) => void) => readonly Fault[]

function part(where: 'body' | 'query' | 'path', schema: TSchema): PartValidator {
  const marks = marksOf(schema)
  const validate: ValidateFunction = where === 'body' ? validatorOf(schema) : coercingAjv.compile(withoutIds(schema))
  const isPrivate = (path: string) => path.split('/').some((name) => marks.private.has(name) || secretName.test(name))
  const rules = { part: where, maxDepth, maxItems: Math.max(maxItems, marks.maxItems), secrets: marks.secrets }
  const isEmpty = where === 'query' && Object.keys(propertiesOf(schema)).length === 0
  const numbers = where === 'body' ? [] : numbersOf(schema)
  // Numbers only, as in most paths: there is no text to look at.
  const isNumbers = where === 'path' && numbers.length === Object.keys(propertiesOf(schema)).length
  return (value, put) => {
    if (isEmpty && isEmptyObject(value)) return none
    if (isNumbers && numbers.every(({ name, type }) => oddNumber(where, name, type, value).length === 0) && validate(value)) return none
    const tidied = tidy(value, rules)
    if (tidied.faults.length > 0) return tidied.faults
    put?.(tidied.value)
    const odd = numbers.flatMap(({ name, type }) => oddNumber(where, name, type, value))
    const faults = validate(tidied.value ?? null) ? none : faultsOf(where, validate.errors ?? [], isPrivate)
    return odd.length === 0 ? faults : [...odd, ...faults.filter((fault) => !odd.some(({ path }) => path === fault.path))]
  }
}

interface NumberMember {
  name: string
  type: 'integer' | 'number'
}

function numbersOf(schema: TSchema): NumberMember[] {
  return Object.entries(propertiesOf(schema)).flatMap(([name, member]) => {
    const type: unknown = isSchema(member) && 'type' in member ? member.type : undefined
    return type === 'integer' || type === 'number' ? [{ name, type }] : []
  })
}

const decimalText = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/

/** JavaScript reads numbers from more spellings than people write: `0x10`, `1e1`, ` 7` and `07` are none here. */
function oddNumber(where: Fault['in'], name: string, type: string, value: unknown): Fault[] {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  if (typeof text !== 'string' || decimalText.test(text)) return []
  return [{ in: where, path: `/${name}`, code: 'WRONG_TYPE', message: `must be ${type}`, value: text.slice(0, 100), limit: type }]
}

function isEmptyObject(value: unknown): boolean {
  for (const _ in value as object) return false
  return true
}

interface Marks {
  /** Names of members with text that must stay as it was sent. */
  secrets: Set<string>
  /** Names of members whose values no answer repeats. */
  private: Set<string>
  maxItems: number
}

/** What the schema says about its members beyond their form, wherever they are nested. */
function marksOf(schema: unknown, name = '', marks: Marks = { secrets: new Set(), private: new Set(), maxItems: 0 }): Marks {
  if (typeof schema !== 'object' || schema === null) return marks
  if (name !== '') {
    if ('x-secret' in schema || secretName.test(name)) marks.secrets.add(name)
    if ('x-secret' in schema || 'x-personal' in schema) marks.private.add(name)
  }
  if ('maxItems' in schema && typeof schema.maxItems === 'number') marks.maxItems = Math.max(marks.maxItems, schema.maxItems)
  for (const [member, child] of Object.entries(propertiesOf(schema))) marksOf(child, member, marks)
  for (const [keyword, child] of Object.entries(schema)) {
    if (keyword === 'properties' || keyword === 'examples' || keyword === 'default') continue
    for (const each of Array.isArray(child) ? child : [child]) if (typeof each === 'object') marksOf(each, name, marks)
  }
  return marks
}

const propertiesOf = (schema: object): object =>
  'properties' in schema && typeof schema.properties === 'object' && schema.properties !== null ? schema.properties : {}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

export const isSchema = (value: unknown): value is TSchema => typeof value === 'object' && value !== null
const schemaOf = (value: unknown): TSchema | undefined => (isSchema(value) ? value : undefined)

function requireSchema(value: unknown): TSchema {
  if (!isSchema(value)) throw new TypeError('a schema of a route is no object')
  return value
}
