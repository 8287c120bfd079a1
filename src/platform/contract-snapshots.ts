import { hash } from 'node:crypto'
import type { Contract, Operation } from './contracts.ts'

/** A contract as plain data without words for people: what it promises, and the hash by which two processes see that they mean the same. */

export interface ContractSnapshot {
  hash: string
  operations: Record<string, OperationSnapshot>
}

export interface OperationSnapshot {
  kind: 'query' | 'command'
  deadlineMs: number
  idempotent: boolean
  unitOnly: boolean
  /** The answer may be undefined. */
  absent: boolean
  errors: string[]
  input: Schema
  output: Schema
}

type Schema = Readonly<Record<string, unknown>>

export function contractSnapshot(contract: Contract): ContractSnapshot {
  const operations = sorted(Object.entries(contract.operations).map(([name, operation]) => [name, operationSnapshot(operation)] as const))
  return { hash: hash('sha256', JSON.stringify(operations)).slice(0, 16), operations }
}

/** `user@1:004614b97d5e8ebb`, as the caller names the contract it was made with. */
export const contractName = (contract: Contract): string => `${contract.module}@${contract.version}:${contractSnapshot(contract).hash}`

function operationSnapshot({ kind, deadlineMs, idempotent, unitOnly, absent, errors, input, output }: Operation): OperationSnapshot {
  return {
    kind,
    deadlineMs,
    idempotent,
    unitOnly,
    absent,
    errors: [...errors].sort(),
    input: schemaSnapshot(input),
    output: schemaSnapshot(output),
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Words for people: a better description changes no promise. */
const annotations = new Set(['$id', 'title', 'description', 'examples', 'default', '$comment'])

/** The schema without annotations, with its keys in order, so that equal promises are equal text. */
export function schemaSnapshot(schema: unknown): Schema {
  const plain: unknown = JSON.parse(JSON.stringify(schema))
  const ordered = inOrder(plain, false)
  return isObject(ordered) && !Array.isArray(ordered) ? { ...ordered } : {}
}

/** Inside `properties` a key is a member's name, not a word of JSON Schema: a member may be called `description`. */
function inOrder(value: unknown, keysAreNames: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, false))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => keysAreNames || !annotations.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [
        key,
        key === 'required' && Array.isArray(item) ? [...item].sort() : inOrder(item, holdsNames(key, keysAreNames)),
      ]),
  )
}

const holdsNames = (key: string, insideNames: boolean) =>
  !insideNames && (key === 'properties' || key === 'patternProperties' || key === '$defs')

const sorted = <V>(entries: readonly (readonly [string, V])[]): Record<string, V> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
