/**
 * Places and time for event work in one database. Lines and retries queue for the same few places, first come first served,
 * so neither starves the other and the event pool keeps a connection for the relay.
 */
export interface Turns {
  /** No new work begins, and what fails from now on is not to blame. */
  readonly stopping: boolean
  /** Does the work when a place is free, and settles with it. Once stopping, it is not done at all. */
  take(work: () => Promise<void>): Promise<void>
  /** For one transaction: the signal aborts when its time is over, or when stopping could wait no longer. */
  underDeadline<R>(act: (signal: AbortSignal) => Promise<R>): Promise<R>
  /** Resolves when nothing is under way any more; what takes longer than `withinMs` is aborted. */
  stop(withinMs: number): Promise<void>
}

export function createTurns(places: number, deadlineMs: number): Turns {
  const queue: (() => void)[] = []
  const taken = new Set<Promise<void>>()
  const controllers = new Set<AbortController>()
  let free = places
  let stopping = false

  async function inPlace(work: () => Promise<void>): Promise<void> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      if (!stopping) await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else free += 1
    }
  }

  return {
    get stopping() {
      return stopping
    },

    async take(work) {
      const turn = inPlace(work)
      taken.add(turn)
      try {
        await turn
      } finally {
        taken.delete(turn)
      }
    },

    async underDeadline(act) {
      const controller = new AbortController()
      controllers.add(controller)
      const timer = setTimeout(() => controller.abort(new Error(`the handler took longer than ${deadlineMs} ms`)), deadlineMs)
      try {
        return await act(controller.signal)
      } finally {
        clearTimeout(timer)
        controllers.delete(controller)
      }
    },

    async stop(withinMs) {
      stopping = true
      const timer = setTimeout(() => {
        for (const controller of controllers) controller.abort(new Error('the process stops'))
      }, withinMs)
      await Promise.allSettled(taken)
      clearTimeout(timer)
    },
  }
}
