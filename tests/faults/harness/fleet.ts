import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { bareEnvironment } from '#support/bare-environment.ts'
import { createGuard } from '../../../scripts/servers/guard.ts'
import type { Order, Report, Task } from './protocol.ts'

/** Worker processes of a test: started, killed, stopped, continued, ended. All of them end with the test, however it ends. */
export interface Fleet {
  launch(task: Omit<Task, 'name'>): Worker
  /** Those that have not ended. */
  readonly workers: readonly Worker[]
  /** Those that work: neither starting nor stopped. */
  readonly working: readonly Worker[]
  tellAll(order: Order): void
  /** Ends every worker the polite way, and by kill -9 whoever takes longer than 20 s. */
  close(): Promise<void>
}

export interface Worker {
  readonly name: string
  readonly task: Omit<Task, 'name'>
  readonly pid: number
  readonly state: 'starting' | 'working' | 'stopped' | 'ended'
  /** `performance.now()` of the moment it began to start its events. */
  readonly startedAt: number | undefined
  readonly ready: Promise<void>
  /** Resolves when it has ended, with the exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>
  tell(order: Order): void
  /** kill -9. */
  kill(): Promise<number | null>
  /** SIGSTOP: it stands still in the middle of whatever it does. */
  stop(): void
  continue(): void
  /** SIGTERM. */
  terminate(): Promise<number | null>
}

export interface FleetNeeds {
  heard(worker: Worker, report: Report): void
}

/** The program of the workers in one file: it starts in a tenth of a second and in a fifth of the memory. */
async function buildProgram(folder: string): Promise<string> {
  const root = resolve(import.meta.dirname, '../../..')
  const program = join(folder, 'worker.mjs')
  await promisify(execFile)(join(root, 'node_modules/.bin/esbuild'), [
    join(import.meta.dirname, 'worker.ts'),
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--target=node24',
    `--outfile=${program}`,
    // Some dependencies are CommonJS and call `require` for what Node itself brings.
    "--banner:js=import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
    '--log-level=error',
  ])
  return program
}

export async function createFleet({ heard }: FleetNeeds): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-fleet-'))
  const guard = createGuard(2)
  guard.watch([], [folder])
  const program = await buildProgram(folder)
  const workers = new Map<string, Worker>()
  const watch = (): void => guard.watch([...workers.values()].map(({ pid }) => pid))
  let launched = 0

  function launch(task: Omit<Task, 'name'>): Worker {
    launched += 1
    const name = String(launched)
    const child = spawn(process.execPath, ['--no-warnings', program, JSON.stringify({ ...task, name })], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: bareEnvironment,
    })
    const worker = follow(child, name, task)
    workers.set(name, worker)
    watch()
    void worker.ended.then(() => {
      workers.delete(name)
      watch()
    })
    return worker
  }

  function follow(child: ChildProcess, name: string, task: Omit<Task, 'name'>): Worker {
    let state: Worker['state'] = 'starting'
    let startedAt: number | undefined
    const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
    // Not `exit`: what it said last may still be on its way.
    const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
    void ended.then(() => {
      state = 'ended'
      isReady()
    })
    const send = (signal: NodeJS.Signals): void => void child.kill(signal)
    const worker: Worker = {
      name,
      task,
      pid: child.pid ?? 0,
      get state() {
        return state
      },
      get startedAt() {
        return startedAt
      },
      ready,
      ended,
      tell: (order) => void (child.stdin?.writable && child.stdin.write(`${order}\n`)),
      kill() {
        state = 'ended'
        send('SIGKILL')
        return ended
      },
      stop() {
        if (state === 'working') state = 'stopped'
        send('SIGSTOP')
      },
      continue() {
        if (state === 'stopped') state = 'working'
        send('SIGCONT')
      },
      terminate() {
        send('SIGCONT')
        send('SIGTERM')
        return ended
      },
    }
    child.stdin?.on('error', () => {})
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const report = parse(line)
        if (report?.kind === 'starting') startedAt = performance.now()
        if (report?.kind === 'ready') {
          if (state === 'starting') state = 'working'
          isReady()
        }
        if (report) heard(worker, report)
      })
    return worker
  }

  return {
    launch,
    get workers() {
      return [...workers.values()].filter(({ state }) => state !== 'ended')
    },
    get working() {
      return [...workers.values()].filter(({ state }) => state === 'working')
    },
    tellAll(order) {
      for (const worker of workers.values()) worker.tell(order)
    },
    async close() {
      await Promise.all(
        [...workers.values()].map(async (worker) => {
          const timer = setTimeout(() => void worker.kill(), 20_000)
          await worker.terminate()
          clearTimeout(timer)
        }),
      )
      rmSync(folder, { recursive: true, force: true })
      guard.dismiss()
    },
  }
}

/** The last line of a killed process may be half a line. */
function parse(line: string): Report | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
