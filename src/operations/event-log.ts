import { eventKey, typeOf } from '#platform/event-contracts.ts'
import type { HostedSource } from '#platform/events.ts'
import type { PageOf } from '#platform/schemas.ts'
import { cursorRows } from './consumer-repository.ts'
import { EventNotFound } from './errors.ts'
import { consumerDatabases, consumerNamed, type KnownEvents, merged } from './hosted.ts'
import { eventKeyset, findLogged, type LoggedEvent, listLog } from './log-repository.ts'
import { masked } from './masking.ts'
import { findParked, type ParkedRow } from './parked-repository.ts'
import { isUuid } from './paths.ts'
import type { Cause, EventAtConsumer, EventDetail, EventSummary, ListEvents } from './schemas.ts'

/** Events of all sources of this process, as operators look for them. */
export interface EventLog {
  /** Newest first. Throws CURSOR_INVALID, CONSUMER_NOT_FOUND. */
  list(query: ListEvents): Promise<PageOf<EventSummary>>
  /** Throws EVENT_NOT_FOUND. */
  show(eventId: string): Promise<EventDetail>
  /** The event in the log or, when it has been purged there, where it is parked. */
  find(eventId: string): Promise<FoundEvent | undefined>
}

export interface FoundEvent extends LoggedEvent {
  readonly parked: readonly ParkedRow[]
}

/** Causes of causes: a chain longer than this is cut. */
const mostCauses = 20

export function createEventLog(events: KnownEvents): EventLog {
  async function logged(eventId: string): Promise<LoggedEvent | undefined> {
    const found = await Promise.all(events.sources().map(({ name, database }) => findLogged(database.requests, name, eventId)))
    return found.find((event) => event !== undefined)
  }

  async function find(eventId: string): Promise<FoundEvent | undefined> {
    const [event, ...lines] = await Promise.all([
      logged(eventId),
      ...consumerDatabases(events).map(({ database, consumers }) => findParked(database.requests.db, consumers, eventId)),
    ])
    const parked = lines.flat()
    if (event) return { ...event, parked }
    const [row] = parked
    return row && { envelope: row.envelope, part: row.part, seq: row.seq, parked }
  }

  /** Every consumer that hears the event, and where it stands with it. */
  async function standings({ envelope, part, seq, parked }: FoundEvent): Promise<EventAtConsumer[]> {
    const key = eventKey(envelope.type, envelope.version)
    const hearing = events.consumers().filter(({ sources }) => sources.get(envelope.source)?.includes(key))
    const cursors = await Promise.all(
      [...new Set(hearing.map(({ database }) => database))].map((database) => cursorRows(database.requests)),
    )
    const isPassed = (consumer: string): boolean =>
      seq !== null &&
      cursors.flat().some((row) => row.consumer === consumer && row.source === envelope.source && row.part === part && row.seq >= seq)
    const names = [...new Set([...hearing.map(({ name }) => name), ...parked.map(({ consumer }) => consumer)])].sort()
    return names.map((consumer) => {
      const row = parked.find((each) => each.consumer === consumer)
      if (row) return atConsumer(row)
      return { ...untouched, consumer, state: isPassed(consumer) ? 'settled' : 'pending' }
    })
  }

  /** A log that has never held the type would be read to its end. A type that nobody publishes any more may be in any of them. */
  function publishing(type: string | undefined): readonly HostedSource[] {
    const all = events.sources()
    const declaring = all.filter(({ declarations }) => [...declarations.keys()].some((key) => typeOf(key) === type))
    return declaring.length > 0 ? declaring : all
  }

  async function causesOf({ envelope }: LoggedEvent): Promise<Cause[]> {
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
      const hearing = query.consumer === undefined ? undefined : consumerNamed(events, query.consumer)
      const wanted = publishing(query.type).filter(
        ({ name }) => (query.source === undefined || name === query.source) && (!hearing || hearing.sources.has(name)),
      )
      const lists = await Promise.all(
        wanted.map(({ name, database, declarations }) => {
          const keys = hearing?.sources.get(name)
          return listLog(database.requests, name, { query, declarations, ...(keys ? { keys } : {}) })
        }),
      )
      const { data, page } = eventKeyset(query).page(merged(lists, (one, other) => one.eventId > other.eventId))
      return { data: data.map(summaryOf), page }
    },

    async show(eventId) {
      const event = await find(eventId)
      if (!event) throw EventNotFound({ id: eventId })
      const { envelope } = event
      const source = events.sources().find(({ name }) => name === envelope.source)
      const declaration = source?.declarations.get(eventKey(envelope.type, envelope.version))
      const [consumers, causes] = await Promise.all([standings(event), causesOf(event)])
      return {
        ...summaryOf(event),
        traceparent: envelope.traceparent,
        data: masked(envelope.data, declaration?.data),
        consumers,
        causes,
      }
    },
  }
}

const untouched = { attempts: 0, nextAt: null, errorCode: null, error: null, firstAt: null, lastAt: null, blockedBy: null }

const atConsumer = ({ envelope: _, source: _source, part: _part, seq: _seq, ...standing }: ParkedRow): EventAtConsumer => standing

function summaryOf({ envelope, part, seq }: LoggedEvent): EventSummary {
  const { id, type, version, source, subject, subjectSeq, occurredAt, correlationId, causationId, actor } = envelope
  return { id, type, version, source, subject, subjectSeq, occurredAt, correlationId, causationId, actor, part, seq }
}
