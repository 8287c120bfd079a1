import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '#platform/config.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { firstAdmin } from '#support/environment.ts'
import { startProcess } from '#support/process.ts'
import { startSystem } from '#support/system.ts'
import { findBalancer } from '../../scripts/servers/binaries.ts'
import { createGuard } from '../../scripts/servers/guard.ts'
import { type Backend, startHaproxy } from '../../scripts/servers/haproxy.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { requireTopology } from '../../scripts/start/topologies.ts'
import type { Contracts } from '../acceptance/neighbour.ts'
import { contractsBetween, contractsIn } from './matrix-contracts.ts'
import { spreadIds } from './matrix-facts.ts'
import { type SplitLayout, startSplit } from './split-system.ts'

/** The layouts in which the same tests must see the same. */

export interface MatrixSystem {
  url: string
  databases: TestDatabases
  contracts: Contracts
  admin: { email: string; password: string }
  /** Processes that may answer the same request. */
  replicas: number
  /** How modules of a process call each other, where the process is that of the tests. */
  transport?: Config['transport']
  stop(): Promise<void>
}

type Start = (databases: TestDatabases) => Promise<Omit<MatrixSystem, 'databases'>>

/** The same to everybody: answers name it. */
const settings = { PUBLIC_URL: 'http://bulkhead.test' }
const behindABalancer = { TRUST_PROXY: '127.0.0.1' }

const inOneProcess =
  (more: Record<string, string> = {}): Start =>
  async (databases) => {
    const { url, admin, app, config, stop } = await startSystem({ ...settings, ...more }, databases)
    return { url, contracts: contractsIn(app), admin, replicas: 1, transport: config.transport, stop }
  }

/** As `npm start` lays them out, behind the balancer that it starts. */
const inSeveral =
  (name: string): Start =>
  async (databases) => {
    const kinds = requireTopology(name)
    const layout: SplitLayout = Object.fromEntries(kinds.map(({ name, modules }) => [name, modules]))
    const split = await startSplit(layout, { settings: { ...settings, ...behindABalancer }, databases })
    const { contracts, close } = contractsBetween(split, layout)
    const backends = kinds.map(({ name, modules }) => {
      const { url, internalUrl } = split.process(name)
      return { name, modules, upstreams: [{ name, port: portOf(url), internalPort: portOf(internalUrl) }] }
    })
    const balancer = await startBalancer(backends)
    return {
      url: balancer.url,
      contracts,
      admin: firstAdmin,
      replicas: 1,
      async stop() {
        await balancer.remove()
        await close()
        await split.stop()
      },
    }
  }

const inReplicas =
  (name: string): Start =>
  async (databases) => {
    const [kind] = requireTopology(name)
    if (!kind) throw new TypeError(`${name} has no process`)
    const { modules, count } = kind
    // Keys that one has sealed, the others must open.
    const shared = { ...settings, AUTH_SECRET: randomBytes(32).toString('hex') }
    const more = { ...shared, ...behindABalancer, MODULES: modules.join(','), REPLICAS: String(count) }
    const processes = await Promise.all(Array.from({ length: count }, () => startProcess(databases, more)))
    const upstreams = processes.map(({ url, internalUrl }, index) => ({
      name: `${kind.name}-${index + 1}`,
      port: portOf(url),
      internalPort: portOf(internalUrl),
    }))
    const balancer = await startBalancer([{ name: kind.name, modules, upstreams }])
    // A replica more, in this process: without requests, but with contracts that can be asked.
    const beside = await startSystem({ ...shared, TRANSPORT: 'auto' }, databases)
    return {
      url: balancer.url,
      contracts: contractsIn(beside.app),
      admin: firstAdmin,
      replicas: count,
      async stop() {
        await balancer.remove()
        await Promise.all(processes.map((process) => process.kill()))
        await beside.stop()
      },
    }
  }

async function startBalancer(backends: readonly Backend[]): Promise<{ url: string; remove(): Promise<void> }> {
  const binary = findBalancer()
  if (!binary) throw new Error('processes are reached through HAProxy: npm test installs it')
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-haproxy-'))
  const guard = createGuard(2)
  const port = await freePort()
  const balancer = await startHaproxy({ binary, folder, host: '127.0.0.1', port, publicUrl: settings.PUBLIC_URL, backends })
  guard.watch([balancer.pid], [folder])
  return {
    url: `http://127.0.0.1:${port}`,
    remove: async () => {
      await balancer.kill()
      rmSync(folder, { recursive: true, force: true })
      guard.dismiss()
    },
  }
}

const portOf = (url: string): number => Number(new URL(url).port)

const topologies = {
  local: inOneProcess({ TRANSPORT: 'auto' }),
  // As every test that says nothing else.
  loopback: inOneProcess(),
  split2: inSeveral('split2'),
  units: inSeveral('units'),
  replicas3: inReplicas('replicas3'),
} as const satisfies Record<string, Start>
export type Topology = keyof typeof topologies

const allTopologies: readonly Topology[] = ['local', 'loopback', 'split2', 'units', 'replicas3']
/** Those that every run of the tests has time for. */
const everydayTopologies: readonly Topology[] = ['local', 'loopback', 'split2']

/** What TOPOLOGIES says: nothing, `full`, or names with commas between. */
export function chosenTopologies(wish: string | undefined): readonly Topology[] {
  if (!wish) return everydayTopologies
  if (wish === 'full') return allTopologies
  return wish.split(',').map((name) => {
    const known = allTopologies.find((topology) => topology === name)
    if (!known) throw new Error(`TOPOLOGIES names ${name}: there are ${allTopologies.join(', ')}, or full`)
    return known
  })
}

/** The layout on fresh databases. */
export async function startTopology(topology: Topology): Promise<MatrixSystem> {
  const databases = await createTestDatabases({ poolSize: 3, eventsPoolSize: 3 })
  await spreadIds(databases, allTopologies.indexOf(topology))
  return { ...(await topologies[topology](databases)), databases }
}
