import { type Consumer, handlerDeadlineMs, inspect, readFrom } from './event-delivery.ts'
import { createWork, type LineState, nextBatch, oneByOne, stateOf, type Work } from './event-line.ts'
import { type Line, lineName, type Position, type Positions } from './event-positions.ts'
import { delayAfterFailure, delayOfOutage, isAway } from './event-retries.ts'
import type { EventSource, LoggedEvent } from './event-sources.ts'

/**
 * Brings the events of the sources to the consumers of one database. A line is a consumer's way through one partition; at
 * most a few lines are worked on at once, each by one process at a time, and a line that fails holds only itself.
 */
export interface Dispatcher {
  add(line: Line, consumer: Consumer, source: EventSource): void
  /** The partition's newest number, as far as it is known. */
  advance(source: string, part: number, head: number): void
  /** Reads where the consumers stand: other processes move them too. */
  refresh(): Promise<void>
  states(): readonly LineState[]
  stop(withinMs: number): Promise<void>
}

export interface DispatcherNeeds {
  positions: Positions
  concurrency: number
  report: DispatcherReport
  random?: () => number
}

export interface DispatcherReport {
  settled(line: Line, events: readonly LoggedEvent[]): void
  failed(line: Line, event: LoggedEvent, attempts: number, error: unknown): void
  conflict(line: Line, reason: string): void
  outage(line: Line, error: unknown): void
}

const renewMs = 1_000
/** A line gives its place to the next one after so many transactions, and keeps its lease. */
const turn = 10

export function createDispatcher({ positions, concurrency, report, random = Math.random }: DispatcherNeeds): Dispatcher {
  const lines = new Map<string, Work>()
  const queue: Work[] = []
  const running = new Set<Promise<void>>()
  const controllers = new Set<AbortController>()
  let stopping = false

  const waiting = (work: Work): boolean =>
    !stopping && !work.conflict && work.pause === undefined && (work.position === undefined || work.head > work.position.seq)

  function wake(work: Work): void {
    if (work.head > (work.position?.seq ?? work.head)) work.oldestAt ??= performance.now()
    if (work.queued || work.busy || !waiting(work)) return
    work.queued = true
    queue.push(work)
    fill()
  }

  function fill(): void {
    while (running.size < concurrency) {
      const work = queue.shift()
      if (!work) return
      work.queued = false
      if (work.busy || !waiting(work)) continue
      work.busy = true
      const run = takeTurn(work)
        .catch((error: unknown) => {
          rest(work, error)
        })
        .finally(() => {
          work.busy = false
          running.delete(run)
          wake(work)
          fill()
        })
      running.add(run)
    }
  }

  async function takeTurn(work: Work): Promise<void> {
    for (let step = 0; step < turn && waiting(work); step += 1) {
      work.position ??= await positions.read(work.line)
      const { position } = work
      if (!position || work.head <= position.seq) break
      if (!(await hold(work))) return
      if (!(await advanceLine(work, position))) break
    }
    if (work.leasedAt !== undefined && !waiting(work)) await giveBack(work)
  }

  /** True when the lease is ours for the next transaction. */
  async function hold(work: Work): Promise<boolean> {
    const now = performance.now()
    if (work.leasedAt !== undefined && now - work.leasedAt < renewMs) return true
    work.lease = await positions.lease(work.line)
    if (work.lease) work.leasedAt = now
    else {
      // Another process is at it; what it has done is seen at the next look.
      work.leasedAt = undefined
      work.position = undefined
      pauseFor(work, renewMs)
    }
    return work.lease !== undefined
  }

  /** One transaction; false when the line has to wait or has nothing to do. */
  async function advanceLine(work: Work, position: Position): Promise<boolean> {
    const limit = oneByOne(work, position) ? 1 : work.batch
    const found = inspect(position, await work.source.read(work.line.part, readFrom(position), limit + 1))
    if ('conflict' in found) {
      work.conflict = true
      report.conflict(work.line, found.conflict)
      return false
    }
    const events = found.events.slice(0, limit)
    const [first] = events
    const last = events.at(-1)
    if (!first || !last) {
      work.head = position.seq
      work.oldestAt = undefined
      return false
    }
    work.oldestAt = first.publishedAt
    const attempt = work.failing?.eventId === first.envelope.id ? work.failing.attempts + 1 : 1
    const release = last.seq >= work.head
    const started = performance.now()
    const outcome = await underDeadline((signal) => work.consumer.transact(work.line, position, events, { attempt, release, signal }))
    switch (outcome.kind) {
      case 'settled':
        work.position = { generation: position.generation, seq: last.seq, eventId: last.envelope.id }
        work.leasedAt = release ? undefined : work.leasedAt
        work.failing = undefined
        work.outages = 0
        work.oldestAt = work.head > last.seq ? performance.now() : undefined
        work.batch = nextBatch(work.batch, performance.now() - started)
        report.settled(work.line, events)
        return true
      case 'overtaken':
        work.position = undefined
        return true
      case 'failed':
        if (isAway(outcome.error) || stopping) return rest(work, outcome.error)
        return fail(work, events, outcome.event, outcome.error)
      case 'broken':
        work.batch = Math.max(1, Math.floor(work.batch / 2))
        return rest(work, outcome.error)
    }
  }

  /** In a batch: once more, one by one, so that only the one that fails pays. Alone: the line waits for its next attempt. */
  function fail(work: Work, events: readonly LoggedEvent[], event: LoggedEvent, error: unknown): boolean {
    work.singleUntil = Math.max(event.seq, work.singleUntil)
    if (events.length > 1) return true
    const attempts = work.failing?.eventId === event.envelope.id ? work.failing.attempts + 1 : 1
    work.failing = { eventId: event.envelope.id, attempts }
    report.failed(work.line, event, attempts, error)
    pauseFor(work, delayAfterFailure(attempts, random))
    return false
  }

  /** The database is away, or the process stops: the event is not to blame. The position on the server says what was committed. */
  function rest(work: Work, error: unknown): false {
    work.position = undefined
    if (stopping) return false
    work.outages += 1
    report.outage(work.line, error)
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

  async function giveBack(work: Work): Promise<void> {
    work.leasedAt = undefined
    // With the database away the lease runs out by itself.
    await positions.release(work.line).catch(() => {})
  }

  async function underDeadline<R>(act: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const controller = new AbortController()
    controllers.add(controller)
    const timer = setTimeout(() => controller.abort(new Error(`the handler took longer than ${handlerDeadlineMs} ms`)), handlerDeadlineMs)
    try {
      return await act(controller.signal)
    } finally {
      clearTimeout(timer)
      controllers.delete(controller)
    }
  }

  return {
    add(line, consumer, source) {
      lines.set(lineName(line), createWork(line, consumer, source))
    },

    advance(source, part, head) {
      for (const work of lines.values()) {
        if (work.line.source !== source || work.line.part !== part) continue
        work.head = Math.max(work.head, head)
        wake(work)
      }
    },

    async refresh() {
      const read = await positions.readAll()
      for (const [name, work] of lines) {
        const position = read.get(name)
        if (work.busy || !position) continue
        if (position.seq !== work.position?.seq) work.oldestAt = undefined
        work.position = position
        wake(work)
      }
    },

    states: () => [...lines.values()].map(stateOf),

    async stop(withinMs) {
      stopping = true
      queue.length = 0
      for (const work of lines.values()) clearTimeout(work.pause)
      const timer = setTimeout(() => {
        for (const controller of controllers) controller.abort(new Error('the process stops'))
      }, withinMs)
      await Promise.allSettled(running)
      clearTimeout(timer)
      const held = [...lines.values()].filter((work) => work.leasedAt !== undefined)
      await Promise.all(held.map(giveBack))
    },
  }
}
