import { canonicalJson } from './canonical-json.ts'

/** What a merge patch does to a resource. */
export interface Patched<T> {
  /** Members whose value is another one now, in the order of the patch. Empty: nothing to write, no version, no event. */
  readonly changed: readonly (keyof T & string)[]
  readonly next: T
}

/**
 * RFC 7396: null clears, arrays are replaced whole, objects are merged member by member. Absent members stay. Which members may
 * be patched at all is the schema's decision.
 */
export function applyMergePatch<T extends object>(current: T, patch: { readonly [K in keyof T]?: unknown }): Patched<T> {
  const next: T = { ...current }
  const changed: (keyof T & string)[] = []
  for (const name of namesOf(patch)) {
    const wanted = patch[name]
    if (wanted === undefined) continue
    const before: unknown = current[name]
    const after = merge(before, wanted)
    if (isSame(before, after)) continue
    Reflect.set(next, name, after)
    changed.push(name)
  }
  return { changed, next }
}

const namesOf = <T extends object>(patch: { readonly [K in keyof T]?: unknown }) => Object.keys(patch) as (keyof T & string)[]

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else if (value !== undefined) merged[name] = merge(merged[name], value)
  }
  return merged
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  // Null clears, and what is not there is clear already.
  if ((a ?? null) === null || (b ?? null) === null) return (a ?? null) === (b ?? null)
  if (typeof a !== 'object' || typeof b !== 'object') return false
  return canonicalJson(a) === canonicalJson(b)
}
