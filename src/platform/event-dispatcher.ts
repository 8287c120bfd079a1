import type { Consumer, Outcome } from './event-delivery.ts'
import { inspect, readFrom } from './event-inspection.ts'
import { apartFromCulprit, blame, createWork, isDeadly, type LineState, nextBatch, oneByOne, stateOf, type Work } from './event-line.ts'
import { type LeaseState, type Line, lineName, type Position, type Positions } from './event-positions.ts'
import { delayOfOutage, untried, type Verdict, verdictOf } from './event-retries.ts'
import type { LoggedEvent, ReadableSource, SourceState } from './event-sources.ts'
import type { Turns } from './event-turns.ts'

/**
 * Brings the events of the sources to the consumers of one database. A line is a consumer's way through one partition, worked
 * on by one process at a time. An event that fails is parked with what follows of its subject; the line goes on.
 */
export interface Dispatcher {
  add(line: Line, consumer: Consumer, source: ReadableSource): void
  /** The partition's newest number, as far as it is known. */
  advance(source: string, part: number, head: number): void
  /** The same, told by another process: only for lines that are in our hands, the others are in its. */
  advanceHeld(source: string, part: number, head: number): void
  /** Where the lines of a source stand that are not given up, to be held against what its database says afterwards. */
  settled(source: string): Settled
  /** Stops lines that are further than their source has ever been, and takes lines into a new life of it. */
  compare(source: string, state: SourceState, before: Settled): void
  /** Reads where the consumers stand: other processes move them too. True when events are parked. */
  refresh(): Promise<boolean>
  states(): readonly LineState[]
  /** Gives the leases back, once no turn is under way any more. */
  close(): Promise<void>
}

export type Settled = ReadonlyMap<string, Position>

export interface DispatcherNeeds {
  positions: Positions
  /** Takes a line into another life of its source; false when nobody can say from where on that is true. */
  follow: (line: Line, from: Position, generation: number) => Promise<boolean>
  turns: Turns
  report: DispatcherReport
  random?: () => number
}

export interface DispatcherReport {
  /** These events took effect. */
  settled(line: Line, events: readonly LoggedEvent[]): void
  failed(line: Line, event: LoggedEvent, verdict: Verdict, error: unknown): void
  /** A process ended with this line in its hands. */
  died(line: Line, lease: LeaseState): void
  /** Processes died at this event; it is set apart untried. */
  deadly(line: Line, event: LoggedEvent): void
  conflict(line: Line, reason: string): void
  /** The line rests for a moment, for the `times`th time since something of it was settled. */
  outage(line: Line, error: unknown, times: number): void
}

const renewMs = 1_000
/** A line gives its place to the next one after so many transactions, and keeps its lease. */
const turn = 10

export function createDispatcher({ positions, follow, turns, report, random = Math.random }: DispatcherNeeds): Dispatcher {
  const lines = new Map<string, Work>()

  const isOutdated = ({ position, generation }: Work): boolean => position !== undefined && generation > position.generation

  const waiting = (work: Work): boolean =>
    !turns.stopping &&
    work.active &&
    work.pause === undefined &&
    (isOutdated(work) || (!work.conflict && (work.position === undefined || work.head > work.position.seq)))

  function wake(work: Work): void {
    if (work.head > (work.position?.seq ?? work.head)) work.oldestAt ??= performance.now()
    if (work.busy || !waiting(work)) return
    work.busy = true
    void turns
      .take(() => takeTurn(work))
      .catch((error: unknown) => {
        rest(work, error)
        // What this process cannot read, another one perhaps can.
        if (work.leasedAt !== undefined) return giveBack(work)
      })
      .finally(() => {
        work.busy = false
        wake(work)
      })
  }

  async function takeTurn(work: Work): Promise<void> {
    for (let step = 0; step < turn && waiting(work); step += 1) {
      work.position ??= await positions.read(work.line)
      const { position } = work
      if (!position || !waiting(work)) break
      if (!(await hold(work))) return
      if (!(await (isOutdated(work) ? enterGeneration(work, position) : advanceLine(work, position)))) break
    }
    if (work.leasedAt !== undefined && !waiting(work)) await giveBack(work)
  }

  /** True when the lease is ours for the next transaction. */
  async function hold(work: Work): Promise<boolean> {
    const now = performance.now()
    if (work.leasedAt !== undefined && now - work.leasedAt < renewMs) return true
    work.lease = await positions.lease(work.line)
    if (work.lease) {
      work.leasedAt = now
      if (work.lease.counted) report.died(work.line, work.lease)
    } else {
      // Another process is at it, or an operator has paused the consumer; what has become of it is seen at the next look.
      if (work.leasedAt !== undefined) await giveBack(work)
      work.position = undefined
      pauseFor(work, renewMs)
    }
    return work.lease !== undefined
  }

  async function enterGeneration(work: Work, position: Position): Promise<boolean> {
    const { generation } = work
    const followed = await follow(work.line, position, generation)
    work.position = undefined
    if (followed) work.conflict = false
    else {
      work.generation = position.generation
      stop(work, `the log is of generation ${generation}, and it is not known up to where ${position.generation} is true in it`)
    }
    return followed
  }

  function stop(work: Work, reason: string): void {
    if (!work.conflict) report.conflict(work.line, reason)
    work.conflict = true
  }

  /** One transaction; false when the line has to wait or has nothing to do. */
  async function advanceLine(work: Work, position: Position): Promise<boolean> {
    const limit = oneByOne(work, position) ? 1 : work.batch
    const window = await work.source.read(work.line.part, readFrom(position), limit + 1)
    work.generation = window.generation ?? work.generation
    if (isOutdated(work)) return true
    if (window.isBehind) {
      work.head = position.seq
      return false
    }
    const found = inspect(position, window)
    if ('conflict' in found) {
      stop(work, found.conflict)
      return false
    }
    const events = apartFromCulprit(work, found.events.slice(0, limit))
    const [first] = events
    if (!first) {
      work.head = position.seq
      work.oldestAt = undefined
      return false
    }
    work.oldestAt = first.publishedAt
    const deadly = isDeadly(work, position)
    const outcome = await transact(work, position, events, deadly ? untried : undefined)
    if (deadly && outcome.kind === 'settled' && outcome.parked.length > 0) report.deadly(work.line, first)
    if (outcome.kind !== 'failed' || turns.stopping) return settle(work, position, events, outcome)
    if (events.length > 1) {
      blame(work, position, outcome.event)
      return true
    }
    const verdict = verdictOf(outcome.error, 1, random)
    const parking = await transact(work, position, events, verdict)
    if (parking.kind === 'settled') report.failed(work.line, first, verdict, outcome.error)
    return settle(work, position, events, parking)
  }

  async function transact(work: Work, position: Position, events: readonly LoggedEvent[], park: Verdict | undefined): Promise<Outcome> {
    const last = events.at(-1)
    const release = last !== undefined && last.seq >= work.head
    const started = performance.now()
    const outcome = await turns.underDeadline((signal) => work.consumer.transact(work.line, position, events, { release, signal, park }))
    if (outcome.kind !== 'settled') return outcome
    if (release) work.leasedAt = undefined
    work.batch = nextBatch(work.batch, performance.now() - started)
    return outcome
  }

  function settle(work: Work, { generation }: Position, events: readonly LoggedEvent[], outcome: Outcome): boolean {
    const last = events.at(-1)
    switch (outcome.kind) {
      case 'settled':
        work.position = last && { generation, seq: last.seq, eventId: last.envelope.id }
        work.outages = 0
        work.oldestAt = last && work.head > last.seq ? performance.now() : undefined
        report.settled(
          work.line,
          events.filter((event) => !outcome.parked.includes(event)),
        )
        return true
      case 'overtaken':
        work.position = undefined
        return true
      case 'broken':
      case 'failed':
        work.batch = Math.max(1, Math.floor(work.batch / 2))
        return rest(work, outcome.error)
    }
  }

  /** The database is away, or the process stops: the event is not to blame. The position on the server says what was committed. */
  function rest(work: Work, error: unknown): false {
    work.position = undefined
    if (turns.stopping) return false
    work.outages += 1
    report.outage(work.line, error, work.outages)
    pauseFor(work, delayOfOutage(work.outages))
    return false
  }

  function pauseFor(work: Work, ms: number): void {
    clearTimeout(work.pause)
    work.pause = setTimeout(() => {
      work.pause = undefined
      wake(work)
    }, ms)
  }

  function advance(source: string, part: number, head: number, concerns: (work: Work) => boolean): void {
    for (const work of lines.values()) {
      if (work.line.source !== source || work.line.part !== part || !concerns(work)) continue
      work.head = Math.max(work.head, head)
      wake(work)
    }
  }

  async function giveBack(work: Work): Promise<void> {
    work.leasedAt = undefined
    // With the database away the lease runs out by itself.
    await positions.release(work.line).catch(() => {})
  }

  return {
    add(line, consumer, source) {
      lines.set(lineName(line), createWork(line, consumer, source))
    },

    advance: (source, part, head) => advance(source, part, head, () => true),
    advanceHeld: (source, part, head) => advance(source, part, head, ({ leasedAt }) => leasedAt !== undefined),

    settled: (source) =>
      new Map(
        [...lines].flatMap(([name, { line, position, retired }]) =>
          position && !retired && line.source === source ? [[name, position] as const] : [],
        ),
      ),

    compare(source, { generation, partitions, isCopy }, before) {
      const heads = new Map(partitions.map(({ part, head }) => [part, head]))
      for (const [name, work] of lines) {
        if (work.line.source !== source) continue
        const position = before.get(name)
        const head = heads.get(work.line.part) ?? 0
        if (position && position.generation > generation)
          stop(work, `the log is of generation ${generation}, the position of ${position.generation}`)
        else if (position?.generation === generation && position.seq > head && !isCopy)
          stop(work, `the log ends at ${head}, the position is ${position.seq}`)
        // A copy may have come back with an earlier life, and knows the newest one again.
        else if (position?.generation === generation && work.generation < generation) work.conflict = false
        work.generation = generation
        work.head = Math.max(work.head, head)
        wake(work)
      }
    },

    async refresh() {
      const read = await positions.readAll([...new Set([...lines.values()].map(({ line }) => line.consumer))])
      for (const [name, work] of lines) {
        const standing = read.get(name)
        if (!standing) continue
        work.active = standing.active
        work.retired = standing.retired
        if (work.busy) continue
        if (standing.seq !== work.position?.seq) work.oldestAt = undefined
        work.position = { generation: standing.generation, seq: standing.seq, eventId: standing.eventId }
        wake(work)
      }
      return [...read.values()].some(({ parked }) => parked)
    },

    states: () => [...lines.values()].map(stateOf),

    async close() {
      for (const work of lines.values()) clearTimeout(work.pause)
      const held = [...lines.values()].filter((work) => work.leasedAt !== undefined)
      await Promise.all(held.map(giveBack))
    },
  }
}

/**
 * Holds what a source says of itself against the positions of its consumers. These are asked for before the source, so that a
 * position beyond its end is one, and no event numbered meanwhile.
 */
export async function compareWith(
  dispatchers: readonly Dispatcher[],
  source: string,
  ask: () => Promise<SourceState>,
): Promise<{ state: SourceState; settled: readonly Settled[] }> {
  const before = dispatchers.map((each) => ({ each, settled: each.settled(source) }))
  const state = await ask()
  for (const { each, settled } of before) each.compare(source, state, settled)
  return { state, settled: before.map(({ settled }) => settled) }
}
