import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '#platform/config.ts'
import { moduleNames } from '#platform/module-table.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { startProcess } from '#support/process.ts'
import { startSystem } from '#support/system.ts'
import { findBalancer } from '../../scripts/servers/binaries.ts'
import { startHaproxy } from '../../scripts/servers/haproxy.ts'
import { freePort } from '../../scripts/servers/ports.ts'
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

const inOneProcess =
  (more: Record<string, string> = {}): Start =>
  async (databases) => {
    const { url, admin, app, config, stop } = await startSystem({ ...settings, ...more }, databases)
    return { url, contracts: contractsIn(app), admin, replicas: 1, transport: config.transport, stop }
  }

const inSeveral =
  (layout: SplitLayout): Start =>
  async (databases) => {
    const [first = ''] = Object.keys(layout)
    const split = await startSplit(layout, { settings, databases })
    const { contracts, close } = contractsBetween(split, layout)
    return {
      url: split.url,
      contracts,
      admin: split.process(first).admin,
      replicas: 1,
      async stop() {
        await close()
        await split.stop()
      },
    }
  }

const replicas: Start = async (databases) => {
  const binary = findBalancer()
  if (!binary) throw new Error('replicas need HAProxy: npm test installs it')
  const upstreams = await Promise.all(
    ['api-1', 'api-2', 'api-3'].map(async (name) => ({ name, port: await freePort(), internalPort: await freePort() })),
  )
  // Keys that one has sealed, the others must open.
  const shared = { ...settings, AUTH_SECRET: randomBytes(32).toString('hex') }
  const processes = await Promise.all(
    upstreams.map(({ port, internalPort }) =>
      startProcess(databases, {
        ...shared,
        MODULES: moduleNames.join(','),
        REPLICAS: String(upstreams.length),
        TRUST_PROXY: '127.0.0.1',
        PORT: String(port),
        INTERNAL_PORT: String(internalPort),
      }),
    ),
  )
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-haproxy-'))
  const port = await freePort()
  const backends = [{ name: 'api', modules: moduleNames, upstreams }]
  const balancer = await startHaproxy({ binary, folder, host: '127.0.0.1', port, publicUrl: settings.PUBLIC_URL, backends })
  // A replica more, in this process: without requests, but with contracts that can be asked.
  const beside = await startSystem({ ...shared, TRANSPORT: 'auto' }, databases)
  return {
    url: `http://127.0.0.1:${port}`,
    contracts: contractsIn(beside.app),
    admin: beside.admin,
    replicas: processes.length,
    async stop() {
      await balancer.kill()
      await Promise.all(processes.map((process) => process.kill()))
      await beside.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const topologies = {
  local: inOneProcess({ TRANSPORT: 'auto' }),
  // As every test that says nothing else.
  loopback: inOneProcess(),
  split2: inSeveral({ front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'] }),
  units: inSeveral({ 'auth-user': ['auth', 'user'], customer: ['customer'], carrier: ['carrier'], pricing: ['pricing'] }),
  replicas3: replicas,
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
