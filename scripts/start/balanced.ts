import { join } from 'node:path'
import { type Backend, type Haproxy, startHaproxy } from '../servers/haproxy.ts'
import { writeServiceKeys } from '../topology/service-keys.ts'
import { type ApiProcess, launchApi } from './api.ts'
import type { StartSettings } from './environment.ts'
import { writeProcessFiles } from './process-files.ts'
import { keepProcesses, type ProcessGroup } from './process-group.ts'
import { processSettings, surroundings } from './process-settings.ts'
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
  /** For the first start of those with auth only: no process that comes later is told again. */
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
  const { host, port, dataDir } = settings
  const plan = await planProcesses(wanted.kinds, settings)
  const files = writeProcessFiles(join(dataDir, 'processes'), settingsOfAll(plan, wanted))
  const processes = keepProcesses({ files, launch: launcher(wanted), say, changed })
  let balancer: Haproxy | undefined
  let watch: NodeJS.Timeout | undefined
  let isStopping = false

  async function becomeReady(): Promise<void> {
    await processes.ready
    if (isStopping) return
    const backends = backendsOf(plan)
    balancer = await startHaproxy({ binary: wanted.haproxy, folder: join(dataDir, 'haproxy'), host, port, publicUrl, backends })
    changed()
    watch = setInterval(look, 250)
  }

  function look(): void {
    if (isStopping) return
    processes.follow()
    if (!balancer?.hasEnded()) return
    clearInterval(watch)
    say(`The balancer ended by itself; its last words are in ${join(dataDir, 'haproxy/haproxy.log')}. Stopping the rest.`)
    wanted.lost()
  }

  return {
    ready: becomeReady(),
    get pids() {
      // The balancer first: it gives the public port back at once.
      return [...(balancer ? [balancer.pid] : []), ...processes.pids]
    },
    describe: () => describe(plan, processes, balancer),
    showLog: () => processes.showLog(),
    stop: async () => {
      isStopping = true
      clearInterval(watch)
      balancer?.leave()
      await processes.stop()
      await balancer?.stop()
    },
    kill: () => processes.kill(),
  }
}

/** The settings of each process, by its name; the keys by which they know each other are made on the way, where there are several kinds. */
function settingsOfAll(plan: readonly PlannedProcess[], { kinds, settings, environment, publicUrl }: Wanted): Record<string, Environment> {
  const keys = join(settings.dataDir, 'keys')
  if (kinds.length > 1) writeServiceKeys(keys, Object.fromEntries(kinds.map(({ name, modules }) => [name, modules])))
  return Object.fromEntries(plan.map((planned) => [planned.name, processSettings(planned, { plan, environment, publicUrl, keys })]))
}

const launcher =
  ({ program, environment, firstEnvironment, write }: Wanted) =>
  (name: string, settings: Environment, isFirst: boolean): ApiProcess => {
    const hostsAuth = settings.MODULES?.split(',').includes('auth')
    return launchApi({
      args: program,
      environment: { ...surroundings(environment), ...settings, ...(isFirst && hostsAuth ? firstEnvironment : {}) },
      write: (line) => write(`${name} ${line}`),
    })
  }

/** Processes of a kind stand behind the balancer together. */
function backendsOf(plan: readonly PlannedProcess[]): Backend[] {
  const byKind = Map.groupBy(plan, ({ kind }) => kind)
  return [...byKind].map(([name, upstreams]) => ({ name, modules: upstreams[0]?.modules ?? [], upstreams }))
}

function describe(plan: readonly PlannedProcess[], processes: ProcessGroup, balancer: Haproxy | undefined): string[] {
  const wide = Math.max(...plan.map(({ name }) => name.length))
  const lines = plan.map(({ name, modules, port, internalPort }) => {
    return `${name.padEnd(wide)}  ${modules.join(', ')}  on ${port}, internal ${internalPort} (pid ${processes.pidOf(name)})`
  })
  return [...lines, `${'balancer'.padEnd(wide)}  HAProxy (pid ${balancer?.pid})`]
}
