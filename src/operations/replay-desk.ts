import { audit } from '#platform/audit.ts'
import { currentContext } from '#platform/context.ts'
import type { Database, DatabaseName } from '#platform/databases.ts'
import { eventKey, isMeantFor } from '#platform/event-contracts.ts'
import { partitionOf } from '#platform/event-partitions.ts'
import type { HostedConsumer } from '#platform/events.ts'
import { InvalidTransition } from '#platform/http-errors.ts'
import { type Idempotency, keyedCall } from '#platform/idempotency.ts'
import type { Job, Jobs } from '#platform/jobs.ts'
import type { Desks } from './desks.ts'
import type { EventLog } from './event-log.ts'
import { hostedNamed, type KnownEvents } from './hosted.ts'
import { storedAnswer } from './replay-answer.ts'
import type { ReplayOperations, ReplayWish } from './replay-contract.ts'
import { ConsumerNotReplayable, EventLogRenewed, EventNotHeard } from './replay-errors.ts'
import { type NumberedEvent, oldestComplete, pending, requireNumbered, tooOld } from './replay-event.ts'
import { heardTypes, mayLack, type Numbers, type ReplayInput, type ReplayPosition, replayJob, replayKind } from './replay-job.ts'
import { previewOf } from './replay-preview.ts'
import { leftInLine, type Standing, standingsOf } from './replay-repository.ts'
import type { EventJob, ReplayFilter, ReplayPreview } from './replay-schemas.ts'

export interface ReplayDeskNeeds {
  /** The database of the consumers, and of the jobs. */
  database: Database<DatabaseName>
  events: KnownEvents
  desks: Desks
  log: Pick<EventLog, 'find'>
  jobs: Pick<Jobs, 'register' | 'find'>
  /** Nothing younger is ever purged. */
  retentionDays: number
  /** For requests that came in at another process. */
  idempotency: Idempotency
}

export function createReplayDesk({ database, events, desks, log, jobs, retentionDays, idempotency }: ReplayDeskNeeds): ReplayOperations {
  const desk = jobs.register(database, replayJob(events, desks, retentionDays))

  async function begin(consumer: HostedConsumer, input: ReplayInput): Promise<EventJob> {
    const { total, complete } = await previewOf(desks, consumer, input, { listed: 0 })
    return database.requests.withTx(async (tx) => {
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
    const standings = await standingsOf(database.requests, consumer.name)
    requireActive(standings)
    const numbers: Numbers[] = []
    for (const source of consumer.sources.keys()) {
      const types = heardTypes(consumer, source)
      if (filter.type !== undefined && !types.includes(filter.type)) continue
      const extents = await desks.named(source).extents({})
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

  async function numbersOfEvent({ envelope, part, seq }: NumberedEvent, consumer: HostedConsumer): Promise<Numbers[]> {
    const standings = await standingsOf(database.requests, consumer.name)
    requireActive(standings)
    const { source } = envelope
    const standing = standings.find((each) => each.source === source && each.part === part)
    const extent = (await desks.named(source).extents({})).find((each) => each.part === part)
    if (!standing || standing.seq < seq) throw pending()
    if (standing.generation !== extent?.generation) throw EventLogRenewed({ source })
    // Somewhere it waits in line still, in the log it is gone.
    if (extent.oldest && extent.oldest.seq > seq) throw tooOld(extent.oldest.at, 'path', '/id')
    return [{ source, part, generation: extent.generation, after: seq - 1, to: seq }]
  }

  /** What the wish would take. Throws where the consumer cannot be given it. */
  async function inputOf({
    consumer: name,
    eventId,
    filter,
    reason,
  }: ReplayWish): Promise<{ consumer: HostedConsumer; input: ReplayInput }> {
    const found = eventId === undefined ? undefined : await requireNumbered(desks, log, eventId)
    const consumer = requireReplayable(hostedNamed(events, database.name, name))
    if (found) {
      const { envelope } = found
      if (!isMeantFor(new Set(consumer.sources.get(envelope.source)), envelope))
        throw EventNotHeard({ consumer: name, type: eventKey(envelope.type, envelope.version) })
      return { consumer, input: { consumer: name, reason, eventId: envelope.id, filter, numbers: await numbersOfEvent(found, consumer) } }
    }
    const { type } = filter
    if (type !== undefined && ![...consumer.sources.keys()].some((source) => heardTypes(consumer, source).includes(type)))
      throw EventNotHeard({ consumer: name, type })
    return { consumer, input: { consumer: name, reason, filter, numbers: await numbersOf(consumer, filter) } }
  }

  async function make(wish: ReplayWish): Promise<EventJob | ReplayPreview> {
    const { consumer, input } = await inputOf(wish)
    return wish.dryRun ? previewOf(desks, consumer, input) : begin(consumer, input)
  }

  return {
    async begin(wish) {
      if (!wish.key) return { made: await make(wish), isRepeat: false }
      const keyed = keyedCall(database.name, wish.key)
      const carried = await idempotency.carry(keyed, currentContext(), storedAnswer, () => make(wish))
      if ('result' in carried) return { made: carried.result, isRepeat: false }
      return { made: JSON.parse(carried.replay.body ?? ''), isRepeat: true }
    },

    async job({ id }) {
      const job = await jobs.find(id, database.name)
      if (job?.kind !== replayKind) return undefined
      return shown(job, await leftInLine(database.requests, storedInput(job).consumer, id))
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

// Both were checked when the job was asked for; the platform hands them on as they are.
const storedInput = ({ input }: Job): ReplayInput => input as ReplayInput
const storedPosition = ({ position }: Job): ReplayPosition => position as ReplayPosition

function shown(job: Job, { waiting, dead }: { waiting: number; dead: number }): EventJob {
  const { consumer, eventId, filter, reason } = storedInput(job)
  const { alreadyWaiting } = storedPosition(job)
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
