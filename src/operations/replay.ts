import { currentContext } from '#platform/context.ts'
import { isMeantFor } from '#platform/event-contracts.ts'
import { ownerOf } from '#platform/module-table.ts'
import { guarded, shared } from './desk-sharing.ts'
import type { DesksNeeds } from './desks.ts'
import { requireReason } from './reasons.ts'
import { type ReplayOperations, type ReplayWish, replayContract } from './replay-contract.ts'
import { createReplayDesk, type ReplayDeskNeeds } from './replay-desk.ts'
import { ConsumerNotReplayable, ConsumerRequired, EventJobNotFound, EventNotHeard } from './replay-errors.ts'
import { requireNumbered } from './replay-event.ts'
import type { EventJob, ReplayEvent, ReplayEvents, ReplayPreview } from './replay-schemas.ts'

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
  /** Throws EVENT_JOB_NOT_FOUND, MODULE_UNAVAILABLE. */
  requireJob(id: string): Promise<EventJob>
}

export interface ReplayNeeds extends Omit<ReplayDeskNeeds, 'database'>, Pick<DesksNeeds, 'databases' | 'exchange'> {}

export function createReplay({ databases, exchange, ...needs }: ReplayNeeds): Replay {
  const { desks, log } = needs
  const offices = desks.all.flatMap(({ database: name }) => {
    const database = databases.find((each) => each.name === name)
    const own = database && guarded(createReplayDesk({ database, ...needs }), permissions)
    const asked = exchange ? shared(exchange, replayContract(ownerOf(name)), own) : own
    return asked ? [{ ...asked, database: name, isHere: own !== undefined }] : []
  })

  async function begin(wish: ReplayWish): Promise<EventJob | ReplayPreview> {
    const { desk } = await desks.subscribed(wish.consumer)
    const office = offices.find(({ database }) => database === desk.database)
    if (!office) throw new TypeError(`no jobs are done in ${desk.database}`)
    // Here the request itself keeps its key.
    const once = office.isHere ? undefined : currentContext().once
    const { made, isRepeat } = await office.begin({ ...wish, ...(once ? { key: once.key } : {}) })
    if (once && isRepeat) once.isRepeat = true
    return made
  }

  async function onlyHearer(eventId: string): Promise<string> {
    const { envelope } = await requireNumbered(desks, log, eventId)
    const consumers = (await Promise.all(desks.all.map((desk) => desk.subscribed({})))).flat()
    const hearing = consumers.filter(({ sources }) => isMeantFor(new Set(sources[envelope.source]), envelope))
    const [one, ...others] = hearing.filter(({ replayable }) => replayable)
    if (others.length > 0) throw ConsumerRequired({ consumers: [one, ...others].map((each) => each?.name).join(', ') })
    if (one) return one.name
    const [heard] = hearing
    throw heard ? ConsumerNotReplayable({ consumer: heard.name }) : EventNotHeard({ consumer: 'any', type: envelope.type })
  }

  return {
    async replayEvent(eventId, { consumer, dryRun = false, reason }) {
      const given = dryRun ? '' : requireReason(reason, 'replay')
      return begin({ consumer: consumer ?? (await onlyHearer(eventId)), eventId, filter: {}, reason: given, dryRun })
    },

    async replayEvents({ consumer, dryRun = false, reason, ...filter }) {
      const given = dryRun ? '' : requireReason(reason, 'replay')
      return begin({ consumer, filter, reason: given, dryRun })
    },

    async requireJob(id) {
      const asked = await Promise.allSettled(offices.map((office) => office.job({ id })))
      for (const each of asked) if (each.status === 'fulfilled' && each.value) return each.value
      // It may be where nobody answered.
      for (const each of asked) if (each.status === 'rejected') throw each.reason
      throw EventJobNotFound({ id })
    },
  }
}

const permissions: Readonly<Record<keyof ReplayOperations, readonly string[]>> = { begin: ['event:replay'], job: ['event:read'] }
