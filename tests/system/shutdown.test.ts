import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { type RunningProcess, startProcess } from '#support/process.ts'
import { createApi, login } from '../../scripts/api.ts'

/** How the real process ends: under load, with something stuck, and before it has begun. */

let databases: TestDatabases
let running: RunningProcess | undefined

beforeAll(async () => {
  databases = await createTestDatabases()
})
afterEach(() => running?.kill())
afterAll(() => databases?.drop())

/** Asks again and again on one connection that is kept, some with pauses, until the answer says to leave. */
async function keepAsking(
  url: string,
  path: string,
  headers: Record<string, string>,
  pauseMs: number,
  answered: () => void,
): Promise<{ failures: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const failures: string[] = []
  for (;;) {
    try {
      const { status, connection } = await ask(new URL(path, url), { agent, headers })
      if (status !== 200) failures.push(`status ${status}`)
      answered()
      if (connection !== 'close') {
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
        continue
      }
    } catch (error) {
      failures.push(error instanceof Error && 'code' in error ? String(error.code) : String(error))
    }
    agent.destroy()
    return { failures }
  }
}

function ask(
  url: URL,
  options: { agent: Agent; headers: Record<string, string> },
): Promise<{ status: number; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(url, options, (answer: IncomingMessage) => {
      answer.resume()
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Sends signals until the process is gone: the first begins its end, those within a second are the same one. */
async function signalUntilGone(target: RunningProcess, name: NodeJS.Signals): Promise<{ code: number | null; ms: number }> {
  const started = performance.now()
  const repeat = setInterval(() => process.kill(target.pid, name), 100)
  process.kill(target.pid, name)
  const code = await target.exited
  clearInterval(repeat)
  return { code, ms: performance.now() - started }
}

function connected(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(socket))
    socket.on('error', () => {})
  })
}

/** A request whose body never comes: it holds the listener open for as long as bodies may take. */
async function holdOpen(url: string): Promise<Socket> {
  const socket = await connected(url)
  const begun = new Promise((resolve) => socket.once('data', resolve))
  socket.write(
    'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n',
  )
  await begun
  return socket
}

describe('SIGTERM', () => {
  it('loses no request of clients that keep their connections, waits for nobody who is silent, and ends the process with 0', async () => {
    running = await startProcess(databases, { DRAIN_DELAY_MS: '400' })
    const { url, admin } = running
    const { body } = await createApi(url).call<{ accessToken: string }>('POST', '/v1/auth/login', { body: admin })
    const headers = { authorization: `Bearer ${body.accessToken}` }
    const paths = ['/v1/customers', '/v1/users', '/health/live', '/v1/auth/me']
    const silent = await connected(url)
    const answers = new Array<number>(12).fill(0)
    const clients = answers.map((_, index) =>
      keepAsking(url, paths[index % paths.length] ?? '', headers, (index % 3) * 25, () => {
        answers[index] = (answers[index] ?? 0) + 1
      }),
    )
    await expect.poll(() => Math.min(...answers), { interval: 10 }).toBeGreaterThan(2)

    const began = performance.now()
    const ended = running.terminate()
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status, { interval: 10 }).toBe(503)
    await expect(login(createApi(url), admin.email, admin.password)).resolves.toBeDefined()
    const code = await ended
    const ms = performance.now() - began

    const told = await Promise.all(clients)
    expect(told.flatMap(({ failures }) => failures)).toEqual([])
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5_000)
    silent.destroy()
  })

  it('again, more than a second later, ends a process with a stuck request at once, with 1', async () => {
    running = await startProcess(databases)
    const stuck = await holdOpen(running.url)

    const { code, ms } = await signalUntilGone(running, 'SIGTERM')

    expect(code).toBe(1)
    expect(ms).toBeGreaterThan(950)
    expect(ms).toBeLessThan(3_000)
    expect(running.log.some((line) => line.includes('second signal') && line.includes('finish requests'))).toBe(true)
    stuck.destroy()
  })

  it('during the start, while migrations are waited for, ends the process with 0', async () => {
    const { schema } = databases.settings.pricing_service_db
    await databases.asRoot(`CREATE TABLE \`${schema}\`.kept AS SELECT * FROM \`${schema}\`.schema_history`)
    await databases.asRoot(`DELETE FROM \`${schema}\`.schema_history`)
    running = await startProcess(databases, {}, /schema is behind/)
    const began = performance.now()

    expect((await fetch(`${running.url}/health/ready`)).status).toBe(503)
    expect(await running.terminate()).toBe(0)

    expect(performance.now() - began).toBeLessThan(3_000)
    await databases.asRoot(`INSERT INTO \`${schema}\`.schema_history SELECT * FROM \`${schema}\`.kept`)
  })
})
