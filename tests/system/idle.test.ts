import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { until } from '#support/event-world.ts'
import { type RunningProcess, startProcess } from '#support/process.ts'
import { redisCommand } from '#support/redis-command.ts'
import { privateMariaDb, privateRedis } from '#support/servers.ts'

/** What the process asks of its servers while nobody asks anything of it, by the servers' own account. */

let mariadb: Awaited<ReturnType<typeof privateMariaDb>>
let redis: Awaited<ReturnType<typeof privateRedis>>
let databases: TestDatabases
let running: RunningProcess

beforeAll(async () => {
  ;[mariadb, redis] = await Promise.all([privateMariaDb({ extraArgs: ['--general-log=1', '--log-output=TABLE'] }), privateRedis()])
  const { server } = mariadb
  databases = await createTestDatabases({
    servers: { shared_user_db: server, customer_service_db: server, carrier_service_db: server, pricing_service_db: server },
  })
  const { host, port, password } = redis.server
  running = await startProcess(databases, { REDIS_HOST: host, REDIS_PORT: String(port), REDIS_PASSWORD: password })
})
afterAll(async () => {
  await running?.kill()
  await Promise.all([mariadb?.remove(), redis?.remove()])
})

const rows = async (statement: string): Promise<Record<string, unknown>[]> => {
  const result = await databases.asRoot(statement)
  return Array.isArray(result) ? result : []
}

/** When the process looked for pending events of one of its databases, in seconds, newest first. */
async function looks(): Promise<number[]> {
  const { username } = databases.settings.pricing_service_db
  const found = await rows(`SELECT UNIX_TIMESTAMP(event_time) AS at FROM mysql.general_log
    WHERE user_host LIKE '${username}%' AND command_type = 'Execute' AND argument LIKE '%outbox_sequence s WHERE g.id%' ORDER BY event_time DESC`)
  return found.map(({ at }) => Number(at))
}

async function redisCalls(): Promise<number> {
  const { host, port, password } = redis.server
  const text = String(await redisCommand({ host, port, password }, 'INFO', 'commandstats'))
  const calls = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
  // Those that this very question makes.
  return calls
    .filter(([, name = '']) => !/^(info|auth|hello|client|select)/.test(name))
    .reduce((sum, [, , count]) => sum + Number(count), 0)
}

it('EV-23: an idle process sends at most 8 statements and 1 Redis command a second', { timeout: 60_000 }, async () => {
  await until(async () => {
    const [last = 0, before = last] = await looks()
    return last - before > 1.9
  }, 'looks that have become rare')
  const [begin = 0] = await looks()
  const [commands, started] = [await redisCalls(), performance.now()]
  await until(async () => (await looks()).filter((at) => at > begin).length >= 5, 'five more looks')
  const commandsPerSecond = ((await redisCalls()) - commands) / ((performance.now() - started) / 1_000)

  // From look to look, so that it does not matter when we began.
  const end = (await looks()).toReversed().find((at) => at > begin + 9.5) ?? 0
  const sent = await rows(`SELECT LEFT(argument, 80) AS statement, COUNT(*) AS times FROM mysql.general_log
    WHERE user_host NOT LIKE 'root%' AND command_type IN ('Query', 'Prepare', 'Execute')
      AND event_time > FROM_UNIXTIME(${begin}) AND event_time <= FROM_UNIXTIME(${end}) GROUP BY 1 ORDER BY 2 DESC`)
  const statementsPerSecond = sent.reduce((sum, { times }) => sum + Number(times), 0) / (end - begin)

  expect(end - begin).toBeGreaterThan(9)
  expect(statementsPerSecond, JSON.stringify(sent, undefined, 2)).toBeLessThanOrEqual(8)
  expect(commandsPerSecond).toBeLessThanOrEqual(1)
})
