import type { Consumer } from './event-delivery.ts'
import { deathsOfParked, type ParkedEvent, type Parking } from './event-parking.ts'
import { delayAfterFailure, untried, type Verdict, verdictOf } from './event-retries.ts'
import type { Turns } from './event-turns.ts'

/**
 * Tries parked events again, in every process that hosts the consumer: the head of a subject when its time has come, then at
 * once what waits behind it. One at a time per process, so that events that hang never take the places of those that flow.
 */
export interface RetryLoop {
  /** Begins a round, unless one is under way. */
  look(): void
  /** Once no turn is under way any more: notes what could not be noted before. */
  close(): Promise<void>
}

export interface RetryLoopNeeds {
  parking: Parking
  /** By name. */
  consumers: ReadonlyMap<string, Consumer>
  turns: Turns
  report: RetryReport
  random?: () => number
}

export interface RetryReport {
  handled(event: ParkedEvent, attempts: number): void
  failed(event: ParkedEvent, verdict: Verdict, error: unknown): void
  /** Two processes did not survive it. */
  buried(event: ParkedEvent): void
  outage(error: unknown): void
}

const perLook = 20
/** A subject gives its place to the next one after so many events. */
const turn = 10

export function createRetryLoop({ parking, consumers, turns, report, random = Math.random }: RetryLoopNeeds): RetryLoop {
  const owed: { event: ParkedEvent; attempts: number; verdict: Verdict | undefined }[] = []
  let round: Promise<void> | undefined

  async function work(): Promise<void> {
    await payBack()
    for (let moved = true; moved && !turns.stopping; ) {
      moved = false
      for (const head of await parking.due([...consumers.keys()], perLook))
        await turns.take(async () => {
          if (await follow(head)) moved = true
        })
    }
  }

  /** The head and what waits behind it, until one fails. True when something was handled. */
  async function follow(head: ParkedEvent): Promise<boolean> {
    let handled = 0
    for (let next: ParkedEvent | undefined = head; next && handled < turn && !turns.stopping; next = await parking.head(next)) {
      if (!(await attempt(next))) break
      handled += 1
    }
    return handled > 0
  }

  async function attempt(event: ParkedEvent): Promise<boolean> {
    const consumer = consumers.get(event.line.consumer)
    if (!consumer) return false
    if (event.unfinished >= deathsOfParked) {
      if (await parking.bury(event)) report.buried(event)
      return false
    }
    if (!(await parking.claim(event))) return false

    const attempts = event.attempts + 1
    const outcome = await turns.underDeadline((signal) => consumer.retry(event, attempts, signal))
    if (outcome.kind === 'handled') {
      report.handled(event, attempts)
      return true
    }
    if (outcome.kind === 'failed' && !turns.stopping) {
      const verdict = verdictOf(outcome.error, attempts, random)
      report.failed(event, verdict, outcome.error)
      await settle(event, attempts, verdict)
    } else {
      // Overtaken, the database away or the process at its end: no fault of the event, and soon another process may try.
      if (outcome.kind === 'broken') report.outage(outcome.error)
      await settle(event, attempts, outcome.kind === 'overtaken' ? undefined : { ...untried, nextMs: delayAfterFailure(1, random) })
    }
    return false
  }

  /** A process that lives takes back its own claim, sooner or later; those that are left count as deaths. */
  async function settle(event: ParkedEvent, attempts: number, verdict: Verdict | undefined): Promise<void> {
    try {
      await parking.settle(event, attempts, verdict)
    } catch (error) {
      owed.push({ event, attempts, verdict })
      report.outage(error)
    }
  }

  async function payBack(): Promise<void> {
    for (const { event, attempts, verdict } of owed.splice(0)) await settle(event, attempts, verdict)
  }

  return {
    look() {
      if (turns.stopping || consumers.size === 0) return
      round ??= work()
        .catch((error: unknown) => report.outage(error))
        .finally(() => {
          round = undefined
        })
    },

    async close() {
      await round
      await payBack()
    },
  }
}
