import type { Position } from './event-positions.ts'
import type { LoggedEvent, LogWindow } from './event-sources.ts'

export type Inspection = { readonly events: readonly LoggedEvent[] } | { readonly conflict: string }

/** Where to read from: the position itself, inclusive, so that the log can prove that it is the one we know. */
export const readFrom = ({ seq, eventId }: Position): number => (eventId === null ? seq + 1 : seq)

/**
 * Compares what was read with the position. A log that does not hold the event we settled last, or has gaps, is another life
 * of the database: nothing of it is applied.
 */
export function inspect(position: Position, { generation, events, begins }: LogWindow): Inspection {
  if (generation !== undefined && generation !== position.generation)
    return { conflict: `the log is of generation ${generation}, the position of ${position.generation}` }
  const [first] = events
  if (position.eventId !== null && (first?.seq !== position.seq || first.envelope.id !== position.eventId))
    return { conflict: `number ${position.seq} is not the event that was settled under it` }
  const from = begins ?? readFrom(position)
  const gap = events.findIndex(({ seq }, index) => seq !== from + index)
  if (gap >= 0) return { conflict: `number ${from + gap} is missing` }
  return { events: position.eventId === null ? events : events.slice(1) }
}
