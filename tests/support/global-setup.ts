import type { TestProject } from 'vitest/node'
import { privateMariaDb, privateRedis, type TestServers } from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    servers: TestServers
  }
}

/** One MariaDB and one Redis for the whole run; tests make schemas and key prefixes of their own in them. */
export default async function startTestServers(project: TestProject): Promise<() => Promise<void>> {
  const [mariadb, redis] = await Promise.all([privateMariaDb(), privateRedis()])
  const { host, port, rootUser, rootPassword } = mariadb.server
  project.provide('servers', {
    mariadb: { host, port, rootUser, rootPassword },
    redis: { host: redis.server.host, port: redis.server.port, password: redis.server.password },
  })
  return async () => {
    await Promise.all([mariadb.remove(), redis.remove()])
  }
}
