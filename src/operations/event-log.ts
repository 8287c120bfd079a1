import { eventKey } from '#platform/event-contracts.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { SeenEvent, SeenParked } from './desk-contract.ts'
import type { Desks } from './desks.ts'
import { EventNotFound } from './errors.ts'
import { merged, summaryOf } from './hosted.ts'
import { eventKeyset } from './log-repository.ts'
import { isUuid } from './paths.ts'
import type { Cause, EventAtConsumer, EventDetail, EventSummary, ListEvents } from './schemas.ts'

/** Events of all sources, as operators look for them. */
export interface EventLog {
  /** Newest first. Throws CURSOR_INVALID, CONSUMER_NOT_FOUND, MODULE_UNAVAILABLE. */
  list(query: ListEvents): Promise<PageOf<EventSummary>>
  /** Throws EVENT_NOT_FOUND, MODULE_UNAVAILABLE. */
  show(eventId: string): Promise<EventDetail>
  /** The event in the log or, when it has been purged there, where it is parked. Throws MODULE_UNAVAILABLE. */
  find(eventId: string): Promise<FoundEvent | undefined>
}

export interface FoundEvent extends SeenEvent {
  readonly parked: readonly SeenParked[]
}

/** Causes of causes: a chain longer than this is cut. */
const mostCauses = 20

export function createEventLog(desks: Desks): EventLog {
  async function logged(eventId: string): Promise<SeenEvent | undefined> {
    const found = await Promise.all(desks.all.map((desk) => desk.findEvent({ id: eventId })))
    return found.find((event) => event !== undefined)
  }

  async function find(eventId: string): Promise<FoundEvent | undefined> {
    const [event, ...lines] = await Promise.all([logged(eventId), ...desks.all.map((desk) => desk.findParked({ id: eventId }))])
    const parked = lines.flat()
    if (event) return { ...event, parked }
    const [row] = parked
    return row && { envelope: row.envelope, part: row.part, seq: row.seq, parked }
  }

  /** Every consumer that hears the event, and where it stands with it. */
  async function standings({ envelope, part, seq, parked }: FoundEvent): Promise<EventAtConsumer[]> {
    const asked = { key: eventKey(envelope.type, envelope.version), source: envelope.source, part, seq }
    const hearing = (await Promise.all(desks.all.map((desk) => desk.hearers(asked)))).flat()
    const untouched = hearing.filter(({ consumer }) => !parked.some(({ at }) => at.consumer === consumer))
    const all = [
      ...parked.map(({ at }) => at),
      ...untouched.map(({ consumer, isPassed }): EventAtConsumer => ({ ...unparked, consumer, state: isPassed ? 'settled' : 'pending' })),
    ]
    return all.sort((one, other) => (one.consumer < other.consumer ? -1 : 1))
  }

  async function causesOf({ envelope }: SeenEvent): Promise<Cause[]> {
    const causes: Cause[] = []
    for (let next = envelope.causationId; isUuid(next) && causes.length < mostCauses; ) {
      const cause = await logged(next)
      if (!cause || causes.some(({ id }) => id === cause.envelope.id)) break
      const { id, type, subject, occurredAt, causationId } = cause.envelope
      causes.push({ id, type, subject, occurredAt })
      next = causationId
    }
    return causes
  }

  return {
    find,

    async list(query) {
      const hearing = query.consumer === undefined ? undefined : (await desks.subscribed(query.consumer)).consumer.sources
      const wanted = desks.all.filter(
        ({ source }) => (query.source === undefined || source === query.source) && (!hearing || hearing[source] !== undefined),
      )
      const lists = await Promise.all(
        wanted.map(({ source, listEvents }) => {
          const keys = hearing?.[source]
          return listEvents({ query, ...(keys ? { keys } : {}) })
        }),
      )
      // Every log has its page from the same place on, so the cursor is the same for all of them.
      return eventKeyset(query).page(merged(lists, (one, other) => one.id > other.id))
    },

    async show(eventId) {
      const event = await find(eventId)
      if (!event) throw EventNotFound({ id: eventId })
      const [consumers, causes] = await Promise.all([standings(event), causesOf(event)])
      const { traceparent, data } = event.envelope
      return { ...summaryOf(event), traceparent, data, consumers, causes }
    },
  }
}

const unparked = { attempts: 0, nextAt: null, errorCode: null, error: null, firstAt: null, lastAt: null, blockedBy: null }
