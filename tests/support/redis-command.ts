import { Redis } from 'ioredis'

/** One command as the administrator of the test server, for what no module may do. */
export async function redisCommand(
  server: { host: string; port: number; password: string },
  ...command: [string, ...string[]]
): Promise<unknown> {
  const client = new Redis({ ...server, maxRetriesPerRequest: 1 })
  try {
    return await client.call(...command)
  } finally {
    client.disconnect()
  }
}
