import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { isProcessName } from '../../src/platform/service-keys.ts'
import { Failure } from '../servers/failure.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * What each process of a topology is told, in a file of its own that is read at each of its starts: whoever changes a layout while it
 * runs edits these files. Beside `<name>.env` stands `<name>.pid` while the process serves.
 */
export interface ProcessFiles {
  /** The processes that have a file now. */
  names(): string[]
  /** Undefined: there is none. */
  read(name: string): Environment | undefined
  /** Its process id once it serves; undefined when it does not any more. */
  mark(name: string, pid: number | undefined): void
}

/** Takes the place of what an earlier start left in the folder. */
export function writeProcessFiles(folder: string, processes: Readonly<Record<string, Environment>>): ProcessFiles {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const fileOf = (name: string, ending: string): string => join(folder, `${name}.${ending}`)
  for (const [name, settings] of Object.entries(processes)) writeFileSync(fileOf(name, 'env'), envText(name, settings), { mode: 0o600 })
  return {
    names: () =>
      readdirSync(folder)
        .filter((file) => file.endsWith('.env'))
        .map((file) => file.slice(0, -'.env'.length))
        .filter(isProcessName),
    read: (name) => {
      try {
        return parseEnv(readFileSync(fileOf(name, 'env'), 'utf8'))
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    mark: (name, pid) => {
      if (pid === undefined) rmSync(fileOf(name, 'pid'), { force: true })
      else writeFileSync(fileOf(name, 'pid'), `${pid}\n`)
    },
  }
}

function envText(name: string, settings: Environment): string {
  const lines = Object.entries(settings).flatMap(([setting, value]) =>
    value === undefined ? [] : [`${setting}=${quoted(setting, value)}\n`],
  )
  return `# ${name}: read at each of its starts, written anew by npm start.\n${lines.join('')}`
}

/** As Node reads such files; a shell reads nearly all of them the same way. */
function quoted(setting: string, value: string): string {
  if (/^[\w./:,@%+=|-]*$/.test(value) && !value.includes('|')) return value
  const mark = ["'", '`', '"'].find((candidate) => !value.includes(candidate) && !(candidate === '"' && value.includes('\\')))
  if (mark) return `${mark}${value}${mark}`
  throw new Failure({
    what: `${setting} cannot be written to the file of a process.`,
    why: 'Its value holds all three kinds of quotation marks, or a backslash beside two of them.',
    mend: `choose another value of ${setting}`,
  })
}
