import { setTimeout as pause } from 'node:timers/promises'

/** Waits for a condition, never for time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await pause(10)
  }
}

/** Waits as long as the number grows towards its goal; false when it has stood still for `patienceMs`. */
export async function grows(read: () => Promise<number>, goal: () => number | Promise<number>, patienceMs: number): Promise<boolean> {
  let highest = -1
  let movedAt = performance.now()
  for (;;) {
    const now = await read()
    if (now >= (await goal())) return true
    if (now > highest) {
      highest = now
      movedAt = performance.now()
    }
    if (performance.now() - movedAt > patienceMs) return false
    await pause(50)
  }
}
