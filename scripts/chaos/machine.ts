import { execFileSync } from 'node:child_process'
import { release, type } from 'node:os'
import { findBinaries } from '../servers/binaries.ts'
import type { Machine } from './results.ts'

export function versionsOf(): Pick<Machine, 'system' | 'node' | 'database'> {
  const { mariadbd } = findBinaries()
  const said = mariadbd ? execFileSync(mariadbd, ['--version'], { encoding: 'utf8' }) : ''
  return {
    system: `${type()} ${/^\d+(?:\.\d+)?/.exec(release())?.[0] ?? ''}`.trim(),
    node: process.version,
    database: `MariaDB ${/(\d+\.\d+\.\d+)/.exec(said)?.[1] ?? 'of an unknown version'}`,
  }
}
