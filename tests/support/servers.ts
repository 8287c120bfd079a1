import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Binaries, findBinaries, hasAll } from '../../scripts/servers/binaries.ts'
import { createGuard } from '../../scripts/servers/guard.ts'
import { initialiseMariaDb, type MariaDbServer, startMariaDb } from '../../scripts/servers/mariadb.ts'
import { missingPackages } from '../../scripts/servers/packages.ts'
import { freePort, onFreePort } from '../../scripts/servers/ports.ts'
import { until } from '../../scripts/servers/processes.ts'
import { type RedisServer, startRedis } from '../../scripts/servers/redis.ts'
import { redisCommand } from './redis-command.ts'

/**
 * Servers of a test's own, to be stopped, killed, frozen and started again at will. Each has its own folder and port and
 * ends with the test process, however that ends.
 */

export interface TestServers {
  mariadb: { host: string; port: number; rootUser: string; rootPassword: string }
  redis: { host: string; port: number; password: string }
}

/** A server that can come back: `restart()` starts it again on the same data and port. */
export interface Restartable<S> {
  readonly server: S
  restart(): Promise<void>
  /** Ends the server and removes its data. */
  remove(): Promise<void>
}

/** A private MariaDB with an empty data folder, copied from a template that is made once per machine and version. */
export async function privateMariaDb({
  extraArgs = [],
  durable = false,
}: {
  extraArgs?: readonly string[]
  /** What it has acknowledged outlives its end by kill -9; costs time with every commit. */
  durable?: boolean
} = {}): Promise<Restartable<MariaDbServer>> {
  const binaries = requireBinaries()
  const folder = scratchFolder('mariadb')
  cpSync(await mariaDbTemplate(binaries), join(folder, 'data'), { recursive: true })
  const rootPassword = randomBytes(12).toString('hex')
  return restartable(folder, (port) =>
    startMariaDb({ binaries, folder, port, rootPassword, profile: durable ? 'durable' : 'fast', extraArgs }),
  )
}

/** A private Redis that keeps nothing on disk unless told so. */
export async function privateRedis({ extraSettings = [], cluster = false }: PrivateRedisOptions = {}): Promise<Restartable<RedisServer>> {
  const binaries = requireBinaries()
  const folder = scratchFolder('redis')
  const password = randomBytes(12).toString('hex')
  const start = (port: number, settings: readonly string[]): Promise<RedisServer> =>
    startRedis({ binaries, folder, port, password, profile: 'fast', extraSettings: [...extraSettings, ...settings] })
  if (!cluster) return restartable(folder, (port) => start(port, []))
  return restartable(folder, async (port) => {
    const server = await start(port, ['cluster-enabled yes', `cluster-port ${await freePort()}`])
    await becomeWholeCluster(server)
    return server
  })
}

interface PrivateRedisOptions {
  extraSettings?: readonly string[]
  /** A cluster of one: it holds every slot, and refuses a command whose keys lie in different ones. */
  cluster?: boolean
}

/** It serves two seconds after it has its slots: that is how long a node waits for others to contradict. */
async function becomeWholeCluster(server: RedisServer): Promise<void> {
  const info = async (): Promise<string> => String(await redisCommand(server, 'CLUSTER', 'INFO'))
  if ((await info()).includes('cluster_slots_assigned:0')) await redisCommand(server, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  if (await until(async () => (await info()).includes('cluster_state:ok'), 10_000, 100)) return
  await server.kill()
  throw new Error('a cluster of one Redis did not begin to serve within ten seconds')
}

async function restartable<S extends MariaDbServer | RedisServer>(
  folder: string,
  start: (port: number) => Promise<S>,
): Promise<Restartable<S>> {
  const guard = createGuard(2)
  guard.watch([], [folder])
  let server = await onFreePort(undefined, start)
  guard.watch([server.pid])
  return {
    get server() {
      return server
    },
    restart: async () => {
      await server.kill()
      server = await start(server.port)
      guard.watch([server.pid])
    },
    remove: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
      guard.dismiss()
    },
  }
}

function requireBinaries(): Binaries {
  const found = findBinaries()
  if (!hasAll(found)) throw missingPackages(found)
  return found
}

/** Memory when there is enough of it: tests wait for no disk. */
function scratchFolder(name: string): string {
  return mkdtempSync(join(roomyMemory() ? '/dev/shm' : tmpdir(), `bulkhead-${name}-`))
}

function roomyMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 2 ** 30
  } catch {
    return false
  }
}

async function mariaDbTemplate(binaries: Binaries): Promise<string> {
  const folder = resolve(import.meta.dirname, '../../node_modules/.cache/bulkhead/mariadb-template-1')
  const template = join(folder, 'data')
  if (existsSync(template)) return template
  // Two runs may make it at once: each makes its own, one moves it into place.
  const draft = `${folder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  await initialiseMariaDb({ binaries, folder: draft })
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(template)) throw error
  }
  return template
}
