import { isAppError } from './errors.ts'
import { compareWith, type Dispatcher } from './event-dispatcher.ts'
import type { Heard } from './event-host.ts'
import { partitions } from './event-partitions.ts'
import { lineName } from './event-positions.ts'
import { createStreamSource } from './event-stream-source.ts'
import type { EventStreams } from './event-streams.ts'
import type { Log } from './logging.ts'

/** A source that another process hosts. */
export interface FarSource extends Heard {
  /** How far its streams reach, and, in return, how far its consumers are. Never fails: it waits for Redis. */
  look(dispatchers: readonly Dispatcher[]): Promise<void>
  /** Tells the source that a consumer of this process claims no events any more. Rejects when Redis is away. */
  giveUp(consumer: string): Promise<void>
}

export function createFarSource(name: string, streams: EventStreams, log: Pick<Log, 'info' | 'warn'>): FarSource {
  const source = createStreamSource(name, streams)
  const expected = new Set<string>()
  let away = false

  function lost(error: unknown): void {
    if (!away) log.warn({ source: name, error }, 'events of another process are waited for')
    away = true
  }

  return {
    source,
    expected,
    get generation() {
      return source.generation
    },
    trueUpTo: source.trueUpTo,

    isLost(error) {
      const isIt = isAppError(error) && source.dependencies.some((each) => each === error.details.dependency)
      if (isIt) lost(error)
      return isIt
    },

    giveUp: source.retire,

    async look(dispatchers) {
      if (expected.size === 0) return
      try {
        const { settled } = await compareWith(dispatchers, name, source.state)
        const positions = new Map(settled.flatMap((each) => [...each]))
        for (const consumer of expected)
          for (let part = 0; part < partitions; part += 1) {
            const position = positions.get(lineName({ consumer, source: name, part }))
            if (position) await source.acknowledge(consumer, part, position)
          }
        if (away) log.info({ source: name }, 'events of another process come again')
        away = false
      } catch (error) {
        lost(error)
      }
    },
  }
}
