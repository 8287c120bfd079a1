import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { Machine } from '../chaos/results.ts'
import { versionsOf } from '../chaos/versions.ts'
import type { EventFigures } from './events.ts'
import type { RequestFigures } from './requests.ts'

/** What `npm run bench` keeps: the page is made of it. */
export interface Performance {
  readonly machine: Machine
  readonly requests?: RequestFigures & Circumstances
  readonly events?: EventFigures & Circumstances
}

export interface Circumstances {
  /** The day. */
  readonly at: string
  /** The processes had precedence over whatever else the machine did. */
  readonly realTime: boolean
}

export const circumstances = (): Circumstances => ({ at: new Date().toISOString().slice(0, 10), realTime: hasRealTimePriority() })

export function thisMachine(): Machine {
  const [first] = cpus()
  return {
    processors: `${cpus().length} × ${first?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    ...versionsOf(),
  }
}

const hasRealTimePriority = (): boolean => /^policy\s*:\s*[12]$/m.test(readFileSync('/proc/self/sched', 'utf8'))
