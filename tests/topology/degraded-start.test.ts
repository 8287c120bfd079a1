import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DatabaseName } from '#platform/config.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { firstAdmin } from '#support/environment.ts'
import { type RunningProcess, startProcess } from '#support/process.ts'
import { createTcpProxy, type TcpProxy } from '#support/tcp-proxy.ts'

/** A database that comes later than the process, and later still with the schema that the process needs. */
describe('TP-19: a process that starts while a database is away', { timeout: 90_000 }, () => {
  let databases: TestDatabases
  const running: RunningProcess[] = []
  const lines: TcpProxy[] = []
  beforeAll(async () => {
    databases = await createTestDatabases()
  })
  afterAll(async () => {
    await Promise.all(running.map((process) => process.kill()))
    await Promise.all(lines.map((line) => line.close()))
    await databases.drop()
  })

  /** The process, and the line to the one database, which is cut. */
  async function startWithout(name: DatabaseName, portSetting: string): Promise<{ process: RunningProcess; line: TcpProxy }> {
    const line = await createTcpProxy(databases.settings[name])
    lines.push(line)
    line.refuse()
    const process = await startProcess(databases, { [portSetting]: String(line.port) })
    running.push(process)
    return { process, line }
  }
  type Answer = Record<'code' | 'detail' | 'accessToken', string>
  const ask = async ({ url }: RunningProcess, path: string, token?: string): Promise<[number, string]> => {
    const answer = await fetch(url + path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    const { code, detail } = (await answer.json()) as Answer
    return [answer.status, `${code} ${detail}`]
  }
  async function logIn({ url }: RunningProcess): Promise<{ status: number; token: string; detail: string }> {
    const answer = await fetch(`${url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(firstAdmin),
    })
    const { accessToken: token, detail } = (await answer.json()) as Answer
    return { status: answer.status, token, detail }
  }

  it('user and auth are brought up when theirs comes: the first administrator can log in', async () => {
    const { process, line } = await startWithout('shared_user_db', 'SHARED_DB_PORT')

    const before = await logIn(process)
    const ready = await Promise.all(['', '?module=carrier', '?module=auth'].map((query) => fetch(`${process.url}/health/ready${query}`)))
    line.heal()

    expect(before).toMatchObject({ status: 503, detail: 'The dependency auth does not answer. Repeat the request later.' })
    expect(ready.map(({ status }) => status)).toEqual([200, 200, 503])
    await expect.poll(async () => (await logIn(process)).status, { timeout: 5_000 }).toBe(200)
    await process.terminate()
  })

  it('costs its own module 503 with its name, nobody else anything; it serves when the database is there and its schema is right', async () => {
    const { process, line } = await startWithout('customer_service_db', 'CUSTOMER_DB_PORT')
    const { token } = await logIn(process)
    const away = [503, 'DEPENDENCY_UNAVAILABLE The dependency customer does not answer. Repeat the request later.']

    const whileAway = await Promise.all(['customers', 'users', 'carriers', 'quotes'].map((path) => ask(process, `/v1/${path}`, token)))
    const { schema } = databases.settings.customer_service_db
    const [last] = (await databases.asRoot(
      `SELECT * FROM ${schema}.schema_history ORDER BY tag DESC, statement DESC LIMIT 1`,
      'customer_service_db',
    )) as { tag: string; statement: number }[]
    const finish = (when: string): Promise<unknown> =>
      databases.asRoot(
        `UPDATE ${schema}.schema_history SET finished_at = ${when} WHERE tag = '${last?.tag}' AND statement = ${last?.statement}`,
        'customer_service_db',
      )
    await finish('NULL')
    line.heal()
    await expect.poll(() => process.log.join('\n'), { timeout: 5_000 }).toContain('schema is behind, waiting for its migrations')
    const whileBehind = await ask(process, '/v1/customers', token)
    await finish('NOW()')

    expect(whileAway.map(([status]) => status)).toEqual([503, 200, 200, 200])
    expect([whileAway[0], whileBehind]).toEqual([away, away])
    await expect.poll(async () => (await ask(process, '/v1/customers', token))[0], { timeout: 5_000 }).toBe(200)
    await expect.poll(async () => (await fetch(`${process.url}/health/ready?module=customer`)).status, { timeout: 5_000 }).toBe(200)
  })
})
