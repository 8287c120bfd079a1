import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../servers/failure.ts'
import type { ApiProcess } from './api.ts'

/** An API process that is started again whenever it ends by itself, with the pauses of somebody who does not want to make it worse. */
export interface KeptProcess {
  readonly name: string
  /** Of the one that runs now. */
  readonly pid: number
  /** Settles as that of the first one does. */
  readonly ready: Promise<void>
  showLog(): void
  stop(): Promise<void>
  kill(): void
}

interface Keeping {
  name: string
  /** Starts one; all but the first are started in place of another. */
  launch: (isFirst: boolean) => ApiProcess
  say: (line: string) => void
  /** Another process has taken the place of the one before. */
  changed: () => void
  /** Told the id of a process once it serves, and undefined when it does so no more. */
  mark: (pid: number | undefined) => void
  /** It is tried again also when the first one does not become ready: its settings can be mended meanwhile. */
  isPatient?: boolean
}

/** Before the first, second, third … try after one that did not become ready. */
const pausesMs = [250, 500, 1_000, 2_000, 5_000]

export function keepRunning({ name, launch, say, changed, mark, isPatient = false }: Keeping): KeptProcess {
  let current = launch(true)
  let isShown = false
  let isStopping = false
  const ready = serve()
  // Who never became ready is kept by the patient alone: elsewhere the start fails, and says why.
  ready.then(keep, (error: unknown) => {
    if (!isPatient || isStopping) return
    sayWhy(error)
    void keep()
  })

  async function serve(): Promise<void> {
    await current.ready
    mark(current.pid)
  }

  function sayWhy(error: unknown): void {
    say(`${name} did not become ready: ${error instanceof Failure ? error.why : String(error)}`)
  }

  async function keep(): Promise<void> {
    for (;;) {
      const { code, signal } = await current.ended
      mark(undefined)
      if (isStopping) return
      say(`${name} ended (${signal ?? `exit code ${code}`}); it is started again.`)
      if (!(await replace())) return
      say(`${name} serves again (pid ${current.pid}).`)
    }
  }

  /** False when it is not wanted any more. */
  async function replace(): Promise<boolean> {
    for (let failures = 0; ; failures += 1) {
      if (failures > 0) await pause(pausesMs[Math.min(failures, pausesMs.length) - 1])
      if (isStopping) return false
      current = launch(false)
      if (isShown) current.showLog()
      changed()
      try {
        await serve()
        return true
      } catch (error) {
        if (isStopping) return false
        sayWhy(error)
      }
    }
  }

  return {
    name,
    get pid() {
      return current.pid
    },
    ready,
    showLog: () => {
      isShown = true
      current.showLog()
    },
    stop: () => {
      isStopping = true
      return current.stop()
    },
    kill: () => {
      isStopping = true
      current.kill()
    },
  }
}
