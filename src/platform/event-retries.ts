import { isConflict, isConnectionLoss } from './database-dialect.ts'

/** Delays after the first, second … failure of an event, in ms; the last one repeats. */
const afterFailure = [200, 1_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000]
const firstOutageDelay = 50
const longestOutageDelay = 2_000

/** Spread by a quarter either way, so that what failed together does not return together. */
export function delayAfterFailure(failures: number, random: () => number = Math.random): number {
  const delay = afterFailure[Math.min(failures, afterFailure.length) - 1] ?? 0
  return Math.round(delay * (0.75 + random() / 2))
}

/** While a database is away: soon again at first, every two seconds in the end. */
export function delayOfOutage(attempts: number): number {
  return Math.min(firstOutageDelay * 2 ** (attempts - 1), longestOutageDelay)
}

/**
 * The database did not answer, as against: the event could not be handled. A lock conflict that outlasted its repeats is of the
 * event's own making. Looks through wrapped errors.
 */
export function isAway(error: unknown): boolean {
  let away = false
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth += 1) {
    if (isConflict(current)) return false
    if (isConnectionLoss(current)) away = true
    if ('code' in current && (current.code === 'DEPENDENCY_UNAVAILABLE' || current.code === 'OVERLOADED')) away = true
    current = 'cause' in current ? current.cause : undefined
  }
  return away
}
