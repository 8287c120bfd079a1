import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CollectionTag, parseDocument, Scalar, type ScalarTag } from 'yaml'

/** Compose files as Compose itself reads them: merged by its rules, variables filled in. */

export interface Service {
  image?: string
  build?: unknown
  user?: string
  command?: string | string[]
  environment?: Record<string, string | number | boolean | null>
  ports?: string[]
  volumes?: string[]
  networks?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string | string[]; disable?: boolean }
  mem_limit?: string
  restart?: string
}

export interface Composition {
  services: Record<string, Service>
  volumes?: Record<string, unknown>
  networks?: Record<string, unknown>
}

type Tree = { [name: string]: unknown }

const root = resolve(import.meta.dirname, '../..')

/** `docker compose -f first -f second …`. Paths are relative to the repository. */
export function readComposition(...files: string[]): Composition {
  const [first = {}, ...overlays] = files.map(readTree)
  const merged = overlays.reduce((below, above) => mergeTrees(below, above, []), first)
  // Extensions are no part of the result.
  return Object.fromEntries(Object.entries(merged).filter(([name]) => !name.startsWith('x-'))) as unknown as Composition
}

class Reset {}
class Override {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

const reset: ScalarTag = { tag: '!reset', resolve: () => new Reset() }
const override: CollectionTag = {
  tag: '!override',
  collection: 'map',
  resolve: (map) => new Scalar(new Override(map.toJSON())),
}

function readTree(file: string): Tree {
  const document = parseDocument(readFileSync(resolve(root, file), 'utf8'), { merge: true, customTags: [reset, override] })
  const [error] = document.errors
  if (error) throw error
  return document.toJS()
}

/** Where a list replaces the one below instead of being added to it. */
const replaced = /^services\.[^.]+\.(command|entrypoint|healthcheck\.test)$/

function mergeTrees(below: Tree, above: Tree, path: string[]): Tree {
  const merged: Tree = { ...below }
  for (const [name, value] of Object.entries(above)) {
    const here = [...path, name]
    const old = merged[name]
    if (value instanceof Reset) delete merged[name]
    else if (value instanceof Override) merged[name] = value.value
    else if (isTree(value) && isTree(old)) merged[name] = mergeTrees(old, value, here)
    else if (Array.isArray(value) && Array.isArray(old) && !replaced.test(here.join('.'))) merged[name] = mergeLists(old, value, name)
    else merged[name] = value
  }
  return merged
}

/** Volumes are one per place in the container; other lists keep each entry once. */
function mergeLists(old: unknown[], added: unknown[], name: string): unknown[] {
  if (name !== 'volumes') return [...new Set([...old, ...added])]
  const place = (volume: unknown): string => String(volume).split(':')[1] ?? ''
  const places = new Set(added.map(place))
  return [...old.filter((volume) => !places.has(place(volume))), ...added]
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Reset) && !(value instanceof Override)
}

const variable = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^}]*))?\})/g

/** The variables that a text asks for, and whether the start ends without them. */
export function variablesOf(text: string): { name: string; required: boolean }[] {
  return [...text.matchAll(variable)].flatMap(([, name, operator]) =>
    name ? [{ name, required: operator === ':?' || operator === '?' }] : [],
  )
}

/** The text with its variables filled in. */
export function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(variable, (whole, name: string | undefined, operator: string | undefined, fallback: string | undefined) => {
    if (!name) return whole === '$$' ? '$' : whole
    const value = values[name] || undefined
    if (value !== undefined) return value
    if (operator?.includes('?')) throw new Error(`${name} ${fallback}`)
    return operator?.includes('-') ? (fallback ?? '') : ''
  })
}
