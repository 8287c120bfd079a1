import type { Random } from './random.ts'

/** A way to break the system, in a size, with figures that show whether its promises held. */
export interface Scenario {
  /** `EV-03`: the id of the promise. Several scenarios may stand for one. */
  readonly id: string
  /** Tells scenarios of one id apart in commands and tables: `replicas`. */
  readonly variant?: string
  /** What is done, and what must come of it. */
  readonly claim: string
  readonly sizes: Readonly<Record<Form, Size>>
  run(size: Size, circumstances: Circumstances): Promise<Figures>
}

/** `short` belongs to the test suite, `standard` has the sizes of the promises, `full` goes far beyond. */
export type Form = 'short' | 'standard' | 'full'

export interface Size {
  /** Events to be published, at least. */
  events: number
  subjects: number
  /** How often the fault is made. */
  faults: number
  /** Server kills per database, for scenarios that have them besides. */
  serverKills?: number
}

export interface Circumstances {
  form: Form
  random: Random
  /** Says how far it is, for whoever watches. */
  progress(text: string): void
}

export interface Figures {
  /** Events committed. */
  events: number
  /** Faults made: kills, stops, cuts, restarts. */
  faults: number
  lost: number
  duplicates: number
  inversions: number
  /** Runs of handlers, counted outside all transactions; absent where none run. */
  executions?: number
  seconds: number
  /** Further figures of this scenario, by what they count. */
  more: Readonly<Record<string, number>>
  /** The promises that were put to the test and held, in words. */
  held: readonly string[]
  /** Those that did not. Empty when all is well. */
  broken: readonly string[]
}

export const nameOf = ({ id, variant }: Pick<Scenario, 'id' | 'variant'>): string => (variant === undefined ? id : `${id} ${variant}`)

/** Sorts promises by whether their condition is true. */
export function judgePromises(promises: Readonly<Record<string, boolean>>): Pick<Figures, 'held' | 'broken'> {
  const of = (outcome: boolean) => Object.keys(promises).filter((promise) => promises[promise] === outcome)
  return { held: of(true), broken: of(false) }
}
