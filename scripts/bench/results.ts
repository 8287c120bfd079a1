import { readFileSync } from 'node:fs'
import type { Machine } from '../chaos/results.ts'
import type { EventFigures } from './events.ts'
import type { RequestFigures } from './requests.ts'
import type { TransportFigures } from './transports.ts'

/** What `npm run bench` keeps: the page is made of it. */
export interface Performance {
  readonly machine: Machine
  readonly requests?: RequestFigures & Circumstances
  readonly events?: EventFigures & Circumstances
  readonly transports?: TransportFigures & Circumstances
}

export interface Circumstances {
  /** The day. */
  readonly at: string
  /** The processes had precedence over whatever else the machine did. */
  readonly realTime: boolean
}

export const circumstances = (): Circumstances => ({ at: new Date().toISOString().slice(0, 10), realTime: hasRealTimePriority() })

const hasRealTimePriority = (): boolean => /^policy\s*:\s*[12]$/m.test(readFileSync('/proc/self/sched', 'utf8'))
