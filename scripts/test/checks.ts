import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

export interface Check {
  name: string
  /** A command of a dependency, by its name in node_modules/.bin … */
  tool?: readonly [string, ...string[]]
  /** … or a script of ours. */
  script?: readonly [string, ...string[]]
  /** Hears every line as it comes. */
  follow?: (line: string) => void
}

export interface CheckResult {
  name: string
  ok: boolean
  seconds: number
  output: string
}

export interface TestCounts {
  passed: number
  failed: number
  skipped: number
  files: number
  /** Full titles of what failed. */
  failures: string[]
}

const root = resolve(import.meta.dirname, '../..')
const bin = resolve(root, 'node_modules/.bin')
const running = new Set<ChildProcess>()

// Ctrl-C reaches the checks by themselves, they are in the terminal's process group; these do not.
for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal)
  })
}

export function runCheck({ name, tool, script, follow }: Check): Promise<CheckResult> {
  const [command, ...args] = tool ?? script ?? ['']
  const file = tool ? realpathSync(resolve(bin, command)) : resolve(root, command)
  const began = performance.now()
  return new Promise((done) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
        NODE_ENV: 'test',
        ...(follow && process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
      },
    })
    running.add(child)
    const output: string[] = []
    const hear = (bytes: Buffer): void => {
      output.push(bytes.toString('utf8'))
      if (follow) for (const line of bytes.toString('utf8').trimEnd().split('\n')) follow(line)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    const finish = (ok: boolean): void => {
      running.delete(child)
      done({ name, ok, seconds: (performance.now() - began) / 1_000, output: output.join('') })
    }
    child.once('error', (error) => {
      output.push(String(error))
      finish(false)
    })
    child.once('close', (code) => finish(code === 0))
  })
}
