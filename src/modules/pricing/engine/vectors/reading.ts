import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { EngineRefusal } from '../refusal.ts'

/** Text that the engine reads itself and refuses by its own codes: a decimal, an amount, a date, an instant. */
export const Read = Type.Unsafe<string>(Type.Unknown())

export const words = <const Words extends readonly string[]>(...listed: Words) =>
  Type.Unsafe<Words[number]>(Type.Union(listed.map((word) => Type.Literal(word))))

export const closed = <Properties extends Record<string, TSchema>>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false })

/** Null counts as absent for every key that may be absent, and a key that may not is then missing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  )
}

/** One kind of vector: what it is given, strictly, and what the engine makes of it. */
export function kind<Given extends TSchema>(given: Given, evaluate: (given: Static<Given>) => unknown): (given: unknown) => unknown {
  const shape = Compile(given)
  return (raw) => {
    const value = withoutNulls(raw)
    if (!shape.Check(value)) throw new EngineRefusal('INVALID_INPUT')
    return evaluate(value)
  }
}
