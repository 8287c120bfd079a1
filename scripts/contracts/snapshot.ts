import { createHash } from 'node:crypto'
import type { Contract, Operation } from '#platform/contracts.ts'
import { type EventContract, type EventDeclaration, eventsByKey } from '#platform/event-contracts.ts'
import { neighbours } from '../../.dependency-cruiser.js'
import { type Hearing, hearingOf } from './hearing.ts'
import type { Schema } from './schema-changes.ts'

/** What a module promises. It is written down in contracts/ (see record.ts). */
export interface Snapshot {
  module: string
  /** By name and version, `user@1`. */
  contracts: Record<string, ContractSnapshot>
  /** By type and version, `user.created@1`. */
  events: Record<string, EventSnapshot>
}

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

export interface EventSnapshot {
  aggregate: string
  /** The consumers that name this version. */
  heardBy: readonly string[]
  data: Schema
}

export const modules: readonly string[] = Object.keys(neighbours)

/**
 * Every export of a module's contract.ts that is a contract or a set of events; a second version stands beside the first.
 * Throws when a consumer names what nobody declares.
 */
export async function currentSnapshots(): Promise<Snapshot[]> {
  const hearing = await hearingOf(modules)
  const snapshots = await Promise.all(modules.map(async (name) => snapshotOf(name, await contractFile(name), hearing)))
  const declared = new Set(snapshots.flatMap(({ events }) => Object.keys(events)))
  const unheard = [...hearing].filter(([key]) => !declared.has(key)).map(([key, consumers]) => `${consumers.join(', ')} hears ${key}`)
  if (unheard.length > 0) throw new TypeError(`nobody declares what is heard: ${unheard.join('; ')}`)
  return snapshots
}

/** Every version of every event with its module. */
export async function declaredEvents(): Promise<{ key: string; module: string; declaration: EventDeclaration }[]> {
  const contracts = await Promise.all(modules.map(async (module) => eventContracts(module, await contractFile(module))))
  return contracts
    .flat()
    .flatMap((contract) => [...eventsByKey(contract)].map(([key, declaration]) => ({ key, module: contract.module, declaration })))
}

const eventContracts = (module: string, exported: object): EventContract[] =>
  Object.values(exported)
    .filter(isEventContract)
    .filter((contract) => contract.module === module)

async function contractFile(module: string): Promise<object> {
  return import(new URL(`../../src/modules/${module}/contract.ts`, import.meta.url).href)
}

export function snapshotOf(module: string, exported: object, hearing: Hearing = new Map()): Snapshot {
  const values: unknown[] = Object.values(exported)
  const contracts = values.filter(isContract).filter((contract) => contract.module === module)
  return {
    module,
    contracts: sorted(
      contracts.map((contract) => {
        const operations = sorted(
          Object.entries(contract.operations).map(([name, operation]) => [name, operationSnapshot(operation)] as const),
        )
        return [`${module}@${contract.version}`, { hash: hashOf(operations), operations }] as const
      }),
    ),
    events: sorted(
      eventContracts(module, exported).flatMap((contract) =>
        [...eventsByKey(contract)].map(([key, { aggregate, data }]) => {
          return [key, { aggregate, heardBy: hearing.get(key) ?? [], data: bare(data) }] as const
        }),
      ),
    ),
  }
}

function operationSnapshot({ kind, deadlineMs, idempotent, unitOnly, absent, errors, input, output }: Operation): OperationSnapshot {
  return { kind, deadlineMs, idempotent, unitOnly, absent, errors: [...errors].sort(), input: bare(input), output: bare(output) }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isContract = (value: unknown): value is Contract => isObject(value) && 'operations' in value && 'module' in value
const isEventContract = (value: unknown): value is EventContract => isObject(value) && 'events' in value && 'module' in value

/** Words for people: a better description changes no promise. */
const annotations = new Set(['$id', 'title', 'description', 'examples', 'default', '$comment'])

/** The schema without annotations, with its keys in order, so that equal promises are equal text. */
function bare(schema: unknown): Schema {
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

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
