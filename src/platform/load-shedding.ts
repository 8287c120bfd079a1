/**
 * Whether this process has more to do than it can: measured by how late a timer fires. What is refused early costs almost
 * nothing, so those who are let in still get their answer in time. A busy loop alone is no overload: it may serve everybody at
 * once; full use counts only together with a noticeable delay.
 */
export interface LoadGauge {
  readonly overloaded: boolean
  readonly delayMs: number
  close(): void
}

export interface LoadLimits {
  delayMs: number
  /** With full use of the loop this much delay is enough. */
  busyDelayMs: number
  utilisation: number
  everyMs: number
}

export const loadLimits: LoadLimits = { delayMs: 300, busyDelayMs: 100, utilisation: 0.95, everyMs: 100 }

/** Never overloaded. */
export const noLoadLimits: LoadLimits = { ...loadLimits, delayMs: Number.POSITIVE_INFINITY, busyDelayMs: Number.POSITIVE_INFINITY }

export function createLoadGauge(limits: LoadLimits): LoadGauge {
  let delayMs = 0
  let late = false
  let overloaded = false
  let last = performance.now()
  let lastUse = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.now()
    const use = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(use, lastUse)
    delayMs = Math.max(0, now - last - limits.everyMs)
    const lateAgain = late
    late = delayMs > limits.delayMs || (utilization > limits.utilisation && delayMs > limits.busyDelayMs)
    // One late look is a pause of the machine; two in a row are more work than there is time.
    overloaded = late && lateAgain
    last = now
    lastUse = use
  }, limits.everyMs).unref()
  return {
    get overloaded() {
      return overloaded
    },
    get delayMs() {
      return delayMs
    },
    close: () => clearInterval(timer),
  }
}
