import { statfs } from 'node:fs/promises'
import type { Log } from './logging.ts'

/**
 * What the process says about itself. Whether it lives touches nothing; whether it takes requests depends on itself alone; a
 * database that is away makes it degraded, not unready, because replicas must not all leave at once. Components are looked at
 * in the background, so an answer costs nothing and no probe can pile up.
 */
export interface Component {
  name: string
  /** Modules that do not work without it. */
  modules: readonly string[]
  /** Rejects when it is away; resolves to the milliseconds it took, or to why it is only half there. */
  probe(): Promise<{ latencyMs: number; degraded?: string }>
}

export type Phase = 'starting' | 'ready' | 'draining'

export interface ComponentState {
  name: string
  status: 'ok' | 'degraded' | 'down' | 'unknown'
  latencyMs: number | null
  /** Since when it has this status. */
  since: string
  reason: string | null
}

export interface HealthReport {
  status: 'ok' | 'degraded'
  phase: Phase
  components: ComponentState[]
}

export interface Health {
  add(component: Component): void
  /** Migrations are at the expected version and the listener is open. */
  started(): void
  /** From now on not ready. */
  drain(): void
  readonly phase: Phase
  readonly isStarted: boolean
  report(): HealthReport
  /** False when a component the module needs is away; undefined for a module nobody knows. */
  isModuleServing(module: string): boolean | undefined
  /** Looks at every component once; afterwards in the background until stop. */
  start(): Promise<void>
  stop(): void
}

export interface HealthOptions {
  log: Log
  modules: readonly string[]
  /** Between two looks while something is away; twice as long while all is well. */
  everyMs?: number
  probeMs?: number
}

export function createHealth({ log, modules, everyMs = 1_000, probeMs = 2_000 }: HealthOptions): Health {
  const components = new Map<string, { component: Component; state: ComponentState; probing: boolean }>()
  let phase: Phase = 'starting'
  let isStarted = false
  let timer: NodeJS.Timeout | undefined

  async function look(name: string): Promise<void> {
    const entry = components.get(name)
    if (!entry || entry.probing) return
    entry.probing = true
    let found: Pick<ComponentState, 'status' | 'latencyMs' | 'reason'>
    try {
      const { latencyMs, degraded } = await withinTime(entry.component.probe(), probeMs)
      found = { status: degraded === undefined ? 'ok' : 'degraded', latencyMs: Math.round(latencyMs * 100) / 100, reason: degraded ?? null }
    } catch (error) {
      found = { status: 'down', latencyMs: null, reason: 'does not answer' }
      if (entry.state.status !== 'down') log.warn({ component: name, error }, 'component is away')
    } finally {
      entry.probing = false
    }
    if (entry.state.status === 'down' && found.status !== 'down') log.info({ component: name }, 'component is back')
    const since = found.status === entry.state.status ? entry.state.since : new Date().toISOString()
    entry.state = { name, since, ...found }
  }

  const lookAtAll = async (): Promise<void> => {
    await Promise.all([...components.keys()].map(look))
  }

  function schedule(): void {
    const calm = [...components.values()].every(({ state }) => state.status === 'ok')
    timer = setTimeout(
      () => {
        void lookAtAll()
        schedule()
      },
      calm ? 2 * everyMs : everyMs,
    ).unref()
  }

  return {
    add: (component) => {
      const state: ComponentState = {
        name: component.name,
        status: 'unknown',
        latencyMs: null,
        since: new Date().toISOString(),
        reason: null,
      }
      components.set(component.name, { component, state, probing: false })
    },
    started: () => {
      isStarted = true
      if (phase === 'starting') phase = 'ready'
    },
    drain: () => {
      phase = 'draining'
    },
    get phase() {
      return phase
    },
    get isStarted() {
      return isStarted
    },
    report: () => {
      const states = [...components.values()].map(({ state }) => state)
      const status = states.some((state) => state.status === 'down' || state.status === 'degraded') ? 'degraded' : 'ok'
      return { status, phase, components: states }
    },
    isModuleServing: (module) => {
      if (!modules.includes(module)) return undefined
      return ![...components.values()].some(({ component, state }) => state.status === 'down' && component.modules.includes(module))
    },
    start: async () => {
      schedule()
      await lookAtAll()
    },
    stop: () => clearTimeout(timer),
  }
}

/** Warns before a full disk stops a database that keeps its data beside us. */
export function diskComponent(path: string, minimum = 0.1): Component {
  return {
    name: 'disk',
    modules: [],
    probe: async () => {
      const started = performance.now()
      const { bavail, blocks } = await statfs(path)
      const latencyMs = performance.now() - started
      return bavail / blocks < minimum ? { latencyMs, degraded: 'disk_low' } : { latencyMs }
    },
  }
}

async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
