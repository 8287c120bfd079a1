import type { Breaker } from './breaker.ts'
import { type ConnectionTarget, openConnection, type ServerConnection } from './database-connection.ts'
import { type SessionLimits, statementAbandoned } from './database-dialect.ts'
import { DependencyUnavailable, Overloaded } from './dependency-errors.ts'

/**
 * The connections of one process to one database for one purpose. Nobody waits in it without a deadline, nobody waits in a
 * queue that cannot be served in time, and a connection that is late goes to the next in line instead of being lost.
 */
export interface Pool {
  /** At once when one is idle. Throws `OVERLOADED` when all stay in use, `DEPENDENCY_UNAVAILABLE` when none can be opened. */
  acquire(): ServerConnection | Promise<ServerConnection>
  /** Gives back a connection on which nothing is open; a dead one is thrown away. */
  release(connection: ServerConnection): void
  /** Throws a connection away of which nobody can say what the server still does on it. */
  destroy(connection: ServerConnection, reason?: Error): void
  readonly state: PoolState
  close(): Promise<void>
}

export interface PoolState {
  size: number
  idle: number
  busy: number
  connecting: number
  waiting: number
}

export interface PoolOptions {
  dependency: string
  target: ConnectionTarget
  size: number
  breaker: Breaker
  limits: SessionLimits
  acquireMs?: number
  connectMs?: number
  idleMs?: number
  /** How long after the server's own limit a statement is given up; the server should have been first. */
  graceMs?: number
}

interface Waiter {
  resolve(connection: ServerConnection): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

const sweepMs = 250

export function createPool({
  dependency,
  target,
  size,
  breaker,
  limits,
  acquireMs = 500,
  connectMs = 1_000,
  idleMs = 30_000,
  graceMs = 500,
}: PoolOptions): Pool {
  const all = new Set<ServerConnection>()
  // The last used is the next used, so that those not needed grow old and are closed.
  const idle: ServerConnection[] = []
  const waiters = new Set<Waiter>()
  let connecting = 0
  let closed = false
  let sweeper: NodeJS.Timeout | undefined

  const unavailable = (cause?: unknown): Error => DependencyUnavailable({ dependency }, cause === undefined ? {} : { cause })

  const nextWaiter = (): Waiter | undefined => {
    for (const waiter of waiters) {
      waiters.delete(waiter)
      clearTimeout(waiter.timer)
      return waiter
    }
    return undefined
  }

  const handOut = (connection: ServerConnection): void => {
    const waiter = nextWaiter()
    if (waiter) waiter.resolve(connection)
    else {
      connection.idleSince = performance.now()
      idle.push(connection)
    }
  }

  const forget = (connection: ServerConnection): void => {
    all.delete(connection)
    const at = idle.indexOf(connection)
    if (at >= 0) idle.splice(at, 1)
    if (all.size === 0 && sweeper) {
      clearInterval(sweeper)
      sweeper = undefined
    }
    grow()
  }

  const connect = async (): Promise<void> => {
    connecting += 1
    try {
      let opened: ServerConnection | undefined
      const connection = await openConnection(target, { connectMs, limits, lost: () => opened && forget(opened) })
      opened = connection
      breaker.succeeded()
      if (closed) {
        connection.end()
        return
      }
      all.add(connection)
      sweeper ??= setInterval(sweep, sweepMs).unref()
      handOut(connection)
    } catch (error) {
      breaker.failed()
      nextWaiter()?.reject(unavailable(error))
      // With the breaker open nothing will be opened for the others either: they need not wait for their deadline.
      if (breaker.state === 'open' && all.size === 0)
        for (let waiter = nextWaiter(); waiter; waiter = nextWaiter()) waiter.reject(unavailable(error))
    } finally {
      connecting -= 1
      grow()
    }
  }

  const grow = (): void => {
    while (!closed && waiters.size > connecting && all.size + connecting < size && breaker.admit()) void connect()
  }

  const sweep = (): void => {
    const now = performance.now()
    for (const connection of all) {
      if (connection.waitingSince !== undefined && now - connection.waitingSince > limits.statementMs + graceMs) {
        connection.destroy(
          Object.assign(new Error(`the server did not answer in ${limits.statementMs + graceMs} ms`), { code: statementAbandoned }),
        )
        forget(connection)
        void endStatement(connection.threadId)
      }
    }
    for (const connection of idle.filter((candidate) => now - candidate.idleSince > idleMs)) {
      connection.end()
      forget(connection)
    }
  }

  /** A server notices a closed socket only when it answers; what it does meanwhile holds locks. MySQL limits only SELECT itself. */
  const endStatement = async (threadId: number): Promise<void> => {
    try {
      const killer = await openConnection(target, { connectMs, limits })
      try {
        await killer.text(`KILL ${threadId}`)
      } finally {
        killer.end()
      }
    } catch {
      // It has ended by itself, or the server is away: then there is nothing to end.
    }
  }

  return {
    acquire() {
      if (closed) throw unavailable()
      for (let connection = idle.pop(); connection; connection = idle.pop()) if (connection.alive) return connection
      if (all.size === 0 && breaker.state === 'probing') throw unavailable()
      if (waiters.size >= 2 * size) throw Overloaded({ dependency })
      return new Promise((resolve, reject) => {
        const expired = (): void => {
          waiters.delete(waiter)
          reject(connecting > 0 ? unavailable(new Error(`no connection in ${acquireMs} ms`)) : Overloaded({ dependency }))
        }
        const waiter: Waiter = { resolve, reject, timer: setTimeout(expired, acquireMs) }
        waiters.add(waiter)
        grow()
        if (all.size > 0 || connecting > 0) return
        // The breaker let nobody through, so nothing will come.
        waiters.delete(waiter)
        clearTimeout(waiter.timer)
        reject(unavailable())
      })
    },
    release(connection) {
      if (!all.has(connection)) return
      if (connection.alive && !closed) handOut(connection)
      else {
        connection.destroy()
        forget(connection)
      }
    },
    destroy(connection, reason) {
      connection.destroy(reason)
      forget(connection)
    },
    get state() {
      return { size, idle: idle.length, busy: all.size - idle.length, connecting, waiting: waiters.size }
    },
    async close() {
      closed = true
      for (let waiter = nextWaiter(); waiter; waiter = nextWaiter()) waiter.reject(unavailable())
      for (const connection of idle.splice(0)) {
        connection.end()
        all.delete(connection)
      }
      const until = performance.now() + 1_000
      while (all.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
      for (const connection of [...all]) connection.destroy()
      all.clear()
      clearInterval(sweeper)
    },
  }
}
