/**
 * What changed between two JSON schemas, as statements about the set of values they accept. Whether a change breaks anybody
 * depends on who sends and who reads, and is decided in compatibility.ts.
 */

export type Schema = Readonly<Record<string, unknown>>

export type Effect =
  /** Values that were refused are accepted now. */
  | 'widens'
  /** Values that were accepted are refused now. */
  | 'narrows'
  /** A value of the old kind means nothing to the new one. */
  | 'replaces'
  /** A member that may be absent was added: old values stay valid, readers that ignore it lose nothing. */
  | 'adds optional'
  | 'adds required'
  | 'removes'
  /** Members the schema does not name are refused now, or allowed now. */
  | 'closes'
  | 'opens'
  /** Another mark for those who keep the value: personal, or no longer. */
  | 'marks'

export interface Change {
  /** Where: `/email`, `/users/each/status`; empty for the whole value. */
  path: string
  effect: Effect
  sentence: string
}

/** Bounds whose rise narrows, and those whose fall does. */
const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
const exact = ['pattern', 'format', 'multipleOf', 'contentEncoding']
const marks = ['x-personal', 'x-secret']
/** What the functions below understand; any other word that changes might mean anything. */
const understood = new Set([
  ...[
    'type',
    'anyOf',
    'const',
    'enum',
    'uniqueItems',
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'items',
    'prefixItems',
  ],
  ...[...lowerBounds, ...upperBounds, ...exact, ...marks],
])

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
const schemas = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isSchema) : [])
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
const text = (value: unknown) => JSON.stringify(value) ?? 'absent'

export function schemaChanges(before: Schema, after: Schema, path = ''): Change[] {
  const old = alternatives(before)
  const now = alternatives(after)
  if (old.length === 1 && now.length === 1) return old[0] && now[0] ? simpleChanges(old[0], now[0], path) : []
  const gone = old.filter((one) => !now.some((other) => text(one) === text(other)))
  const added = now.filter((one) => !old.some((other) => text(one) === text(other)))
  if (gone.length === 1 && added.length === 1 && gone[0] && added[0]) return simpleChanges(gone[0], added[0], path)
  return [
    ...gone.map((one) => change(path, 'narrows', `no longer allows ${name(one)}`)),
    ...added.map((one) => change(path, 'widens', `now also allows ${name(one)}`)),
  ]
}

/** A union as its members; everything else is a union of one. */
const alternatives = (schema: Schema): Schema[] => ('anyOf' in schema ? schemas(schema.anyOf).flatMap(alternatives) : [schema])

const name = (schema: Schema) => String(schema.type ?? text(schema.const ?? schema.enum ?? schema))

const change = (path: string, effect: Effect, sentence: string): Change => ({ path, effect, sentence })

function simpleChanges(before: Schema, after: Schema, path: string): Change[] {
  if (text(before) === text(after)) return []
  return (
    typeChanges(before, after, path) ?? [
      ...valueChanges(before, after, path),
      ...boundChanges(before, after, path),
      ...exactChanges(before, after, path),
      ...memberChanges(before, after, path),
      ...itemChanges(before, after, path),
      ...markChanges(before, after, path),
      ...otherChanges(before, after, path),
    ]
  )
}

/** Undefined when the types agree and the rest decides. */
function typeChanges(before: Schema, after: Schema, path: string): Change[] | undefined {
  if (before.type === after.type) return undefined
  if (before.type === 'integer' && after.type === 'number') return [change(path, 'widens', 'was an integer and is a number')]
  if (before.type === 'number' && after.type === 'integer') return [change(path, 'narrows', 'was a number and is an integer')]
  return [change(path, 'replaces', `was ${name(before)} and is ${name(after)}`)]
}

function valueChanges(before: Schema, after: Schema, path: string): Change[] {
  const old = allowedValues(before)
  const now = allowedValues(after)
  if (!old && !now) return []
  if (!old) return [change(path, 'narrows', 'is limited to a list of values')]
  if (!now) return [change(path, 'widens', 'is no longer limited to a list of values')]
  return [
    ...old.filter((value) => !now.includes(value)).map((value) => change(path, 'narrows', `no longer allows ${value}`)),
    ...now.filter((value) => !old.includes(value)).map((value) => change(path, 'widens', `now also allows ${value}`)),
  ]
}

const allowedValues = (schema: Schema): string[] | undefined =>
  'const' in schema ? [text(schema.const)] : Array.isArray(schema.enum) ? schema.enum.map(text) : undefined

function boundChanges(before: Schema, after: Schema, path: string): Change[] {
  const moved = (key: string, none: number, narrows: (from: number, to: number) => boolean): Change[] => {
    const from = typeof before[key] === 'number' ? before[key] : none
    const to = typeof after[key] === 'number' ? after[key] : none
    if (from === to) return []
    return [change(path, narrows(from, to) ? 'narrows' : 'widens', `${key} was ${text(before[key])} and is ${text(after[key])}`)]
  }
  return [
    ...lowerBounds.flatMap((key) => moved(key, Number.NEGATIVE_INFINITY, (from, to) => to > from)),
    ...upperBounds.flatMap((key) => moved(key, Number.POSITIVE_INFINITY, (from, to) => to < from)),
    ...(Boolean(before.uniqueItems) === Boolean(after.uniqueItems)
      ? []
      : [change(path, after.uniqueItems ? 'narrows' : 'widens', after.uniqueItems ? 'items must be unique now' : 'items may repeat now')]),
  ]
}

function exactChanges(before: Schema, after: Schema, path: string): Change[] {
  return exact.flatMap((key) => {
    if (text(before[key]) === text(after[key])) return []
    const effect = before[key] === undefined ? 'narrows' : after[key] === undefined ? 'widens' : 'replaces'
    return [change(path, effect, `${key} was ${text(before[key])} and is ${text(after[key])}`)]
  })
}

function memberChanges(before: Schema, after: Schema, path: string): Change[] {
  const old = isSchema(before.properties) ? before.properties : {}
  const now = isSchema(after.properties) ? after.properties : {}
  const required = { before: strings(before.required), after: strings(after.required) }
  const changes: Change[] = []
  for (const [key, schema] of Object.entries(old)) {
    const at = `${path}/${key}`
    const other = now[key]
    if (!isSchema(other)) changes.push(change(at, 'removes', 'is gone'))
    else {
      if (required.before.includes(key) && !required.after.includes(key)) changes.push(change(at, 'widens', 'was required and is optional'))
      if (!required.before.includes(key) && required.after.includes(key))
        changes.push(change(at, 'narrows', 'was optional and is required'))
      if (isSchema(schema)) changes.push(...schemaChanges(schema, other, at))
    }
  }
  for (const key of Object.keys(now).filter((key) => !(key in old))) {
    const isRequired = required.after.includes(key)
    changes.push(
      change(`${path}/${key}`, isRequired ? 'adds required' : 'adds optional', `is new and ${isRequired ? 'required' : 'optional'}`),
    )
  }
  return [...changes, ...openness(before, after, path), ...patternChanges(before, after, path)]
}

function openness(before: Schema, after: Schema, path: string): Change[] {
  const old = before.additionalProperties ?? true
  const now = after.additionalProperties ?? true
  if (text(old) === text(now)) return []
  if (now === false) return [change(path, 'closes', 'no longer takes members it does not name')]
  if (old === false) return [change(path, 'opens', 'now takes members it does not name')]
  return [change(path, 'replaces', 'treats members it does not name differently')]
}

/** Maps: the pattern of the keys and the schema of the values. */
function patternChanges(before: Schema, after: Schema, path: string): Change[] {
  const old = Object.entries(isSchema(before.patternProperties) ? before.patternProperties : {})
  const now: Schema = isSchema(after.patternProperties) ? after.patternProperties : {}
  if (text(old.map(([key]) => key)) !== text(Object.keys(now))) return [change(path, 'replaces', 'the keys follow another pattern')]
  return old.flatMap(([key, schema]) => {
    const other = now[key]
    return isSchema(schema) && isSchema(other) ? schemaChanges(schema, other, `${path}/each`) : []
  })
}

function itemChanges(before: Schema, after: Schema, path: string): Change[] {
  if (isSchema(before.items) && isSchema(after.items)) return schemaChanges(before.items, after.items, `${path}/each`)
  return text(before.items) === text(after.items) && text(before.prefixItems) === text(after.prefixItems)
    ? []
    : [change(path, 'replaces', 'the items are of another kind')]
}

function markChanges(before: Schema, after: Schema, path: string): Change[] {
  return marks
    .filter((mark) => text(before[mark]) !== text(after[mark]))
    .map((mark) => change(path, 'marks', after[mark] ? `is marked ${mark} now` : `is no longer marked ${mark}`))
}

function otherChanges(before: Schema, after: Schema, path: string): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => !understood.has(key) && text(before[key]) !== text(after[key]))
    .map((key) => change(path, 'replaces', `${key} was ${text(before[key])} and is ${text(after[key])}`))
}
