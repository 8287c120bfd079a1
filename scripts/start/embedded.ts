import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from '../servers/binaries.ts'
import { hasMariaDbData, initialiseMariaDb, type MariaDbServer, startMariaDb } from '../servers/mariadb.ts'
import { onFreePort } from '../servers/ports.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import type { Secrets } from './secrets.ts'

export interface EmbeddedServers {
  mariadb?: MariaDbServer
  redis?: RedisServer
}

interface Wanted {
  dataDir: string
  binaries: Binaries
  secrets: Secrets
  mariadb: boolean
  redis: boolean
}

/** Starts what is wanted, side by side, on the ports of the last time when they are free. */
export async function startEmbedded({ dataDir, binaries, secrets, mariadb, redis }: Wanted): Promise<EmbeddedServers> {
  const folders = { mariadb: join(dataDir, 'mariadb'), redis: join(dataDir, 'redis') }
  const portsFile = join(dataDir, 'ports.json')
  const last = keptPorts(portsFile)

  const startDatabase = async (): Promise<MariaDbServer> => {
    mkdirSync(folders.mariadb, { recursive: true, mode: 0o700 })
    if (!hasMariaDbData(folders.mariadb)) await initialiseMariaDb({ binaries, folder: folders.mariadb })
    return onFreePort(last.mariadb, (port) =>
      startMariaDb({ binaries, folder: folders.mariadb, port, rootPassword: secrets.databaseRoot, profile: 'durable' }),
    )
  }
  const startCache = (): Promise<RedisServer> =>
    onFreePort(last.redis, (port) => startRedis({ binaries, folder: folders.redis, port, password: secrets.redis, profile: 'durable' }))

  const [database, cache] = await Promise.allSettled([mariadb ? startDatabase() : undefined, redis ? startCache() : undefined])
  if (database.status === 'rejected' || cache.status === 'rejected') {
    // The one that did start must not outlive the failure of the other.
    for (const result of [database, cache]) if (result.status === 'fulfilled') await result.value?.stop()
    throw database.status === 'rejected' ? database.reason : cache.status === 'rejected' && cache.reason
  }
  const servers = { ...(database.value ? { mariadb: database.value } : {}), ...(cache.value ? { redis: cache.value } : {}) }
  writeFileSync(portsFile, JSON.stringify({ mariadb: servers.mariadb?.port, redis: servers.redis?.port }))
  return servers
}

function keptPorts(file: string): { mariadb?: number; redis?: number } {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}
