import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { unlimitedRates } from '#support/environment.ts'
import { freePort, isPortFree } from '../../scripts/servers/ports.ts'
import { until } from '../../scripts/servers/processes.ts'

/** `npm start` as a person runs it, with a data folder and ports of its own. */

const root = resolve(import.meta.dirname, '../..')

export interface StartProcess {
  readonly child: ChildProcess
  readonly url: string
  /** All it wrote so far. */
  output(): string
  /** Resolves when the banner is there; throws with the output when it ended before. */
  ready(): Promise<void>
  exit(): Promise<number | null>
}

export interface Installation {
  readonly dataDir: string
  start(environment?: Record<string, string>, options?: readonly string[]): Promise<StartProcess>
  /** Every process that belongs to this data folder, however it came to be. */
  processes(): number[]
  remove(): Promise<void>
}

export async function createInstallation(): Promise<Installation> {
  const dataDir = join(mkdtempSync(join(tmpdir(), 'bulkhead-start-')), 'data')
  const children: ChildProcess[] = []
  const ports = { PORT: String(await freePort()), INTERNAL_PORT: String(await freePort()) }
  const processes = (): number[] => processesOf(dataDir)
  return {
    dataDir,
    processes,
    start: async (environment = {}, options = []) => {
      const { NODE_ENV: _test, VITEST: _vitest, ...inherited } = process.env
      const child = spawn(process.execPath, ['scripts/start.mjs', ...options], {
        cwd: root,
        env: { ...inherited, ...ports, BULKHEAD_DATA_DIR: dataDir, DEMO_DATA: 'off', ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      children.push(child)
      return follow(child, `http://127.0.0.1:${environment.PORT ?? ports.PORT}`)
    },
    remove: async () => {
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await until(() => processes().length === 0, 20_000)
      rmSync(resolve(dataDir, '..'), { recursive: true, force: true })
    },
  }
}

/** Of an installation under load: whether a busy machine sheds load, or lets nobody wait for a connection, is asked elsewhere. */
export const settingsUnderLoad = (base: number) => ({
  PORT: `${base}`,
  INTERNAL_PORT: `${base + 10}`,
  DEMO_DATA: 'on',
  NODE_ENV: 'test',
  DB_POOL_SIZE: '16',
  LOG_LEVEL: 'warn',
  AUTH_ACCESS_TTL_SECONDS: '3600',
  ...unlimitedRates,
})

/** The first of 20 that are probably free, below those that the system gives to connections: a process that comes back needs its own again. */
export async function quietPorts(): Promise<number> {
  for (;;) {
    const base = 20_000 + 20 * Math.floor(Math.random() * 600)
    if ((await isPortFree(base)) && (await isPortFree(base + 10))) return base
  }
}

function follow(child: ChildProcess, url: string): StartProcess {
  const lines: string[] = []
  child.stdout?.on('data', (bytes) => lines.push(String(bytes)))
  child.stderr?.on('data', (bytes) => lines.push(String(bytes)))
  const output = (): string => lines.join('')
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    url,
    output,
    ready: async () => {
      await until(() => output().includes('Bulkhead is ready') || hasEnded(), 60_000)
      if (!output().includes('Bulkhead is ready')) throw new Error(`not ready:\n${output()}`)
    },
    exit: async () => {
      if (!hasEnded()) await once(child, 'close')
      return child.exitCode
    },
  }
}

function processesOf(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => ['environ', 'cmdline'].some((file) => readProc(name, file).includes(dataDir)))
    .map(Number)
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
