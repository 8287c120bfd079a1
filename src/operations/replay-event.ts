import { InvalidTransition } from '#platform/http-errors.ts'
import type { Desks } from './desks.ts'
import { EventNotFound } from './errors.ts'
import type { EventLog, FoundEvent } from './event-log.ts'
import { EventsPurged } from './replay-errors.ts'
import type { Extent } from './replay-repository.ts'

/** The event that is to be handled again, and why it cannot be when it cannot. */

export type NumberedEvent = FoundEvent & { readonly seq: number }

/** Throws EVENT_NOT_FOUND; EVENTS_PURGED when it was there before the oldest that is kept, as far as its id tells; INVALID_TRANSITION. */
export async function requireNumbered(desks: Desks, log: Pick<EventLog, 'find'>, eventId: string): Promise<NumberedEvent> {
  const found = await log.find(eventId)
  if (found && found.seq === null) throw pending()
  if (found?.seq) return { ...found, seq: found.seq }
  const made = madeAt(eventId)
  for (const extents of await Promise.all(desks.all.map((desk) => desk.extents({})))) {
    const oldest = oldestComplete(extents)
    if (oldest !== undefined && made !== undefined && made <= Date.parse(oldest)) throw tooOld(oldest, 'path', '/id')
  }
  throw EventNotFound({ id: eventId })
}

/** It will be handled anyhow. */
export const pending = () => InvalidTransition({ from: 'pending', action: 'replay' })

/** The limit as a member of its own: programs ask again with it. */
export const tooOld = (oldest: string, where: 'body' | 'path', path: string) =>
  EventsPurged(
    { oldest },
    { faults: [{ in: where, path, code: 'TOO_OLD', message: `Events before ${oldest} are no longer kept.`, limit: oldest }] },
  )

/** From when on the log has every event; undefined when nothing was ever purged. */
export function oldestComplete(extents: readonly Extent[]): string | undefined {
  const begins = extents.flatMap(({ oldest }) => (oldest && oldest.seq > 1 ? [oldest.at] : []))
  return begins.sort().at(-1)
}

/** A UUIDv7 begins with the time at which it was made. */
function madeAt(eventId: string): number | undefined {
  return eventId[14] === '7' ? Number.parseInt(eventId.replace('-', '').slice(0, 12), 16) : undefined
}
