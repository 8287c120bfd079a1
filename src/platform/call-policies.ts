import { BulkheadRejectedError, bulkhead, CircuitState, CountBreaker, circuitBreaker, DelegateBackoff, handleWhen, retry } from 'cockatiel'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'

/**
 * What stands between a caller and a peer: retries of what may be repeated, a breaker that spares a peer which fails, and a limit
 * on what waits for it. One set per target, so that a peer's trouble stays the trouble of those who need it.
 */
export interface CallPolicies {
  /** Runs one call. `attempt` is 1 at first. Rejects with OVERLOADED or DEPENDENCY_UNAVAILABLE without a call when it must not be made. */
  run<R>(attempt: (number: number, signal: AbortSignal) => Promise<R>, options: { repeatable: boolean; signal: AbortSignal }): Promise<R>
  /** Whether a call would be refused now. */
  readonly isOpen: boolean
}

export interface CallPoliciesOptions {
  target: string
  /** True for failures of the peer or the way to it; an error the peer declares is an answer. */
  isPeerFailure: (error: unknown) => boolean
  repeated?: () => void
  changed?: (isOpen: boolean) => void
}

const openMs = 1_000
const window = 20
const fewestCalls = 10
const inFlight = 64
const waiting = 64
const retries = 2
/** Full jitter: repeats of many callers do not come in step. */
const pauseMs = { least: 5, most: 40 }
/** Share of the calls that may be repeats; what was not used is kept for short troubles, but not for storms. */
const budgetShare = 0.1
const budgetMost = 10

export function createCallPolicies({ target, isPeerFailure, repeated, changed }: CallPoliciesOptions): CallPolicies {
  let budget = 1
  const limit = bulkhead(inFlight, waiting)
  // The library opens above its threshold and we at it: half of 20 calls, so a hair below.
  const breaker = circuitBreaker(handleWhen(isPeerFailure), {
    halfOpenAfter: openMs,
    breaker: new CountBreaker({ threshold: 0.5 - 1e-9, size: window, minimumNumberOfCalls: fewestCalls }),
  })
  breaker.onBreak(() => changed?.(true))
  breaker.onReset(() => changed?.(false))
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

  async function once<R>(attempt: (signal: AbortSignal) => Promise<R>, signal: AbortSignal): Promise<R> {
    // Left alone, the library lets everybody wait for the probe; a peer that hangs would then hold them all.
    if (breaker.state === CircuitState.HalfOpen) throw DependencyUnavailable({ dependency: target })
    try {
      return await limit.execute(() => breaker.execute(() => attempt(signal), signal), signal)
    } catch (error) {
      if (error instanceof BulkheadRejectedError) throw Overloaded({ dependency: target }, { cause: error })
      if (error instanceof Error && 'isBrokenCircuitError' in error) throw DependencyUnavailable({ dependency: target }, { cause: error })
      throw error
    }
  }

  return {
    run(attempt, { repeatable, signal }) {
      budget = Math.min(budget + budgetShare, budgetMost)
      if (!repeatable) return once((live) => attempt(1, live), signal)
      return again.execute((context) => once((live) => attempt(context.attempt + 1, live), signal), signal)
    },
    get isOpen() {
      return breaker.state === CircuitState.Open || breaker.state === CircuitState.HalfOpen
    },
  }
}
