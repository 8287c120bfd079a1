import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import { findBinaries } from '../servers/binaries.ts'
import type { Machine } from './results.ts'

/** Where figures are measured. */
export function thisMachine(): Machine {
  const [first] = cpus()
  const { mariadbd } = findBinaries()
  const said = mariadbd ? execFileSync(mariadbd, ['--version'], { encoding: 'utf8' }) : ''
  return {
    processors: `${cpus().length} × ${first?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${/^\d+(?:\.\d+)?/.exec(release())?.[0] ?? ''}`.trim(),
    node: process.version,
    // Another patch level is no other machine.
    database: `MariaDB ${/(\d+\.\d+)\.\d+/.exec(said)?.[1] ?? 'of an unknown version'}`,
  }
}
