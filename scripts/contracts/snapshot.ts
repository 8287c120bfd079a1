import { type ContractSnapshot, contractSnapshot, schemaSnapshot } from '#platform/contract-snapshots.ts'
import type { Contract } from '#platform/contracts.ts'
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
    contracts: sorted(contracts.map((contract) => [`${module}@${contract.version}`, contractSnapshot(contract)] as const)),
    events: sorted(
      eventContracts(module, exported).flatMap((contract) =>
        [...eventsByKey(contract)].map(([key, { aggregate, data }]) => {
          return [key, { aggregate, heardBy: hearing.get(key) ?? [], data: schemaSnapshot(data) }] as const
        }),
      ),
    ),
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isContract = (value: unknown): value is Contract => isObject(value) && 'operations' in value && 'module' in value
const isEventContract = (value: unknown): value is EventContract => isObject(value) && 'events' in value && 'module' in value

const sorted = <V>(entries: readonly (readonly [string, V])[]): Record<string, V> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
