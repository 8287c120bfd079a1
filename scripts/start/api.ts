import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Failure } from '../servers/failure.ts'
import { until } from '../servers/processes.ts'
import { isReady, isWarning, readableLogLine } from './log-lines.ts'

export interface ApiProcess {
  readonly pid: number
  /** Settles when it says that it is ready; when it ends before or takes too long it is killed, and this rejects with the reason. */
  readonly ready: Promise<void>
  /** The API's log goes to the terminal from now on. */
  showLog(): void
  /** Settles when it ends, however that comes. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Drains and ends; killed when it takes longer than its own limit. */
  stop(): Promise<void>
  kill(): void
}

interface Launch {
  /** The program and its options, for this very Node. */
  args: readonly string[]
  environment: Record<string, string | undefined>
  write: (line: string) => void
}

/** The second start finds everything compiled. */
const compileCache = resolve(import.meta.dirname, '../../node_modules/.cache/node')

/** Its own hard limit is 25 s; the second more is for the operating system. */
const hardLimitMs = 26_000

/** Starts an API process in a session of its own: only we send it signals. */
export function launchApi({ args, environment, write }: Launch): ApiProcess {
  const child = spawn(process.execPath, args, {
    env: { ...environment, NODE_COMPILE_CACHE: environment.NODE_COMPILE_CACHE ?? compileCache },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const tail: string[] = []
  let shown = false
  let isUp = false
  const hear = (line: string): void => {
    if (isReady(line)) isUp = true
    if (shown) {
      write(readableLogLine(line))
      return
    }
    if (isWarning(line)) tail.push(readableLogLine(line))
  }
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', hear)
  // Its log may be silent, or written a little later.
  child.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready') isUp = true
  })

  let over = false
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', (error) => {
      tail.push(error.message)
      over = true
      resolve({ code: 1, signal: null })
    })
    // `close` comes after the last line of its output, `exit` may come before.
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal })
    })
  })
  const kill = (signal: NodeJS.Signals): void => {
    if (over || child.pid === undefined) return
    try {
      // The whole session: under --watch the API is a child of the watcher.
      process.kill(-child.pid, signal)
    } catch {
      child.kill(signal)
    }
  }

  const becomeReady = async (): Promise<void> => {
    await until(() => isUp || over, 90_000)
    if (isUp) return
    const hasEnded = over
    kill('SIGKILL')
    throw new Failure({
      what: hasEnded ? 'The API ended before it was ready.' : 'The API was not ready after 90 s.',
      why: tail.slice(-20).join('\n        ') || 'it said nothing',
      mend: 'correct what the lines above name (settings: .env or the environment, explained in .env.example) and start again',
    })
  }

  return {
    pid: child.pid ?? 0,
    ready: becomeReady(),
    ended,
    showLog: () => {
      for (const line of tail.splice(0)) write(line)
      shown = true
    },
    stop: async () => {
      child.kill('SIGTERM')
      if (!(await until(() => over, hardLimitMs))) kill('SIGKILL')
      await ended
    },
    kill: () => kill('SIGKILL'),
  }
}
