import type { Desks } from './desks.ts'
import { EventSourceNotFound } from './errors.ts'
import { requireReason } from './reasons.ts'

export interface Generations {
  /**
   * Begins a new life of a source's log after its database was restored. By command line only: it belongs to a restore, and
   * sends every consumer back to what the log still holds. Throws EVENT_SOURCE_NOT_FOUND, REASON_REQUIRED, MODULE_UNAVAILABLE.
   */
  begin(source: string, reason: string | undefined): Promise<{ source: string; generation: number }>
}

export function createGenerations({ all }: Desks): Generations {
  return {
    async begin(source, reason) {
      const given = requireReason(reason, 'generation new')
      const desk = all.find((each) => each.source === source)
      if (!desk) throw EventSourceNotFound({ id: source, known: all.map((each) => each.source).join(', ') })
      return { source, ...(await desk.beginGeneration({ reason: given })) }
    },
  }
}
