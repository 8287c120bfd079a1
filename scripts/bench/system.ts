import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseEnv } from 'node:util'
import { freePort } from '../servers/ports.ts'
import { databases } from '../start/environment.ts'
import { keptSecrets } from '../start/secrets.ts'

/** A system of its own for a measurement: the bundle in production mode on private servers with demo data, and limits that no load reaches. */
export interface BenchSystem {
  url: string
  /** The processes of the API, whose CPU time is measured, by name; the only one of a plain start is called `api`. */
  processes: ReadonlyMap<string, BenchProcess>
  admin: { email: string; password: string }
  demoPassword: string
  customerDatabase: { host: string; port: number; user: string; password: string; schema: string }
  stop(): Promise<void>
}

export interface BenchProcess {
  pid: number
  /** Its own address, without a balancer in between. */
  url: string
}

/** Demo data to measure on, for any number of systems. */
export interface BenchData {
  start(topology?: string): Promise<BenchSystem>
  remove(): void
}

const unlimited = '1000000'

export async function prepareBenchData(): Promise<BenchData> {
  const template = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
  const folders = [template]
  // Production takes no demo data: a first start makes it.
  const first = await launch(template, {})
  await first.ready
  await ended(first.child)
  return {
    start(topology) {
      const dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
      folders.push(dataDir)
      cpSync(template, dataDir, { recursive: true })
      return startSystem(dataDir, topology)
    },
    remove() {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startSystem(dataDir: string, topology: string | undefined): Promise<BenchSystem> {
  const { child, url, ready } = await launch(
    dataDir,
    { NODE_ENV: 'production', AUTH_EMAIL_VERIFICATION: 'off', DRAIN_DELAY_MS: '0' },
    topology,
  )
  await ready
  const secrets = keptSecrets(
    dataDir,
    databases.map(({ prefix }) => prefix),
  )
  const ports: { mariadb: number } = JSON.parse(readFileSync(join(dataDir, 'ports.json'), 'utf8'))
  return {
    url,
    processes:
      topology === undefined ? new Map([['api', { pid: apiProcess(child.pid ?? 0), url }]]) : processesIn(join(dataDir, 'processes')),
    admin: secrets.admin,
    demoPassword: secrets.demoPassword,
    customerDatabase: {
      host: '127.0.0.1',
      port: ports.mariadb,
      user: 'customer_user',
      password: secrets.databases.CUSTOMER_DB?.account ?? '',
      schema: 'customer_service_db',
    },
    stop: () => ended(child),
  }
}

async function launch(dataDir: string, settings: Record<string, string>, topology?: string) {
  const [port, internalPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const program = resolve(import.meta.dirname, '../start.ts')
  const child = spawn(process.execPath, [program, ...(topology === undefined ? [] : ['--topology', topology])], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      PORT: String(port),
      INTERNAL_PORT: String(internalPort),
      PUBLIC_URL: url,
      BULKHEAD_DATA_DIR: dataDir,
      RATE_LIMIT_PER_MINUTE: unlimited,
      RATE_LIMIT_WRITES_PER_MINUTE: unlimited,
      RATE_LIMIT_ANONYMOUS_PER_MINUTE: unlimited,
      ...settings,
    },
  })
  return { child, url, ready: readiness(child) }
}

/** As the start describes them, a pair of files for each. */
function processesIn(folder: string): ReadonlyMap<string, BenchProcess> {
  const names = readdirSync(folder).flatMap((file) => (file.endsWith('.pid') ? [file.slice(0, -'.pid'.length)] : []))
  return new Map(
    names.sort().map((name) => {
      const { PORT } = parseEnv(readFileSync(join(folder, `${name}.env`), 'utf8'))
      return [name, { pid: Number(readFileSync(join(folder, `${name}.pid`), 'utf8')), url: `http://127.0.0.1:${PORT}` }]
    }),
  )
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await exit
}

function readiness(child: ChildProcess): Promise<void> {
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
