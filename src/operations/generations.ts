import { newGeneration } from '#platform/event-generation.ts'
import { EventSourceNotFound } from './errors.ts'
import type { KnownEvents } from './hosted.ts'
import { actorName, requireReason } from './reasons.ts'

export interface Generations {
  /**
   * Begins a new life of a source's log after its database was restored. By command line only: it belongs to a restore, and
   * sends every consumer back to what the log still holds. Throws EVENT_SOURCE_NOT_FOUND, REASON_REQUIRED.
   */
  begin(source: string, reason: string | undefined): Promise<{ source: string; generation: number }>
}

export function createGenerations(events: KnownEvents): Generations {
  return {
    async begin(source, reason) {
      const given = requireReason(reason, 'generation new')
      const sources = events.sources()
      const found = sources.find(({ name }) => name === source)
      if (!found) throw EventSourceNotFound({ id: source, known: sources.map(({ name }) => name).join(', ') })
      const { generation } = await newGeneration(found.database, { reason: given, actor: actorName() })
      events.look()
      return { source, generation }
    },
  }
}
