import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** The commands of docs/extraction.md, in their order: the one that starts the system, and those that follow in a second terminal. */
export function commandsOfPage(): { start: string; steps: string[] } {
  const page = readFileSync(resolve(root, 'docs/extraction.md'), 'utf8')
  const [start = '', ...steps] = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands)
  return { start: start.trim(), steps }
}

/** A terminal that stays open: what one step has set, the next one finds. */
export interface Terminal {
  /** What it wrote. Throws when a command fails, or when it takes longer than a minute and a half. */
  run(commands: string): Promise<string>
  close(): Promise<void>
}

export function openTerminal(environment: NodeJS.ProcessEnv): Terminal {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-terminal-'))
  const shell: ChildProcess = spawn('bash', ['-euo', 'pipefail'], { cwd: root, env: environment, detached: true })
  let written = ''
  for (const stream of [shell.stdout, shell.stderr]) stream?.on('data', (bytes) => (written += String(bytes)))
  const hasEnded = (): boolean => shell.exitCode !== null || shell.signalCode !== null
  const exited = once(shell, 'exit')
  return {
    async run(commands) {
      const from = written.length
      const mark = randomUUID()
      // From a file, so that no command reads the ones after it.
      const file = join(folder, mark)
      writeFileSync(file, commands)
      shell.stdin?.write(`. ${file} < /dev/null\necho ${mark}\n`)
      const end = performance.now() + 90_000
      while (!written.includes(mark, from)) {
        if (hasEnded() || performance.now() > end) throw new Error(`it went wrong here:\n${commands}\n${written.slice(from)}`)
        await new Promise((done) => setTimeout(done, 20))
      }
      return written.slice(from, written.indexOf(mark, from))
    },
    async close() {
      if (!hasEnded() && shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL')
      await exited
      rmSync(folder, { recursive: true })
    },
  }
}
