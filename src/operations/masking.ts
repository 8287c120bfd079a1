import type { TSchema } from 'typebox'

const mask = '(personal)'

/**
 * The contents of an event as operators may see them: what its schema marks as personal is masked, by whole members. Where no
 * schema is known nothing can be told apart, and every text is masked.
 */
export function masked(data: unknown, schema: TSchema | undefined): unknown {
  return schema === undefined ? withoutTexts(data) : maskedBy(data, schema)
}

function maskedBy(value: unknown, schema: unknown): unknown {
  if (value === null || !isObject(schema)) return value
  if (schema['x-personal'] === true) return mask
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  const met = branches.reduce((seen, branch) => maskedBy(seen, branch), value)
  if (Array.isArray(met)) return met.map((each) => maskedBy(each, schema.items))
  if (!isObject(met)) return met
  const { properties, patternProperties, additionalProperties } = schema
  const patterns = isObject(patternProperties) ? Object.entries(patternProperties) : []
  const schemaOf = (name: string): unknown =>
    (isObject(properties) ? properties[name] : undefined) ??
    patterns.find(([pattern]) => new RegExp(pattern).test(name))?.[1] ??
    additionalProperties
  return Object.fromEntries(
    Object.entries(met).map(([name, each]) => {
      const member = schemaOf(name)
      return [name, isObject(properties) && !isObject(member) ? withoutTexts(each) : maskedBy(each, member)]
    }),
  )
}

/**
 * Where a schema holds personal members, as JSON paths: those that `masked` hides. A list or map with any of them counts as a
 * whole, because a path names one place.
 */
export function personalPaths(schema: unknown, path = '$'): readonly string[] {
  if (!isObject(schema)) return []
  if (schema['x-personal'] === true) return [path]
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  const inside = branches.flatMap((branch) => personalPaths(branch, path))
  const maps = isObject(schema.patternProperties) ? Object.values(schema.patternProperties) : []
  const repeated = [schema.items, schema.additionalProperties, ...maps].some((each) => personalPaths(each).length > 0)
  const members = isObject(schema.properties) ? Object.entries(schema.properties) : []
  const named = members.flatMap(([name, member]) => personalPaths(member, `${path}.${JSON.stringify(name)}`))
  return [...new Set([...(repeated ? [path] : []), ...inside, ...named])]
}

function withoutTexts(value: unknown): unknown {
  if (typeof value === 'string') return mask
  if (Array.isArray(value)) return value.map(withoutTexts)
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutTexts(each)]))
  return value
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
