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

export function createLoadGauge(limits: LoadLimits = loadLimits): LoadGauge {
  let delayMs = 0
  let overloaded = false
  let last = performance.now()
  let lastUse = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.now()
    const use = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(use, lastUse)
    delayMs = Math.max(0, now - last - limits.everyMs)
    overloaded = delayMs > limits.delayMs || (utilization > limits.utilisation && delayMs > limits.busyDelayMs)
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
