import type { TestProject } from 'vitest/node'
import { bundle } from '../../scripts/bundle.ts'
import { redisCommand } from './redis-command.ts'
import { privateMariaDb, privateRedis, type TestServers } from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    servers: TestServers
  }
}

/**
 * One MariaDB and one Redis for the whole run; tests make schemas and key prefixes of their own in them. Redis is a cluster of one,
 * so that whatever a test does there holds on a cluster, and processes have accounts with no more rights than they need: the run fails
 * when a command reached over two slots or was refused to an account, even where whoever sent it went on without Redis. Processes are
 * started from the bundle, as production does it: it needs a third of the time that the sources do.
 */
export default async function startTestServers(project: TestProject): Promise<() => Promise<void>> {
  const [mariadb, redis] = await Promise.all([privateMariaDb(), privateRedis({ cluster: true }), bundle()])
  const { host, port, rootUser, rootPassword } = mariadb.server
  project.provide('servers', {
    mariadb: { host, port, rootUser, rootPassword },
    redis: { host: redis.server.host, port: redis.server.port, password: redis.server.password },
  })
  return async () => {
    const errors = String(await redisCommand(redis.server, 'INFO', 'errorstats'))
    const refused = await redisCommand(redis.server, 'ACL', 'LOG')
    await Promise.all([mariadb.remove(), redis.remove()])
    if (/CROSSSLOT|NOPERM/.test(errors)) throw new Error(`Redis refused what was asked of it: ${errors} ${JSON.stringify(refused)}`)
  }
}
