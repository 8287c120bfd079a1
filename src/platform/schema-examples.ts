import { isSchema } from './http-validation.ts'

/**
 * An example of a schema, for the API document: what the schema gives as one, else the simplest value that fits. Throws for a
 * pattern it cannot guess; such a schema has to bring its example.
 */
export function exampleOf(schema: unknown, at = ''): unknown {
  if (!isSchema(schema)) return null
  const given = givenExample(schema)
  if (given !== undefined) return given
  const node: Record<string, unknown> = { ...schema }
  const branches = node.anyOf ?? node.oneOf
  if (Array.isArray(branches)) return exampleOf(branches.find((branch) => isSchema(branch) && typeOf(branch) !== 'null') ?? branches[0], at)
  if (Array.isArray(node.allOf)) return Object.assign({}, ...node.allOf.map((branch) => exampleOf(branch, at)))
  switch (typeOf(schema)) {
    case 'object':
      return objectExample(node, at)
    case 'array':
      return node.maxItems === 0 ? [] : [exampleOf(node.items, `${at}/0`)]
    case 'string':
      return textExample(node, at)
    case 'integer':
    case 'number':
      return numberExample(node)
    case 'boolean':
      return true
    default:
      return null
  }
}

const typeOf = (schema: object): unknown => {
  const type: unknown = 'type' in schema ? schema.type : undefined
  return Array.isArray(type) ? type.find((each) => each !== 'null') : type
}

function givenExample(schema: object): unknown {
  const node: Record<string, unknown> = { ...schema }
  if (Array.isArray(node.examples)) return node.examples[0]
  if (Array.isArray(node.enum)) return node.default ?? node.enum[0]
  return node.const ?? node.default
}

function objectExample(node: Record<string, unknown>, at: string): Record<string, unknown> {
  const properties = isSchema(node.properties) ? Object.entries(node.properties) : []
  return Object.fromEntries(properties.map(([name, schema]) => [name, exampleOf(schema, `${at}/${name}`)]))
}

const byFormat: Readonly<Record<string, string>> = {
  'date-time': '2026-03-29T02:30:00.123Z',
  date: '2026-03-29',
  email: 'ada@example.com',
  uuid: '019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10',
  uri: 'https://example.com/',
}
const guesses = [
  'example',
  'Example text',
  'a',
  'A',
  '1',
  '0',
  '12.34',
  'US',
  'USD',
  'ABCD',
  'EXAMPLE',
  'example-1',
  'EXAMPLE_1',
  '12345',
  'Europe/Berlin',
  'en',
  'en-US',
  '+12025550123',
]

function textExample(node: Record<string, unknown>, at: string): string {
  const known = typeof node.format === 'string' ? byFormat[node.format] : undefined
  if (known !== undefined) return known
  const least = typeof node.minLength === 'number' ? node.minLength : 0
  const most = typeof node.maxLength === 'number' ? node.maxLength : Number.POSITIVE_INFINITY
  const pattern = typeof node.pattern === 'string' ? new RegExp(node.pattern, 'u') : undefined
  const fits = (text: string) => text.length >= least && text.length <= most && (pattern?.test(text) ?? true)
  const found = [...guesses, 'a'.repeat(Math.min(least, 1_000)), '0'.repeat(Math.min(least, 1_000))].find(fits)
  if (found === undefined)
    throw new TypeError(
      `no example can be guessed for ${at || 'a text'} (${String(node.pattern)}): give its schema one with examples: [...]`,
    )
  return found
}

function numberExample(node: Record<string, unknown>): number {
  if (typeof node.minimum === 'number') return node.minimum
  if (typeof node.exclusiveMinimum === 'number') return node.exclusiveMinimum + 1
  return typeof node.maximum === 'number' ? Math.min(1, node.maximum) : 1
}
