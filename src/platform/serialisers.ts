import build from 'fast-json-stringify'
import type { TSchema } from 'typebox'
import { withoutIds } from './validation.ts'

/** The text of an answer: only what the schema of its status names leaves the house. */
export type Serialiser = (value: unknown) => string

const serialisers = new WeakMap<object, Serialiser>()

/** The serialiser of a schema, compiled at its first use and shared by all routes that answer with it. */
export function serialiserOf(schema: TSchema): Serialiser {
  const known = serialisers.get(schema)
  if (known) return known
  let compiled: Serialiser | undefined
  const serialise: Serialiser = (value) => {
    compiled ??= build(plainNull(withoutIds(schema)))
    return compiled(value)
  }
  serialisers.set(schema, serialise)
  return serialise
}

/** `anyOf [X, null]` makes the serialiser validate both branches for every value; `nullable` is the same answer at no cost. */
function plainNull<T>(node: T): T
function plainNull(node: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => plainNull(item))
  if (typeof node !== 'object' || node === null) return node
  const plain = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, plainNull(value)]))
  if (!Array.isArray(plain.anyOf) || plain.anyOf.length !== 2) return plain
  const other: unknown = plain.anyOf.find((branch) => !isNull(branch))
  if (!plain.anyOf.some(isNull) || typeof other !== 'object' || other === null || !('type' in other)) return plain
  const { anyOf: _anyOf, ...rest } = plain
  return { ...rest, ...other, nullable: true }
}

const isNull = (schema: unknown): boolean => typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'null'
