import type { Consumer } from './event-delivery.ts'
import type { LeaseState, Line, Position } from './event-positions.ts'
import type { ReadableSource } from './event-sources.ts'

/** What a process remembers of a line: how far it is, whether it is ours, and what has gone wrong lately. */

export interface Work {
  readonly line: Line
  readonly consumer: Consumer
  readonly source: ReadableSource
  /** The newest number, and the life of the source, as far as they are known. */
  head: number
  generation: number
  /** Undefined until read, and after an outcome nobody knows. */
  position: Position | undefined
  /** Waits for its turn or has it. */
  busy: boolean
  /** `performance.now()` of the last lease; undefined when it is not ours. */
  leasedAt: number | undefined
  lease: LeaseState | undefined
  /** Largest number of events in one transaction. */
  batch: number
  /** The number of an event that failed among others; 0 when none has. */
  culprit: number
  /** Up to this number events are handled one by one. */
  singleUntil: number
  conflict: boolean
  /** False while an operator has paused the consumer. */
  active: boolean
  /** True when an operator has given it up: nobody keeps events for it. */
  retired: boolean
  outages: number
  /** Until this timer rings the line is left alone. */
  pause: NodeJS.Timeout | undefined
  oldestAt: number | undefined
}

export interface LineState {
  readonly consumer: string
  readonly source: string
  readonly lag: number
  readonly conflict: boolean
  /** Since when the oldest event that is not settled has waited, in seconds; 0 when none is. */
  readonly waitedSeconds: number
}

const largestBatch = 50
const slowBatchMs = 1_000
const deathsAtPosition = 2

export function createWork(line: Line, consumer: Consumer, source: ReadableSource): Work {
  return {
    line,
    consumer,
    source,
    head: 0,
    generation: 0,
    position: undefined,
    busy: false,
    leasedAt: undefined,
    lease: undefined,
    batch: largestBatch,
    culprit: 0,
    singleUntil: 0,
    conflict: false,
    active: true,
    retired: false,
    outages: 0,
    pause: undefined,
    oldestAt: undefined,
  }
}

/** After a second failure among the same events, and after a death with a batch in hand: any of them may be to blame. */
export function oneByOne({ singleUntil, lease }: Work, { seq }: Position): boolean {
  if (seq < singleUntil) return true
  return lease?.deathAt !== undefined && seq < lease.deathAt + largestBatch
}

/** Those before an event that failed have worked: once more together, so that it costs its neighbours one repeat and then goes alone. */
export function apartFromCulprit<E extends { readonly seq: number }>(
  { culprit }: Pick<Work, 'culprit'>,
  events: readonly E[],
): readonly E[] {
  if (events[0]?.seq === culprit) return events.slice(0, 1)
  const before = events.filter(({ seq }) => seq < culprit)
  return before.length > 0 ? before : events
}

/** Which of the events of a batch that failed go how from now on. */
export function blame(work: Pick<Work, 'culprit' | 'singleUntil'>, position: Position, failed: { readonly seq: number }): void {
  if (work.culprit > position.seq) work.singleUntil = failed.seq
  else work.culprit = failed.seq
}

/** Two processes ended at this very position with one event in hand: it is not given a third. */
export const isDeadly = ({ lease }: Work, { seq }: Position): boolean =>
  lease !== undefined && lease.deaths >= deathsAtPosition && lease.deathAt === seq

export function stateOf({ line, head, position, conflict, oldestAt }: Work): LineState {
  return {
    consumer: line.consumer,
    source: line.source,
    lag: position ? Math.max(0, head - position.seq) : 0,
    conflict,
    waitedSeconds: oldestAt === undefined ? 0 : (performance.now() - oldestAt) / 1_000,
  }
}

/** Half as many after a slow transaction, slowly more again after quick ones. */
export function nextBatch(batch: number, ms: number): number {
  if (ms > slowBatchMs) return Math.max(1, Math.floor(batch / 2))
  return Math.min(largestBatch, batch + 5)
}
