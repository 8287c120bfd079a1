import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../servers/ports.ts'
import { databases } from '../start/environment.ts'
import { keptSecrets } from '../start/secrets.ts'

/** A system of its own for a measurement: the bundle in production mode on private servers with demo data, and limits that no load reaches. */
export interface BenchSystem {
  url: string
  /** The API's process, whose CPU time is measured. */
  pid: number
  admin: { email: string; password: string }
  demoPassword: string
  customerDatabase: { host: string; port: number; user: string; password: string; schema: string }
  stop(): Promise<void>
}

const unlimited = '1000000'

export async function startBenchSystem(say: (text: string) => void): Promise<BenchSystem> {
  const dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
  const [port, internalPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const launch = (settings: Record<string, string>): ChildProcess =>
    spawn(process.execPath, [resolve(import.meta.dirname, '../start.ts')], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        PORT: String(port),
        INTERNAL_PORT: String(internalPort),
        BULKHEAD_DATA_DIR: dataDir,
        RATE_LIMIT_PER_MINUTE: unlimited,
        RATE_LIMIT_WRITES_PER_MINUTE: unlimited,
        RATE_LIMIT_ANONYMOUS_PER_MINUTE: unlimited,
        ...settings,
      },
    })
  say('starting a system of its own … ')
  // Production takes no demo data: a first start makes it.
  const first = launch({})
  await ready(first)
  await ended(first)
  const child = launch({ NODE_ENV: 'production', PUBLIC_URL: url, AUTH_EMAIL_VERIFICATION: 'off', DRAIN_DELAY_MS: '0' })
  await ready(child)
  say('ready\n')
  const secrets = keptSecrets(
    dataDir,
    databases.map(({ prefix }) => prefix),
  )
  const ports: { mariadb: number } = JSON.parse(readFileSync(join(dataDir, 'ports.json'), 'utf8'))
  return {
    url,
    pid: apiProcess(child.pid ?? 0),
    admin: secrets.admin,
    demoPassword: secrets.demoPassword,
    customerDatabase: {
      host: '127.0.0.1',
      port: ports.mariadb,
      user: 'customer_user',
      password: secrets.databases.CUSTOMER_DB?.account ?? '',
      schema: 'customer_service_db',
    },
    async stop() {
      await ended(child)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await exit
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    child.once('exit', (code) => failed(new Error(`the system to measure ended with ${code}`)))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('Bulkhead is ready') && done())
  })
}

/** The child of the start that runs the bundle. */
function apiProcess(start: number): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const parent = Number(readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
      if (parent === start && readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes('server.mjs')) return Number(entry)
    } catch {
      // Processes come and go while we look.
    }
  }
  throw new Error('the process of the API was not found; the benchmark reads /proc and needs Linux')
}
