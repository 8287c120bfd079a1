import { hash, parseOptions, verify } from '@node-rs/argon2'
import { Overloaded } from '#platform/dependency-errors.ts'
import type { Log } from '#platform/logging.ts'

/** Argon2id with the parameters of today, bounded so that a wave of log-ins cannot take the machine. */
export interface Passwords {
  /** PHC string. Rejects with OVERLOADED when too many wait. */
  hash(password: string): Promise<string>
  /**
   * One verification, whatever is known about the account: an absent hash is verified against a fixed one and never fits.
   * `isStale`: the password is right and its hash has older parameters.
   */
  verify(stored: string | null | undefined, password: string): Promise<{ isRight: boolean; isStale: boolean }>
}

/** OWASP's minimum with 19 MiB; measured 8–19 ms per hash. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Of a password nobody knows, with the parameters above. */
const nobodysHash = '$argon2id$v=19$m=19456,t=2,p=1$QDJfEzjqyn8H/YWPJbhZ8g$xd0sD72B8M/iM4coNKXgERItb1pWfJvb070AEQZgyZU'

export interface PasswordsNeeds {
  log: Pick<Log, 'error'>
  /** Hashes at once. */
  atOnce?: number
  /** Callers that may wait for their turn. */
  waiting?: number
}

export function createPasswords({ log, atOnce = navigator.hardwareConcurrency, waiting = 64 }: PasswordsNeeds): Passwords {
  const inTurn = createTurns(atOnce, waiting)

  return {
    hash: (password) => inTurn(() => hash(password, parameters)),

    verify: (stored, password) =>
      inTurn(async () => {
        const known = stored ?? nobodysHash
        const options = readOptions(known)
        if (options === undefined) {
          log.error({}, 'a stored password hash cannot be read: its owner needs a reset')
          await verify(nobodysHash, password)
          return { isRight: false, isStale: false }
        }
        const isRight = (await verify(known, password)) && known === stored
        const { memoryCost, timeCost, parallelism } = options
        const isCurrent = memoryCost === parameters.memoryCost && timeCost === parameters.timeCost && parallelism === parameters.parallelism
        return { isRight, isStale: isRight && !isCurrent }
      }),
  }
}

function readOptions(stored: string) {
  try {
    return parseOptions(stored)
  } catch {
    return undefined
  }
}

/** First come, first served; refuses when the queue is full. */
function createTurns(atOnce: number, waiting: number) {
  let running = 0
  const queue: (() => void)[] = []
  return async <R>(work: () => Promise<R>): Promise<R> => {
    if (running < atOnce) running++
    else if (queue.length >= waiting) throw Overloaded({ dependency: 'password hashing' })
    // Whoever ends hands its turn over, so that nobody slips in between.
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }
}
