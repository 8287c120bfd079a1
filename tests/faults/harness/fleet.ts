import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
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

const root = resolve(import.meta.dirname, '../../..')

/**
 * The program of the workers in one file: it starts in a tenth of a second and in a fifth of the memory. It is kept under the hash
 * of its sources, so that it is built once, and compiled once.
 */
async function buildProgram(): Promise<string> {
  const program = join(root, `node_modules/.cache/bulkhead/fleet/worker-${sourceHash()}.mjs`)
  if (existsSync(program)) return program
  // Two runs may build it at once: each builds its own, and one moves it into place.
  const draft = `${program}.${process.pid}`
  await promisify(execFile)(join(root, 'node_modules/.bin/esbuild'), [
    join(import.meta.dirname, 'worker.ts'),
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--target=node24',
    `--outfile=${draft}`,
    '--minify',
    '--keep-names',
    // Some dependencies are CommonJS and call `require` for what Node itself brings.
    "--banner:js=import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
    '--log-level=error',
  ])
  renameSync(draft, program)
  return program
}

function sourceHash(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  for (const folder of [join(root, 'src/platform'), import.meta.dirname])
    for (const file of readdirSync(folder).sort())
      if (file.endsWith('.ts') && !file.endsWith('.test.ts')) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

export async function createFleet({ heard }: FleetNeeds): Promise<Fleet> {
  const guard = createGuard(2)
  const program = await buildProgram()
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
