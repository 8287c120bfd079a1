import type { Figures } from '../../tests/faults/harness/scenario.ts'

export interface Measured extends Figures {
  readonly name: string
  readonly claim: string
  readonly seed: number
  readonly at: string
  /** Processes that wanted a processor, on average in the minute before it began: whether the machine was busy with other things. */
  readonly loadBefore: number
}

export interface Machine {
  readonly processors: string
  readonly memory: string
  readonly system: string
  readonly node: string
  readonly database: string
}

/** What `npm run chaos` keeps: the page is made of it. */
export interface Measurements {
  readonly machine: Machine
  readonly measured: readonly Measured[]
}
