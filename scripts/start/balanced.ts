import { join } from 'node:path'
import { type Haproxy, leavingMs, startHaproxy } from '../servers/haproxy.ts'
import { launchApi } from './api.ts'
import type { StartSettings } from './environment.ts'
import { type KeptProcess, keepRunning } from './kept-process.ts'
import { type PlannedProcess, type ProcessKind, planProcesses } from './topologies.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Several API processes behind one address. */
export interface Balanced {
  readonly pids: readonly number[]
  /** Which process hosts what and where, a line each. */
  describe(): string[]
  showLog(): void
  /** The balancer takes no more, the processes answer what they have begun, and all of them end. */
  stop(): Promise<void>
  kill(): void
}

interface Wanted {
  kinds: readonly ProcessKind[]
  settings: StartSettings
  publicUrl: string
  haproxy: string
  program: readonly string[]
  environment: Environment
  /** For the first start only: no process that comes later is told again. */
  firstEnvironment: Environment
  say: (line: string) => void
  write: (line: string) => void
  /** Called whenever other processes run than before. */
  changed: () => void
  /** The balancer is gone; nothing can be reached any more. */
  lost: () => void
}

/** A way to end what has been started is there at once; `ready` settles when all of it serves, and rejects when one does not. */
export async function startBalanced(wanted: Wanted): Promise<Balanced & { ready: Promise<void> }> {
  const { settings, publicUrl, say, changed } = wanted
  const plan = await planProcesses(wanted.kinds, settings)
  const kept = plan.map((planned) => keep(planned, wanted))
  let balancer: Haproxy | undefined
  let watch: NodeJS.Timeout | undefined
  let isStopping = false

  async function becomeReady(): Promise<void> {
    await Promise.all(kept.map(({ ready }) => ready))
    if (isStopping) return
    const { host, port, dataDir } = settings
    balancer = await startHaproxy({ binary: wanted.haproxy, folder: join(dataDir, 'haproxy'), host, port, publicUrl, upstreams: plan })
    changed()
    watch = setInterval(() => {
      if (!balancer?.hasEnded() || isStopping) return
      clearInterval(watch)
      say(`The balancer ended by itself; its last words are in ${join(dataDir, 'haproxy/haproxy.log')}. Stopping the rest.`)
      wanted.lost()
    }, 250)
  }

  return {
    ready: becomeReady(),
    get pids() {
      // The balancer first: it gives the public port back at once.
      return [...(balancer ? [balancer.pid] : []), ...kept.map(({ pid }) => pid)]
    },
    describe: () => describe(plan, kept, balancer),
    showLog: () => {
      for (const one of kept) one.showLog()
    },
    stop: async () => {
      isStopping = true
      clearInterval(watch)
      balancer?.leave()
      await Promise.all(kept.map((one) => one.stop()))
      await balancer?.stop()
    },
    kill: () => {
      for (const one of kept) one.kill()
    },
  }
}

function keep(planned: PlannedProcess, { program, environment, firstEnvironment, publicUrl, say, write, changed }: Wanted): KeptProcess {
  const { name } = planned
  return keepRunning({
    name,
    launch: (isFirst) =>
      launchApi({
        args: program,
        environment: { ...environment, ...(isFirst ? firstEnvironment : {}), ...processEnvironment(planned, environment, publicUrl) },
        write: (line) => write(`${name} ${line}`),
      }),
    say,
    changed,
  })
}

/** What makes a process the one of the plan: its modules, its ports, and that a balancer stands before it. */
export function processEnvironment(planned: PlannedProcess, environment: Environment, publicUrl: string): Environment {
  return {
    MODULES: planned.modules.join(','),
    REPLICAS: String(planned.count),
    HOST: '127.0.0.1',
    PORT: String(planned.port),
    INTERNAL_HOST: '127.0.0.1',
    INTERNAL_PORT: String(planned.internalPort),
    PUBLIC_URL: publicUrl,
    TRUST_PROXY: '127.0.0.1',
    DRAIN_DELAY_MS: environment.DRAIN_DELAY_MS || String(leavingMs),
  }
}

function describe(plan: readonly PlannedProcess[], kept: readonly KeptProcess[], balancer: Haproxy | undefined): string[] {
  const processes = plan.map(({ name, modules, port, internalPort }, index) => {
    const pid = kept[index]?.pid
    return `${name}  ${modules.join(', ')}  on ${port}, internal ${internalPort} (pid ${pid})`
  })
  return [...processes, `balancer  HAProxy (pid ${balancer?.pid})`]
}
