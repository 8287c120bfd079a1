import { BulkheadRejectedError, bulkhead, CircuitState, CountBreaker, circuitBreaker, DelegateBackoff, handleWhen, retry } from 'cockatiel'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'

/**
 * What stands between a caller and a peer: repeats of what may be repeated, one set for a module; and for each of its addresses a
 * breaker that spares a peer which fails, and a limit on what waits for it. So a peer's trouble stays the trouble of those who
 * need it.
 */

/** True for failures of the peer or the way to it; an error the peer declares is an answer. */
export type IsPeerFailure = (error: unknown) => boolean

export interface Repeats {
  /** Runs one call, again where that may help. `attempt` is 1 at first. */
  run<R>(attempt: (number: number) => Promise<R>, options: { repeatable: boolean; signal: AbortSignal }): Promise<R>
}

const retries = 2
/** Full jitter: repeats of many callers do not come in step. */
const pauseMs = { least: 5, most: 40 }
/** Share of the calls that may be repeats; what was not used is kept for short troubles, but not for storms. */
const budgetShare = 0.1
const budgetMost = 10

export function createRepeats({ isPeerFailure, repeated }: { isPeerFailure: IsPeerFailure; repeated?: () => void }): Repeats {
  let budget = 1
  const mayRepeat = (error: unknown): boolean => {
    if (!isPeerFailure(error) || budget < 1) return false
    budget -= 1
    return true
  }
  const again = retry(handleWhen(mayRepeat), {
    maxAttempts: retries,
    backoff: new DelegateBackoff(() => pauseMs.least + Math.random() * (pauseMs.most - pauseMs.least)),
  })
  again.onRetry(() => repeated?.())
  return {
    run(attempt, { repeatable, signal }) {
      budget = Math.min(budget + budgetShare, budgetMost)
      return repeatable ? again.execute((context) => attempt(context.attempt + 1), signal) : attempt(1)
    },
  }
}

export interface Guard {
  /** Runs one attempt. Rejects with OVERLOADED or DEPENDENCY_UNAVAILABLE without one when it must not be made. */
  run<R>(attempt: () => Promise<R>, signal: AbortSignal): Promise<R>
  /** Whether an attempt would be refused now. One that is due, to see whether the peer is back, would not. */
  readonly isOpen: boolean
}

export interface GuardOptions {
  /** Named in the errors. */
  target: string
  isPeerFailure: IsPeerFailure
  changed?: (isOpen: boolean) => void
}

const openMs = 1_000
const window = 20
const fewestCalls = 10
const inFlight = 64
const waiting = 64

export function createGuard({ target, isPeerFailure, changed }: GuardOptions): Guard {
  const limit = bulkhead(inFlight, waiting)
  // The library opens above its threshold and we at it: half of 20 calls, so a hair below.
  const breaker = circuitBreaker(handleWhen(isPeerFailure), {
    halfOpenAfter: openMs,
    breaker: new CountBreaker({ threshold: 0.5 - 1e-9, size: window, minimumNumberOfCalls: fewestCalls }),
  })
  let openedAt = 0
  breaker.onBreak(() => {
    openedAt = Date.now()
    changed?.(true)
  })
  breaker.onReset(() => changed?.(false))
  return {
    async run(attempt, signal) {
      // Left alone, the library lets everybody wait for the probe; a peer that hangs would then hold them all.
      if (breaker.state === CircuitState.HalfOpen) throw DependencyUnavailable({ dependency: target })
      try {
        return await limit.execute(() => breaker.execute(attempt, signal), signal)
      } catch (error) {
        if (error instanceof BulkheadRejectedError) throw Overloaded({ dependency: target }, { cause: error })
        if (error instanceof Error && 'isBrokenCircuitError' in error) throw DependencyUnavailable({ dependency: target }, { cause: error })
        throw error
      }
    },
    get isOpen() {
      // The library turns to half open with the attempt itself: who waited for that would never try a peer that has a sibling.
      const isDue = Date.now() - openedAt >= openMs
      return breaker.state === CircuitState.HalfOpen || (breaker.state === CircuitState.Open && !isDue)
    },
  }
}
