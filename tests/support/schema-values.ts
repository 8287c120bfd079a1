import fc from 'fast-check'
import { formats } from '#platform/formats.ts'
import type { JsonSchema } from './api-document.ts'

/** Values that fit a schema, and values that almost do. */

export interface ValueOptions {
  resolve(schema: JsonSchema): JsonSchema
  /** Values of members that only make sense when they name something that exists. */
  named?: Readonly<Record<string, fc.Arbitrary<unknown>>>
}

const byFormat: Readonly<Record<string, readonly string[]>> = {
  'date-time': ['2026-03-29T02:30:00.123Z', '2026-03-29T02:30:00+05:45', '1970-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
  date: ['2026-03-29', '2024-02-29', '1000-01-01', '9999-12-31', '2026-11-25'],
  uuid: ['019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10'],
  uri: ['https://example.com/'],
  'email-address': ['ada@example.com', 'Ada@EXAMPLE.com', 'josé@exämple.de', 'a+b@example.co.uk'],
  'time-zone': ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Etc/GMT+12'],
  'currency-code': ['USD', 'JPY', 'KWD', 'HUF'],
}

const node = (value: unknown): JsonSchema => (typeof value === 'object' && value !== null ? { ...value } : {})
const numberOf = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise)

export function valuesOf(given: JsonSchema, options: ValueOptions): fc.Arbitrary<unknown> {
  const schema = options.resolve(given)
  if ('const' in schema) return fc.constant(schema.const)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum)
  const branches = schema.anyOf ?? schema.oneOf
  if (Array.isArray(branches)) return fc.oneof(...branches.map((branch) => valuesOf(node(branch), options)))
  switch (schema.type) {
    case 'object':
      return objects(schema, options)
    case 'array': {
      const minLength = numberOf(schema.minItems, 0)
      const items = schema.items === undefined ? fc.jsonValue({ maxDepth: 2 }) : valuesOf(node(schema.items), options)
      const most = Math.max(minLength, Math.min(numberOf(schema.maxItems, 3), 3))
      const lists = fc.array(items, { minLength, maxLength: most })
      return schema.uniqueItems === true
        ? lists.map((list) => [...new Map(list.map((item) => [JSON.stringify(item), item])).values()])
        : lists
    }
    case 'string':
      return texts(schema)
    case 'integer':
      return fc.oneof(
        fc.integer({
          min: numberOf(schema.minimum, -100),
          max: Math.min(numberOf(schema.maximum, 100), numberOf(schema.minimum, 0) + 100),
        }),
        fc.constant(numberOf(schema.maximum, 100)),
      )
    case 'number':
      return fc.double({ min: numberOf(schema.minimum, -1e6), max: numberOf(schema.maximum, 1e6), noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function objects(schema: JsonSchema, options: ValueOptions): fc.Arbitrary<unknown> {
  const members = Object.entries(node(schema.properties))
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  const model = Object.fromEntries(members.map(([name, member]) => [name, options.named?.[name] ?? valuesOf(node(member), options)]))
  const known = fc.record(model, { requiredKeys: required })
  const [free] = Object.values(node(schema.patternProperties))
  if (free === undefined || members.length > 0) return known
  return fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), valuesOf(node(free), options), { maxKeys: 3 })
}

function texts(schema: JsonSchema): fc.Arbitrary<string> {
  const least = numberOf(schema.minLength, 0)
  const most = numberOf(schema.maxLength, 60)
  const pattern = typeof schema.pattern === 'string' ? new RegExp(schema.pattern, 'u') : undefined
  const fits = (text: string): boolean => {
    const length = [...text].length
    const isFormed = typeof schema.format !== 'string' || (formats[schema.format]?.(text) ?? true)
    return length >= least && length <= most && isFormed && (pattern?.test(text) ?? true)
  }
  const known = [
    ...(typeof schema.format === 'string' ? (byFormat[schema.format] ?? []) : []),
    ...(Array.isArray(schema.examples) ? schema.examples.map(String) : []),
  ].filter(fits)
  if (typeof schema.format === 'string') return fc.constantFrom(...known)
  // Open text: anything that Unicode can say. Closed forms are made from their pattern, when it does not look ahead.
  const open = pattern === undefined || pattern.source.startsWith('^[^')
  const made = open
    ? fc
        .string({ unit: 'binary', minLength: least, maxLength: Math.min(most, least + 40) })
        .map((text) => text.replaceAll(/\p{Cc}/gu, 'x').normalize('NFC'))
    : pattern.source.includes('(?!')
      ? undefined
      : fc.stringMatching(pattern)
  const choices = [...(known.length > 0 ? [fc.constantFrom(...known)] : []), ...(made === undefined ? [] : [made.filter(fits)])]
  if (choices.length === 0) throw new TypeError(`no value can be made for ${schema.pattern}: its schema needs an example`)
  return fc.oneof(...choices)
}

const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  -0,
  2 ** 31,
  2 ** 53,
  '',
  ' ',
  'a'.repeat(20_000),
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\uffff',
  "'; DROP TABLE users; --",
  '" OR ""="',
  '\\',
  '%00',
  '../../etc/passwd',
  '#{7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '\u202eabc',
  'e\u0301'.repeat(50),
  '🙂'.repeat(200),
  '1e5',
  '+1',
  '0x10',
  '٣',
  'NaN',
  'Infinity',
  '-0',
  '00',
  '999999999999999.9999999999',
  '9'.repeat(400),
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
  '2016-12-31T23:59:60Z',
  '2026-03-29T02:30:00.123456789Z',
  '2026-02-30',
  '0000-01-01',
  '0000-00-00',
  [],
  {},
  [[]],
  [null],
  { $ne: null },
  { toString: 'x' },
  { length: 1e9 },
]

/** The value with one part of it replaced, removed, doubled or joined by a stranger. */
export function mutated(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    place: fc.nat(),
    kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'wrap'),
    value: fc.constantFrom(...hostile),
  })
  return fc.tuple(values, change).map(([value, { place, kind, value: other }]) => {
    const places = placesOf(value)
    const at = places[place % places.length] ?? []
    return changed(value, at, (part) => {
      if (kind === 'wrap') return [part]
      if (kind === 'add' && typeof part === 'object' && part !== null && !Array.isArray(part)) return { ...part, stranger: other }
      return kind === 'remove' ? undefined : other
    })
  })
}

type Path = readonly string[]

function placesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([name, member]) => placesOf(member, [...at, name]))]
}

function changed(value: unknown, [first, ...rest]: Path, change: (part: unknown) => unknown): unknown {
  if (first === undefined) return change(value)
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === first ? changed(item, rest, change) : item))
  if (typeof value !== 'object' || value === null) return value
  return { ...value, [first]: changed(Reflect.get(value, first), rest, change) }
}
