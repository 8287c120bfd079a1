import { type ModuleName, moduleNames } from '../../src/platform/module-table.ts'
import { Failure } from '../servers/failure.ts'
import { isPortFree } from '../servers/ports.ts'
import type { StartSettings } from './environment.ts'

/** Processes that host the same modules; which requests are theirs follows from the modules. */
export interface ProcessKind {
  name: string
  modules: readonly ModuleName[]
  count: number
}

/** The layouts that `npm start -- --topology` knows, each a table of processes. */
const topologies: Readonly<Record<string, readonly ProcessKind[]>> = {
  replicas3: [{ name: 'api', modules: moduleNames, count: 3 }],
  split2: [
    { name: 'front', modules: ['auth', 'user', 'pricing'], count: 1 },
    { name: 'back', modules: ['customer', 'carrier'], count: 1 },
  ],
  units: [
    { name: 'auth-user', modules: ['auth', 'user'], count: 1 },
    { name: 'customer', modules: ['customer'], count: 1 },
    { name: 'carrier', modules: ['carrier'], count: 1 },
    { name: 'pricing', modules: ['pricing'], count: 1 },
  ],
}

export function requireTopology(name: string): readonly ProcessKind[] {
  const found = Object.hasOwn(topologies, name) ? topologies[name] : undefined
  if (found) return found
  const known = Object.keys(topologies)
  throw new Failure({
    what: `There is no topology ${JSON.stringify(name)}.`,
    why: `A topology says which processes run and what each hosts; there is ${known.join(', ')}.`,
    mend: `npm start -- --topology ${known[0]}`,
  })
}

export interface PlannedProcess {
  name: string
  /** The kind it is one of: its name among the other processes, and that of its balancer's backend. */
  kind: string
  modules: readonly ModuleName[]
  /** How many like this one there are, itself among them. */
  count: number
  port: number
  internalPort: number
}

/**
 * Gives every process its name and ports: the first free ones after PORT and from INTERNAL_PORT on. Any free port would not do: a
 * process keeps its own over restarts, and those that the system gives to connections may be taken meanwhile.
 */
export async function planProcesses(
  kinds: readonly ProcessKind[],
  { port, internalPort }: Pick<StartSettings, 'port' | 'internalPort'>,
): Promise<PlannedProcess[]> {
  const taken = new Set([port])
  const choose = async (from: number): Promise<number> => {
    let chosen = from
    while (taken.has(chosen) || !(await isPortFree(chosen))) chosen += 1
    taken.add(chosen)
    return chosen
  }
  const planned: PlannedProcess[] = []
  for (const { name, modules, count } of kinds) {
    for (let number = 1; number <= count; number += 1) {
      const index = planned.length
      planned.push({
        name: count === 1 ? name : `${name}-${number}`,
        kind: name,
        modules,
        count,
        internalPort: await choose(internalPort + index),
        port: await choose(port + index + 1),
      })
    }
  }
  return planned
}
