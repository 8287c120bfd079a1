import type { ApiProcess } from './api.ts'
import { type KeptProcess, keepRunning } from './kept-process.ts'
import type { ProcessFiles } from './process-files.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** One kept process for each file: one that comes is a process more, one that goes a process less. */
export interface ProcessGroup {
  /** Settles when all that had a file in the beginning serve; rejects when one of them does not. */
  readonly ready: Promise<unknown>
  readonly pids: readonly number[]
  pidOf(name: string): number | undefined
  /** Looks which files there are. */
  follow(): void
  showLog(): void
  stop(): Promise<void>
  kill(): void
}

interface Wanted {
  files: ProcessFiles
  launch: (name: string, settings: Environment, isFirst: boolean) => ApiProcess
  say: (line: string) => void
  /** Called whenever other processes run than before. */
  changed: () => void
}

/** How often in a row a file has to be missing: some editors take it away for a moment and put another in its place. */
const missingLooks = 4

export function keepProcesses({ files, launch, say, changed }: Wanted): ProcessGroup {
  const kept = new Map<string, KeptProcess>()
  const leaving = new Set<KeptProcess>()
  const missing = new Map<string, number>()
  let isShown = false
  for (const name of files.names()) kept.set(name, keep(name, false))

  function keep(name: string, isPatient: boolean): KeptProcess {
    let settings: Environment = {}
    return keepRunning({
      name,
      isPatient,
      launch: (isFirst) => {
        settings = files.read(name) ?? settings
        return launch(name, settings, isFirst && !isPatient)
      },
      say,
      changed,
      mark: (pid) => files.mark(name, pid),
    })
  }

  function add(name: string): void {
    say(`${name} has a file now; it is started.`)
    const added = keep(name, true)
    kept.set(name, added)
    added.ready.then(
      () => say(`${name} serves (pid ${added.pid}).`),
      () => undefined,
    )
    if (isShown) added.showLog()
    changed()
  }

  function remove(name: string, one: KeptProcess): void {
    say(`${name} has no file any more; it ends.`)
    kept.delete(name)
    missing.delete(name)
    leaving.add(one)
    void one.stop().then(() => {
      leaving.delete(one)
      say(`${name} has ended.`)
      changed()
    })
  }

  /** It may hold its port, and its mark is its own until it has ended. */
  const isLeaving = (name: string): boolean => [...leaving].some((one) => one.name === name)
  const all = (): KeptProcess[] => [...kept.values(), ...leaving]
  return {
    ready: Promise.all(all().map(({ ready }) => ready)),
    get pids() {
      return all().map(({ pid }) => pid)
    },
    pidOf: (name) => kept.get(name)?.pid,
    follow: () => {
      const names = new Set(files.names())
      for (const name of names) {
        missing.delete(name)
        if (!kept.has(name) && !isLeaving(name)) add(name)
      }
      for (const [name, one] of kept) {
        if (names.has(name)) continue
        const looks = (missing.get(name) ?? 0) + 1
        if (looks < missingLooks) missing.set(name, looks)
        else remove(name, one)
      }
    },
    showLog: () => {
      isShown = true
      for (const one of all()) one.showLog()
    },
    stop: async () => {
      await Promise.all(all().map((one) => one.stop()))
    },
    kill: () => {
      for (const one of all()) one.kill()
    },
  }
}
