/**
 * Circuit breaker of one dependency: after five failures within a second it refuses at once, and lets one probe through each
 * second until one succeeds. It runs on the monotonic clock, so a corrected wall clock cannot hold it open.
 */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'probing'
  /** True when an attempt may be made; in the open state that makes the caller the probe, who must report what came of it. */
  admit(): boolean
  succeeded(): void
  failed(): void
}

export interface BreakerOptions {
  failures?: number
  withinMs?: number
  probeAfterMs?: number
  now?: () => number
  /** Told of every change between closed and open. */
  changed?: (state: 'closed' | 'open') => void
}

export function createBreaker({
  failures = 5,
  withinMs = 1_000,
  probeAfterMs = 1_000,
  now = () => performance.now(),
  changed = () => {},
}: BreakerOptions = {}): Breaker {
  let state: Breaker['state'] = 'closed'
  let openedAt = 0
  let recent: number[] = []

  const open = (): void => {
    const wasClosed = state === 'closed'
    state = 'open'
    openedAt = now()
    recent = []
    if (wasClosed) changed('open')
  }

  return {
    get state() {
      return state
    },
    admit() {
      if (state === 'closed') return true
      if (state === 'probing' || now() - openedAt < probeAfterMs) return false
      state = 'probing'
      return true
    },
    succeeded() {
      recent = []
      if (state === 'closed') return
      state = 'closed'
      changed('closed')
    },
    failed() {
      if (state !== 'closed') {
        open()
        return
      }
      const at = now()
      recent = recent.filter((earlier) => at - earlier < withinMs)
      recent.push(at)
      if (recent.length >= failures) open()
    },
  }
}
