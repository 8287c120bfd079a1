import { isConflict, isConnectionLoss, isStatementLimit } from './database-dialect.ts'
import type { DatabaseName } from './databases.ts'
import { isAppError } from './errors.ts'

/** When a failed event is tried again, what is kept of its error, and which errors are not its own. */

/** Delays after the first, second … failure of an event, in ms. */
const afterFailure = [200, 1_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 300_000, 300_000, 300_000]
/** With the last of them, about 24 minutes after the first, an event is a dead letter. */
const mostAttempts = afterFailure.length + 1
const firstOutageDelay = 50
const longestOutageDelay = 2_000
const longestError = 500

/** What becomes of an event that was not handled. */
export interface Verdict {
  /** How often its handler has been tried. */
  readonly attempts: number
  /** Until the next attempt; null makes it a dead letter. */
  readonly nextMs: number | null
  /** Null when the event has no fault of its own: it waits behind another one, or the process stopped. */
  readonly code: string | null
  readonly message: string | null
}

/** For an event that waits behind another of its subject, and for one that was set apart without being tried. */
export const untried: Verdict = { attempts: 0, nextMs: 0, code: null, message: null }

/** For an event that two processes left unfinished: it is not given a third. */
export const processDied = {
  code: 'PROCESS_DIED',
  message: 'Two processes ended while they handled this event.',
}

export function verdictOf(error: unknown, attempts: number, random: () => number = Math.random): Verdict {
  const nextMs = isFinal(error) || attempts >= mostAttempts ? null : delayAfterFailure(attempts, random)
  return { attempts, nextMs, ...describe(error) }
}

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
 * The consumer's own database did not answer, as against: the event could not be handled. A lock conflict that outlasted its
 * repeats and a statement that took too long are of the event's own making, and so is anything else that is away: it must not
 * hold the events of other subjects. Looks through wrapped errors.
 */
export function isAway(error: unknown, database: DatabaseName): boolean {
  let away = false
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth += 1) {
    if (isConflict(current) || isStatementLimit(current)) return false
    if (isConnectionLoss(current)) away = true
    if (isAppError(current) && unanswered.has(current.code) && current.details.dependency === database) away = true
    current = 'cause' in current ? current.cause : undefined
  }
  return away
}

const unanswered = new Set(['DEPENDENCY_UNAVAILABLE', 'OVERLOADED'])

/** A repeat would end the same way. */
const isFinal = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false

/** A server's message quotes the values it refuses, so of that only the number is kept. */
function describe(error: unknown): Pick<Verdict, 'code' | 'message'> {
  if (isAppError(error)) return { code: error.code, message: shorten(error.message) }
  if (!(error instanceof Error)) return { code: 'HANDLER_FAILED', message: 'The handler threw what is not an error.' }
  const server = serverErrorOf(error)
  if (server) return { code: server.code, message: `The database refused a statement of the handler: error ${server.errno}.` }
  const code = 'code' in error && typeof error.code === 'string' && isCode(error.code) ? error.code : 'HANDLER_FAILED'
  return { code, message: shorten(`${error.name}: ${error.message}`) }
}

/** Drivers and drizzle wrap what the server said. */
function serverErrorOf(error: unknown): { code: string; errno: number } | undefined {
  for (let current = error, depth = 0; typeof current === 'object' && current !== null && depth < 5; depth += 1) {
    if ('errno' in current && typeof current.errno === 'number' && 'sqlState' in current)
      return {
        code: 'code' in current && typeof current.code === 'string' && isCode(current.code) ? current.code : 'HANDLER_FAILED',
        errno: current.errno,
      }
    current = 'cause' in current ? current.cause : undefined
  }
  return undefined
}

const isCode = (code: string): boolean => /^[A-Z][A-Z0-9_]{0,79}$/.test(code)

const shorten = (text: string): string => text.slice(0, longestError)
