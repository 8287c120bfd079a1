import { AsyncLocalStorage } from 'node:async_hooks'
import eventemitter from 'eventemitter2'
import type { DatabaseName } from './databases.ts'
import type { Envelope } from './event-contracts.ts'

/**
 * The bell inside a process, over EventEmitter2: it says that there may be work and shows events to observers. A lost ring
 * costs time, never an event, so nothing else hangs on it.
 */
export interface Bell {
  /** After a commit: events wait to be numbered in this partition. */
  ringCommitted(source: DatabaseName, part: number): void
  onCommitted(listener: (source: DatabaseName, part: number) => void): void
  /** After numbering: the partition's newest number. */
  ringNumbered(source: DatabaseName, part: number, head: number): void
  onNumbered(listener: (source: DatabaseName, part: number, head: number) => void): void
  /** True when somebody observes, so that others need not read the events for it. */
  readonly observed: boolean
  show(event: Envelope): void
  /** `user.*`, `*.created`, `**`. At most once; a failing observer is reported and disturbs nobody. Returns the end of it. */
  observe(pattern: string, observer: Observer, failed: (error: unknown) => void): () => void
}

export type Observer = (event: Envelope) => unknown

export function createBell(): Bell {
  // Two emitters: event types are the names of one of them, so a type can never be mistaken for a ring.
  const rings = new eventemitter.EventEmitter2({ maxListeners: 0 })
  const feed = new eventemitter.EventEmitter2({ wildcard: true, maxListeners: 0 })
  let observers = 0

  return {
    ringCommitted: (source, part) => void rings.emit('committed', source, part),
    onCommitted: (listener) => void rings.on('committed', inOwnContext(listener)),
    ringNumbered: (source, part, head) => void rings.emit('numbered', source, part, head),
    onNumbered: (listener) => void rings.on('numbered', inOwnContext(listener)),
    get observed() {
      return observers > 0
    },
    show: (event) => void feed.emit(event.type, event),
    observe(pattern, observer, failed) {
      // EventEmitter2 stops at a listener that throws and lets a rejected promise end the process: neither may reach it.
      const isolated = (event: Envelope) => {
        new Promise((resolve) => resolve(observer(event))).catch(failed)
      }
      feed.on(pattern, isolated)
      observers += 1
      let on = true
      return () => {
        if (!on) return
        on = false
        observers -= 1
        feed.off(pattern, isolated)
      }
    },
  }
}

/** Whoever rings does so inside a request or a transaction; the work it wakes must not inherit that context. */
function inOwnContext<A extends unknown[]>(listener: (...args: A) => void): (...args: A) => void {
  const enter = AsyncLocalStorage.snapshot()
  return (...args) => enter(listener, ...args)
}
