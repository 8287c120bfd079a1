import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApi, type Page } from '../../scripts/api.ts'
import { type DemoLogin, demoShipment } from '../../scripts/seed.ts'
import { until } from '../../scripts/servers/processes.ts'
import { rowsOf } from '../start/installation-database.ts'
import { createInstallation, type Installation, quietPorts, type StartProcess, settingsUnderLoad } from '../start/start-process.ts'
import { type LoadReport, type SteadyLoad, startLoad } from './steady-load.ts'

/** The full form restarts each process 17 times and sends 20,000 requests at least; the short one goes round once. */
const isFull = process.env.TOPOLOGIES === 'full'
const rounds = isFull ? 17 : 1
const atLeast = isFull ? 20_000 : 500
const names = ['api-1', 'api-2', 'api-3']

/** The processes of `npm start` are found in /proc. */
describe.runIf(process.platform === 'linux')('npm start -- --topology replicas3', { timeout: isFull ? 900_000 : 90_000 }, () => {
  let installation: Installation
  let run: StartProcess
  let token: string
  let customerId: number

  beforeAll(async () => {
    installation = await createInstallation()
    const base = await quietPorts()
    run = await installation.start(settingsUnderLoad(base), ['--topology', 'replicas3'])
    await run.ready()
    const api = createApi(run.url)
    const { email, password } = loginOf('customer')
    const { body } = await api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })
    token = body.accessToken
    const mine = await api.as(token).call<Page<{ id: number }>>('GET', '/v1/customers?limit=1')
    customerId = mine.body.data[0]?.id ?? 0
  }, 90_000)
  afterAll(() => installation?.remove(), 60_000)

  function loginOf(role: string): DemoLogin {
    const logins: DemoLogin[] = JSON.parse(readFileSync(join(installation.dataDir, 'demo.json'), 'utf8'))
    const found = logins.find((login) => login.role === role)
    if (!found) throw new TypeError(`no log-in of ${role}`)
    return found
  }

  const load = (): SteadyLoad =>
    startLoad({
      url: run.url,
      token,
      reads: ['/v1/auth/me', '/v1/customers?limit=10', '/v1/quotes?limit=5', '/v1/carriers?limit=5'],
      write: { path: '/v1/quotes', body: { customerId, ...demoShipment() } },
    })

  /** Quotes there are: what a write that took effect leaves behind, once or more often. */
  async function countQuotes(): Promise<number> {
    const [row] = await rowsOf(installation.dataDir, 'PRICING_DB', 'SELECT COUNT(*) AS n FROM quotes')
    return Number(row?.n)
  }

  /** The process that now bears the name: the last one that the output speaks of. */
  function pidOf(name: string): number {
    const said = [...run.output().matchAll(new RegExp(`^ *${name} .*\\(pid (\\d+)\\)`, 'gm'))]
    return Number(said.at(-1)?.[1])
  }

  /** Sends the signal, and waits until another process serves in its place. */
  async function restart(name: string, signal: NodeJS.Signals): Promise<void> {
    const before = pidOf(name)
    process.kill(before, signal)
    if (!(await until(() => pidOf(name) !== before, 60_000))) throw new Error(`${name} did not come back:\n${run.output().slice(-2_000)}`)
  }

  const executions = ({ written }: LoadReport): unknown[] => [...written.values()].flat()

  it('says which process hosts what, and all of them answer at one address', async () => {
    expect(run.output()).toMatch(/api-2 {2}auth, user, customer, carrier, pricing {2}on \d+, internal \d+ \(pid \d+\)/)
    expect(new Set(names.map(pidOf)).size).toBe(3)
    const answer = await fetch(`${run.url}/health/ready`)
    expect([answer.status, answer.headers.get('keep-alive')]).toEqual([200, null])
  })

  it('TP-06: each of three processes is restarted under steady load: no request fails, no write is executed twice', async () => {
    const quotesBefore = await countQuotes()
    const steady = load()

    for (let round = 0; round < rounds; round += 1) for (const name of names) await restart(name, 'SIGTERM')
    await until(() => steady.sent >= atLeast, 300_000)
    const report = await steady.stop()

    if (isFull) console.info(`${rounds * names.length} restarts, ${report.reads} reads, ${report.written.size} writes`)
    expect([...report.failedReads, ...report.failedWrites].slice(0, 10)).toEqual([])
    expect(report.reads + report.written.size).toBeGreaterThanOrEqual(atLeast)
    expect(report.replayed).toBe(0)
    expect(new Set(executions(report)).size).toBe(report.written.size)
    expect((await countQuotes()) - quotesBefore).toBe(report.written.size)
  })

  it('a process that is killed costs no read; a write whose answer was lost is found again by its key; another takes its place', async () => {
    const quotesBefore = await countQuotes()
    const steady = load()
    await until(() => steady.sent > 100, 30_000)

    await restart('api-2', 'SIGKILL')
    const report = await steady.stop()

    expect(report.failedReads).toEqual([])
    // On a connection that was kept, a balancer hangs up where the answer to a first request would be 502.
    expect(report.failedWrites.filter((failure) => !/"code":"DEPENDENCY_UNAVAILABLE"|UND_ERR_SOCKET/.test(failure))).toEqual([])
    expect(new Set(executions(report)).size).toBe(report.written.size)
    expect((await countQuotes()) - quotesBefore).toBe(report.written.size)
    expect(run.output()).toContain('api-2 ended (SIGKILL); it is started again.')
  })

  it('Ctrl-C leaves no process', async () => {
    run.child.kill('SIGINT')

    expect(await run.exit()).toBe(0)
    expect(await until(() => installation.processes().length === 0, 30_000)).toBe(true)
  })
})
