import type { TSchema } from 'typebox'

/** The shape of data under a schema: which members are there, which are null, which lists are empty, which state is named. */

type Node = Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)
const nodesOf = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : [])
const propertiesOf = (schema: Node): [string, Node][] =>
  isNode(schema.properties) ? Object.entries(schema.properties).filter((entry): entry is [string, Node] => isNode(entry[1])) : []
const isRequired = (schema: Node, name: string): boolean => Array.isArray(schema.required) && schema.required.includes(name)
const isNullable = (schema: Node): boolean => nodesOf(schema.anyOf).some(({ type }) => type === 'null')
/** The schema of a value that is not null. */
const solid = (schema: Node): Node => nodesOf(schema.anyOf).find(({ type }) => type !== 'null') ?? schema

/** Equal for data of the same shape; longer for those that say more. */
export const kindOf = (schema: TSchema, data: unknown): string => features(plain(schema), data, '').join('\n')

/** Whether every member that may be there is there in one of the data. */
export function hasAll(schema: TSchema, all: readonly unknown[]): boolean {
  const found = new Set(all.flatMap((data) => paths(plain(schema), data, '')))
  return declaredPaths(plain(schema), '').every((path) => found.has(path))
}

export const isLeast = (schema: TSchema, data: unknown): boolean => kindOf(schema, data) === kindOf(schema, reduced(schema, data))

/** With every member, each as it is or from the example. */
export const completed = (schema: TSchema, data: unknown, example: unknown): unknown => fill(plain(schema), data, example)

/** With what is required only, null and empty where that is allowed. */
export const reduced = (schema: TSchema, data: unknown): unknown => strip(plain(schema), data)

const plain = (schema: TSchema): Node => ({ ...schema })

function features(schema: Node, data: unknown, path: string): string[] {
  if (data === null || data === undefined) return [`${path} ${data}`]
  const node = solid(schema)
  if (Array.isArray(data)) return [`${path} ${data.length === 0 ? 'empty' : 'list'}`]
  if (isNode(data))
    return [path, ...propertiesOf(node).flatMap(([name, member]) => (name in data ? features(member, data[name], `${path}/${name}`) : []))]
  return [Array.isArray(node.enum) ? `${path} ${String(data)}` : path]
}

function paths(schema: Node, data: unknown, path: string): string[] {
  const node = solid(schema)
  if (Array.isArray(data)) return [path, ...data.flatMap((item) => (isNode(node.items) ? paths(node.items, item, `${path}/each`) : []))]
  if (!isNode(data)) return data === null ? [] : [path]
  return [path, ...propertiesOf(node).flatMap(([name, member]) => (name in data ? paths(member, data[name], `${path}/${name}`) : []))]
}

function declaredPaths(schema: Node, path: string): string[] {
  const node = solid(schema)
  const items = isNode(node.items) ? declaredPaths(node.items, `${path}/each`) : []
  return [path, ...items, ...propertiesOf(node).flatMap(([name, member]) => declaredPaths(member, `${path}/${name}`))]
}

function fill(schema: Node, data: unknown, example: unknown): unknown {
  const node = solid(schema)
  if (data === null || data === undefined) return example
  if (Array.isArray(data))
    return data.length === 0 ? example : data.map((item) => (isNode(node.items) ? fill(node.items, item, item) : item))
  if (!isNode(data)) return data
  const examples = isNode(example) ? example : {}
  return { ...data, ...Object.fromEntries(propertiesOf(node).map(([name, member]) => [name, fill(member, data[name], examples[name])])) }
}

function strip(schema: Node, data: unknown): unknown {
  if (isNullable(schema)) return null
  if (Array.isArray(data)) return typeof schema.minItems === 'number' ? data.slice(0, schema.minItems) : []
  if (!isNode(data)) return data
  return Object.fromEntries(
    propertiesOf(schema)
      .filter(([name]) => isRequired(schema, name))
      .map(([name, member]) => [name, strip(member, data[name])]),
  )
}
