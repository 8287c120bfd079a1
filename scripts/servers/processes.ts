import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** A process of ours that lives in its own session, so that Ctrl-C in the terminal does not reach it before we end it ourselves. */
export interface PrivateProcess {
  readonly pid: number
  hasEnded(): boolean
  /** Ends it the polite way and waits; after `patienceMs` it is killed. */
  stop(patienceMs?: number): Promise<void>
  /** The way a power failure ends it. */
  kill(): Promise<void>
  freeze(): void
  thaw(): void
}

interface Launch {
  command: string
  args: readonly string[]
  /** Where its process id is kept, for the next start after this one was killed. */
  pidFile: string
  logFile: string
  cwd: string
  /** Written to its standard input, which is then closed. */
  input?: string
}

export function launch({ command, args, pidFile, logFile, cwd, input }: Launch): PrivateProcess {
  const log = openSync(logFile, 'a')
  const child: ChildProcess = spawn(command, args, { cwd, detached: true, stdio: [input === undefined ? 'ignore' : 'pipe', log, log] })
  closeSync(log)
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  child.once('error', () => {
    ended = true
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  child.unref()
  const pid = child.pid ?? 0
  if (pid !== 0) writeFileSync(pidFile, JSON.stringify({ pid, identity: identityOf(pid) }))
  return handle(pid, () => ended, pidFile)
}

/** Ends what an earlier run left in this folder when it was killed. A process id that was given to somebody else meanwhile is left alone. */
export async function endLeftover(pidFile: string): Promise<boolean> {
  const kept = readPidFile(pidFile)
  if (!kept) return false
  const isOurs = (): boolean => kept.identity !== undefined && identityOf(kept.pid) === kept.identity
  const found = isOurs()
  if (found) await handle(kept.pid, () => !isOurs(), pidFile).stop()
  rmSync(pidFile, { force: true })
  return found
}

export function isAlive(pidFile: string): boolean {
  const kept = readPidFile(pidFile)
  return kept?.identity !== undefined && identityOf(kept.pid) === kept.identity
}

export function writePidFile(pidFile: string): void {
  writeFileSync(pidFile, JSON.stringify({ pid: process.pid, identity: identityOf(process.pid) }))
}

/** Waits until `condition` holds; false when the time is over. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, everyMs = 10): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > end) return false
    await pause(everyMs)
  }
  return true
}

function handle(pid: number, hasEnded: () => boolean, pidFile: string): PrivateProcess {
  const end = async (name: NodeJS.Signals, patienceMs: number): Promise<void> => {
    if (pid === 0 || hasEnded()) return
    // A frozen process takes no SIGTERM until it is thawed.
    signal(pid, 'SIGCONT')
    signal(pid, name)
    if (!(await until(hasEnded, patienceMs))) {
      signal(pid, 'SIGKILL')
      await until(hasEnded, 5_000)
    }
    rmSync(pidFile, { force: true })
  }
  return {
    pid,
    hasEnded,
    stop: (patienceMs = 20_000) => end('SIGTERM', patienceMs),
    kill: () => end('SIGKILL', 5_000),
    freeze: () => signal(pid, 'SIGSTOP'),
    thaw: () => signal(pid, 'SIGCONT'),
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Already gone: what was wanted.
  }
}

function readPidFile(pidFile: string): { pid: number; identity?: string } | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(pidFile, 'utf8'))
    if (typeof kept !== 'object' || kept === null || !('pid' in kept) || typeof kept.pid !== 'number') return undefined
    return { pid: kept.pid, ...('identity' in kept && typeof kept.identity === 'string' ? { identity: kept.identity } : {}) }
  } catch {
    return undefined
  }
}

/** Whether a process has made its arrangements for a signal. Where the system does not tell, it is taken to have. */
export function heeds(pid: number, name: NodeJS.Signals): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(constants.signals[name] - 1)) & 1n) === 1n
  } catch {
    return process.platform !== 'linux'
  }
}

/** A process id alone is given away again; with the moment it began it names one process. */
export function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold spaces; what follows it begins with the state, and the 20th is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    if (process.platform === 'linux') return undefined
  }
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    )
  } catch {
    return undefined
  }
}
