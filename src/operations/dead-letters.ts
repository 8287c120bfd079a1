import { InvalidTransition } from '#platform/http-errors.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { Desk, Desks } from './desks.ts'
import { EventNotFound } from './errors.ts'
import type { EventLog } from './event-log.ts'
import { merged } from './hosted.ts'
import { deadKeyset } from './parked-repository.ts'
import { requireReason } from './reasons.ts'
import type {
  DeadLetter,
  DeadLetterGroup,
  Intervened,
  Intervention,
  interventions,
  ListDeadLetters,
  RetriedDeadLetters,
  RetryDeadLetters,
} from './schemas.ts'

/** Events that are no longer retried by themselves, and what operators do about them and about those that wait. */
export interface DeadLetters {
  /** Newest first, or counted in groups, the largest first. Throws CURSOR_INVALID, CONSUMER_NOT_FOUND, MODULE_UNAVAILABLE. */
  list(query: ListDeadLetters): Promise<PageOf<DeadLetter | DeadLetterGroup>>
  /**
   * Tries the event again at once, wherever it is the first of its line. Throws REASON_REQUIRED, EVENT_NOT_FOUND,
   * CONSUMER_NOT_FOUND, MODULE_UNAVAILABLE, and INVALID_TRANSITION when it is parked nowhere or first nowhere.
   */
  retry(eventId: string, intervention: Intervention): Promise<Intervened>
  /** Takes the event out of its line without handling it; the next of the subject is due. Throws as `retry` does. */
  skip(eventId: string, intervention: Intervention): Promise<Intervened>
  /** Tries every dead letter that fits again. Throws REASON_REQUIRED, CONSUMER_NOT_FOUND, MODULE_UNAVAILABLE. */
  retryAll(request: RetryDeadLetters): Promise<RetriedDeadLetters>
}

type Action = (typeof interventions)[number]

export function createDeadLetters(desks: Desks, log: Pick<EventLog, 'find'>): DeadLetters {
  /** All desks, or the one of the consumer. */
  async function concerned(consumer: string | undefined): Promise<readonly Desk[]> {
    return consumer === undefined ? desks.all : [(await desks.subscribed(consumer)).desk]
  }

  async function intervene(id: string, action: Action, { reason, consumer }: Intervention): Promise<Intervened> {
    const given = requireReason(reason, action)
    const asked = { id, action, reason: given, ...(consumer === undefined ? {} : { consumer }) }
    const outcomes: Intervened['consumers'] = []
    for (const desk of await holding(id, consumer)) outcomes.push(...(await desk.intervene(asked)))
    if (outcomes.length === 0) {
      if (!(await log.find(id))) throw EventNotFound({ id })
      throw InvalidTransition({ from: 'not parked', action })
    }
    const blockedBy = outcomes.map((outcome) => outcome.blockedBy).find((other) => other !== null)
    if (blockedBy && outcomes.every(({ result }) => result === 'blocked')) throw blocked(action, blockedBy)
    return { id, consumers: outcomes.sort((one, other) => (one.consumer < other.consumer ? -1 : 1)) }
  }

  /** Where the event is parked. All are asked before anything is changed, so that one that is away leaves nothing half done. */
  async function holding(id: string, consumer: string | undefined): Promise<readonly Desk[]> {
    if (consumer !== undefined) return concerned(consumer)
    const found = await Promise.all(desks.all.map(async (desk) => ((await desk.findParked({ id })).length > 0 ? [desk] : [])))
    return found.flat()
  }

  return {
    async list({ group, ...query }) {
      const asked = await concerned(query.consumer)
      if (group) {
        const { limit: _limit, cursor: _cursor, ...filter } = query
        const groups = await Promise.all(asked.map((desk) => desk.groupDead(filter)))
        return { data: groups.flat().sort((one, other) => other.count - one.count), page: { nextCursor: null, hasMore: false } }
      }
      const wanted = { ...query, group }
      const lists = await Promise.all(asked.map((desk) => desk.listDead(wanted)))
      return deadKeyset(wanted).page(
        merged(lists, (one, other) => (one.eventId === other.eventId ? one.consumer > other.consumer : one.eventId > other.eventId)),
      )
    },

    retry: (eventId, intervention) => intervene(eventId, 'retry', intervention),
    skip: (eventId, intervention) => intervene(eventId, 'skip', intervention),

    async retryAll({ reason, dryRun = false, ...filter }) {
      const asked = await concerned(filter.consumer)
      const given = dryRun ? '' : requireReason(reason, 'retry')
      const counts = await Promise.all(asked.map((desk) => desk.countDead(filter)))
      const matched = counts.reduce((sum, { count }) => sum + count, 0)
      if (dryRun || matched === 0) return { dryRun, matched, retried: 0, left: dryRun ? matched : 0 }
      let retried = 0
      for (const desk of asked) retried += (await desk.reviveDead({ filter, reason: given })).retried
      return { dryRun, matched, retried, left: Math.max(0, matched - retried) }
    },
  }
}

const blocked = (action: string, eventId: string) =>
  InvalidTransition(
    { from: 'behind another event', action, blockedBy: eventId },
    {
      faults: [
        {
          in: 'path',
          path: '/id',
          code: 'BLOCKED_BY',
          message: `The event ${eventId} of the same subject is before it. Retry or skip that one first.`,
          value: eventId,
        },
      ],
    },
  )
