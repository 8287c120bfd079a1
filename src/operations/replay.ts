import { audit } from '#platform/audit.ts'
import type { Database, DatabaseName } from '#platform/databases.ts'
import { eventKey, isMeantFor } from '#platform/event-contracts.ts'
import { partitionOf } from '#platform/event-publisher.ts'
import type { HostedConsumer } from '#platform/events.ts'
import { InvalidTransition } from '#platform/http-errors.ts'
import type { Job, Jobs } from '#platform/jobs.ts'
import { EventNotFound } from './errors.ts'
import type { EventLog, FoundEvent } from './event-log.ts'
import { consumerNamed, type KnownEvents } from './hosted.ts'
import { requireReason } from './reasons.ts'
import { ConsumerNotReplayable, ConsumerRequired, EventJobNotFound, EventLogRenewed, EventNotHeard, EventsPurged } from './replay-errors.ts'
import {
  heardTypes,
  mayLack,
  type Numbers,
  type ReplayInput,
  type ReplayPosition,
  replayJob,
  replayKind,
  sourceNamed,
} from './replay-job.ts'
import { previewOf } from './replay-preview.ts'
import { type Extent, extentsOf, leftInLine, type Standing, standingsOf } from './replay-repository.ts'
import type { EventJob, ReplayEvent, ReplayEvents, ReplayFilter, ReplayPreview } from './replay-schemas.ts'

/** Has events handled again on purpose, by consumers that bear it. */
export interface Replay {
  /**
   * One event that the consumer has settled. Throws REASON_REQUIRED, EVENT_NOT_FOUND, EVENTS_PURGED, CONSUMER_NOT_FOUND,
   * CONSUMER_REQUIRED, CONSUMER_NOT_REPLAYABLE, EVENT_NOT_HEARD, INVALID_TRANSITION, EVENT_LOG_RENEWED, MODULE_UNAVAILABLE.
   */
  replayEvent(eventId: string, wish: ReplayEvent): Promise<EventJob | ReplayPreview>
  /**
   * Those that fit, of all that the consumer has settled. Throws REASON_REQUIRED, CONSUMER_NOT_FOUND,
   * CONSUMER_NOT_REPLAYABLE, EVENT_NOT_HEARD, EVENTS_PURGED, INVALID_TRANSITION, EVENT_LOG_RENEWED, MODULE_UNAVAILABLE.
   */
  replayEvents(wish: ReplayEvents): Promise<EventJob | ReplayPreview>
  /** Throws EVENT_JOB_NOT_FOUND. */
  requireJob(id: string): Promise<EventJob>
}

export interface ReplayNeeds {
  events: KnownEvents
  log: Pick<EventLog, 'find'>
  jobs: Pick<Jobs, 'register' | 'find'>
  /** All that may hold consumers. */
  databases: readonly Database<DatabaseName>[]
  /** Nothing younger is ever purged. */
  retentionDays: number
}

export function createReplay({ events, log, jobs, databases, retentionDays }: ReplayNeeds): Replay {
  const desks = new Map(databases.map((database) => [database.name, jobs.register(database, replayJob(events, retentionDays))]))

  async function begin(consumer: HostedConsumer, input: ReplayInput): Promise<EventJob> {
    const desk = desks.get(consumer.database.name)
    if (!desk) throw new TypeError(`no jobs are done in ${consumer.database.name}`)
    const { total, complete } = await previewOf(events, consumer, input, { listed: 0 })
    return consumer.database.requests.withTx(async (tx) => {
      const job = await desk.add(tx, { input, ...(complete ? { total } : {}) })
      await audit(tx, {
        action: 'event.replayed',
        subject: input.eventId === undefined ? `event_consumer/${consumer.name}` : `event/${input.eventId}`,
        after: { job: job.id, consumer: consumer.name, ...input.filter, total: job.total },
        reason: input.reason,
      })
      return shown(job, { waiting: 0, dead: 0 })
    })
  }

  async function numbersOf(consumer: HostedConsumer, filter: ReplayFilter): Promise<Numbers[]> {
    const standings = await standingsOf(consumer.database.requests, consumer.name)
    requireActive(standings)
    const numbers: Numbers[] = []
    for (const source of consumer.sources.keys()) {
      const types = heardTypes(consumer, source)
      if (filter.type !== undefined && !types.includes(filter.type)) continue
      const extents = await extentsOf(sourceNamed(events, source).database.requests)
      const wanted = filter.subject === undefined ? extents : extents.filter(({ part }) => part === partitionOf(filter.subject ?? ''))
      const gone = oldestComplete(wanted)
      if (filter.since !== undefined && gone !== undefined && mayLack(filter.since, gone, retentionDays))
        throw tooOld(gone, 'body', '/since')
      for (const { part, generation, oldest } of wanted) {
        const standing = standings.find((each) => each.source === source && each.part === part)
        if (!standing || !oldest) continue
        if (standing.generation !== generation) throw EventLogRenewed({ source })
        if (oldest.seq <= standing.seq) numbers.push({ source, part, generation, after: oldest.seq - 1, to: standing.seq })
      }
    }
    return numbers
  }

  /** Throws EVENTS_PURGED when the event was there before the oldest that is kept, as far as its id tells. */
  async function requireFound(eventId: string): Promise<FoundEvent & { seq: number }> {
    const found = await log.find(eventId)
    if (found && found.seq === null) throw pending()
    if (found?.seq) return { ...found, seq: found.seq }
    const made = madeAt(eventId)
    for (const { database } of events.sources()) {
      const oldest = oldestComplete(await extentsOf(database.requests))
      if (oldest !== undefined && made !== undefined && made <= Date.parse(oldest)) throw tooOld(oldest, 'path', '/id')
    }
    throw EventNotFound({ id: eventId })
  }

  function hearerOf({ envelope }: FoundEvent, named: string | undefined): HostedConsumer {
    const hears = ({ sources }: HostedConsumer): boolean => isMeantFor(new Set(sources.get(envelope.source)), envelope)
    if (named !== undefined) {
      const consumer = requireReplayable(consumerNamed(events, named))
      if (!hears(consumer)) throw EventNotHeard({ consumer: named, type: eventKey(envelope.type, envelope.version) })
      return consumer
    }
    const hearing = events.consumers().filter(hears)
    const [one, ...others] = hearing.filter(({ replayable }) => replayable)
    if (others.length > 0) throw ConsumerRequired({ consumers: [one, ...others].map((each) => each?.name).join(', ') })
    if (one) return one
    const [heard] = hearing
    throw heard ? ConsumerNotReplayable({ consumer: heard.name }) : EventNotHeard({ consumer: 'any', type: envelope.type })
  }

  async function numbersOfEvent({ envelope, part, seq }: FoundEvent & { seq: number }, consumer: HostedConsumer): Promise<Numbers[]> {
    const standings = await standingsOf(consumer.database.requests, consumer.name)
    requireActive(standings)
    const { source } = envelope
    const standing = standings.find((each) => each.source === source && each.part === part)
    const extent = (await extentsOf(sourceNamed(events, source).database.requests)).find((each) => each.part === part)
    if (!standing || standing.seq < seq) throw pending()
    if (standing.generation !== extent?.generation) throw EventLogRenewed({ source })
    // Somewhere it waits in line still, in the log it is gone.
    if (extent.oldest && extent.oldest.seq > seq) throw tooOld(extent.oldest.at, 'path', '/id')
    return [{ source, part, generation: extent.generation, after: seq - 1, to: seq }]
  }

  return {
    async replayEvent(eventId, { consumer: named, dryRun = false, reason }) {
      const given = dryRun ? '' : requireReason(reason, 'replay')
      const found = await requireFound(eventId)
      const consumer = hearerOf(found, named)
      const input = { consumer: consumer.name, reason: given, eventId, filter: {}, numbers: await numbersOfEvent(found, consumer) }
      return dryRun ? previewOf(events, consumer, input) : begin(consumer, input)
    },

    async replayEvents({ consumer: named, dryRun = false, reason, ...filter }) {
      const given = dryRun ? '' : requireReason(reason, 'replay')
      const consumer = requireReplayable(consumerNamed(events, named))
      const { type } = filter
      if (type !== undefined && ![...consumer.sources.keys()].some((source) => heardTypes(consumer, source).includes(type)))
        throw EventNotHeard({ consumer: named, type })
      const input = { consumer: named, reason: given, filter, numbers: await numbersOf(consumer, filter) }
      return dryRun ? previewOf(events, consumer, input) : begin(consumer, input)
    },

    async requireJob(id) {
      const job = await jobs.find(id)
      const database = databases.find(({ name }) => name === job?.database)
      if (job?.kind !== replayKind || !database) throw EventJobNotFound({ id })
      return shown(job, await leftInLine(database.requests, inputOf(job).consumer, id))
    },
  }
}

function requireReplayable(consumer: HostedConsumer): HostedConsumer {
  if (!consumer.replayable) throw ConsumerNotReplayable({ consumer: consumer.name })
  return consumer
}

/** One that is paused keeps its events in line until it is resumed; one that is retired would keep them for ever. */
function requireActive(standings: readonly Standing[]): void {
  if (standings.some(({ state }) => state === 'retired')) throw InvalidTransition({ from: 'retired', action: 'replay' })
}

const pending = () => InvalidTransition({ from: 'pending', action: 'replay' })

/** The limit as a member of its own: programs ask again with it. */
const tooOld = (oldest: string, where: 'body' | 'path', path: string) =>
  EventsPurged(
    { oldest },
    { faults: [{ in: where, path, code: 'TOO_OLD', message: `Events before ${oldest} are no longer kept.`, limit: oldest }] },
  )

/** From when on the log has every event; undefined when nothing was ever purged. */
function oldestComplete(extents: readonly Extent[]): string | undefined {
  const begins = extents.flatMap(({ oldest }) => (oldest && oldest.seq > 1 ? [oldest.at] : []))
  return begins.sort().at(-1)
}

/** A UUIDv7 begins with the time at which it was made. */
function madeAt(eventId: string): number | undefined {
  return eventId[14] === '7' ? Number.parseInt(eventId.replace('-', '').slice(0, 12), 16) : undefined
}

// Both were checked when the job was asked for; the platform hands them on as they are.
const inputOf = ({ input }: Job): ReplayInput => input as ReplayInput
const positionOf = ({ position }: Job): ReplayPosition => position as ReplayPosition

function shown(job: Job, { waiting, dead }: { waiting: number; dead: number }): EventJob {
  const { consumer, eventId, filter, reason } = inputOf(job)
  const { alreadyWaiting } = positionOf(job)
  const placed = job.done - alreadyWaiting
  return {
    id: job.id,
    consumer,
    eventId: eventId ?? null,
    filter,
    reason,
    state: job.state,
    total: job.total,
    placed,
    // Read a moment later than the job, the lines may be ahead of it.
    handled: Math.max(0, placed - waiting),
    waiting,
    dead,
    alreadyWaiting,
    error: job.error,
    createdBy: job.createdBy,
    createdAt: job.createdAt,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
  }
}
