import type { Log } from './logging.ts'

/**
 * The end of the process: first not ready, then every client sent on its way, then everything closed in order, and out. A
 * second signal means now; a step that hangs is named, and the process leaves all the same.
 */
export interface ShutdownStep {
  /** Named in the log when it hangs. */
  name: string
  run(): void | Promise<void>
}

export interface ShutdownOptions {
  log: Log
  /** In order. Each is tried, whatever became of those before. */
  steps: readonly ShutdownStep[]
  /** What is still at work, for the log of a hard exit. */
  stillRunning?: () => readonly string[]
  hardExitMs?: number
  /** Signals closer together are one: npm and the terminal both send Ctrl-C. */
  sameSignalMs?: number
  process?: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>
}

export interface Shutdown {
  /** Ends the process as a signal would; the code is that of the exit. */
  begin(reason: string, code?: number): void
  readonly isUnderWay: boolean
}

export function installShutdown(options: ShutdownOptions): Shutdown {
  const { log, steps, stillRunning = () => [], hardExitMs = 25_000, sameSignalMs = 1_000, process: host = process } = options
  let startedAt: number | undefined
  let current = 'nothing'
  let hardExit: NodeJS.Timeout | undefined

  function leave(code: number): void {
    clearTimeout(hardExit)
    log.flush()
    host.exit(code)
  }

  async function run(code: number): Promise<void> {
    let failed = false
    for (const step of steps) {
      current = step.name
      try {
        await step.run()
      } catch (error) {
        failed = true
        log.error({ error, step: step.name }, 'shutdown step failed')
      }
    }
    log.info({ ms: Math.round(performance.now() - (startedAt ?? 0)) }, 'shutdown done')
    leave(failed ? 1 : code)
  }

  function begin(reason: string, code = 0): void {
    const now = performance.now()
    if (startedAt !== undefined) {
      if (now - startedAt < sameSignalMs) return
      log.warn({ reason, step: current }, 'second signal: leaving at once')
      leave(1)
      return
    }
    startedAt = now
    log.info({ reason }, 'shutdown begins')
    hardExit = setTimeout(() => {
      log.error({ step: current, stillRunning: stillRunning() }, 'shutdown hangs: leaving')
      leave(1)
    }, hardExitMs)
    void run(code)
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) host.on(signal, () => begin(signal))
  host.on('uncaughtException', (error) => crash('uncaughtException', error))
  host.on('unhandledRejection', (error) => crash('unhandledRejection', error))

  /** The state of the process is unknown: what runs may finish, nothing new begins. */
  function crash(kind: string, error: unknown): void {
    log.error({ error }, kind === 'uncaughtException' ? 'uncaught exception' : 'unhandled rejection')
    if (startedAt === undefined) begin(kind, 1)
  }

  return {
    begin,
    get isUnderWay() {
      return startedAt !== undefined
    },
  }
}
