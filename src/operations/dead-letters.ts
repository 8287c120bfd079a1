import { InvalidTransition } from '#platform/http-errors.ts'
import type { PageOf } from '#platform/schemas.ts'
import { EventNotFound } from './errors.ts'
import type { EventLog } from './event-log.ts'
import { consumerDatabases, type KnownEvents, merged } from './hosted.ts'
import {
  countDead,
  deadKeyset,
  groupDead,
  type Interventions,
  intervene,
  listDead,
  type ParkedRow,
  reviveDead,
} from './parked-repository.ts'
import { requireReason } from './reasons.ts'
import type {
  DeadLetter,
  DeadLetterGroup,
  Intervened,
  Intervention,
  ListDeadLetters,
  RetriedDeadLetters,
  RetryDeadLetters,
} from './schemas.ts'

/** Events that are no longer retried by themselves, and what operators do about them and about those that wait. */
export interface DeadLetters {
  /** Newest first, or counted in groups, the largest first. Throws CURSOR_INVALID, CONSUMER_NOT_FOUND. */
  list(query: ListDeadLetters): Promise<PageOf<DeadLetter | DeadLetterGroup>>
  /**
   * Tries the event again at once, wherever it is the first of its line. Throws REASON_REQUIRED, EVENT_NOT_FOUND,
   * CONSUMER_NOT_FOUND, and INVALID_TRANSITION when it is parked nowhere or first nowhere.
   */
  retry(eventId: string, intervention: Intervention): Promise<Intervened>
  /** Takes the event out of its line without handling it; the next of the subject is due. Throws as `retry` does. */
  skip(eventId: string, intervention: Intervention): Promise<Intervened>
  /** Tries every dead letter that fits again. Throws REASON_REQUIRED, CONSUMER_NOT_FOUND. */
  retryAll(request: RetryDeadLetters): Promise<RetriedDeadLetters>
}

export function createDeadLetters(events: KnownEvents, log: Pick<EventLog, 'find'>): DeadLetters {
  type Outcome = Intervened['consumers'][number]

  async function everywhere(
    eventId: string,
    action: 'retry' | 'skip',
    { reason, consumer }: Intervention,
    act: (row: ParkedRow, line: Interventions) => Promise<Outcome>,
  ): Promise<Intervened> {
    const given = requireReason(reason, action)
    const outcomes: Outcome[] = []
    for (const { database, consumers } of consumerDatabases(events, consumer)) {
      const here = await intervene(database.requests, consumers, eventId, async (rows, line) => {
        const done: { row: ParkedRow; outcome: Outcome }[] = []
        for (const row of rows) done.push({ row, outcome: await act(row, line) })
        const changed = done.filter(({ outcome }) => outcome.result !== 'blocked')
        const [first] = changed
        if (first)
          await line.audit({
            action: action === 'retry' ? 'event.retried' : 'event.skipped',
            subject: `event/${eventId}`,
            before: {
              type: first.row.envelope.type,
              subject: first.row.envelope.subject,
              consumers: changed.map(({ row }) => ({
                consumer: row.consumer,
                state: row.state,
                attempts: row.attempts,
                errorCode: row.errorCode,
                error: row.error,
              })),
            },
            reason: given,
          })
        return done.map(({ outcome }) => outcome)
      })
      outcomes.push(...here)
    }
    if (outcomes.length === 0) {
      if (!(await log.find(eventId))) throw EventNotFound({ id: eventId })
      throw InvalidTransition({ from: 'not parked', action })
    }
    const blockedBy = outcomes.map((outcome) => outcome.blockedBy).find((id) => id !== null)
    if (blockedBy && outcomes.every(({ result }) => result === 'blocked')) throw blocked(action, blockedBy)
    events.look()
    return { id: eventId, consumers: outcomes.sort((one, other) => (one.consumer < other.consumer ? -1 : 1)) }
  }

  return {
    async list({ group, ...query }) {
      const databases = consumerDatabases(events, query.consumer)
      if (group) {
        const { limit: _limit, cursor: _cursor, ...filter } = query
        const groups = await Promise.all(databases.map(({ database, consumers }) => groupDead(database.requests, consumers, filter)))
        return { data: groups.flat().sort((one, other) => other.count - one.count), page: { nextCursor: null, hasMore: false } }
      }
      const asked = { ...query, group }
      const lists = await Promise.all(databases.map(({ database, consumers }) => listDead(database.requests, consumers, asked)))
      return deadKeyset(asked).page(
        merged(lists, (one, other) => (one.eventId === other.eventId ? one.consumer > other.consumer : one.eventId > other.eventId)),
      )
    },

    retry: (eventId, intervention) =>
      everywhere(eventId, 'retry', intervention, async (row, line) => {
        if (row.blockedBy !== null) return { consumer: row.consumer, result: 'blocked', blockedBy: row.blockedBy }
        await line.retry(row)
        return { consumer: row.consumer, result: 'retried', blockedBy: null }
      }),

    skip: (eventId, intervention) =>
      everywhere(eventId, 'skip', intervention, async (row, line) => {
        await line.remove(row)
        return { consumer: row.consumer, result: 'skipped', blockedBy: null }
      }),

    async retryAll({ reason, dryRun = false, ...filter }) {
      const databases = consumerDatabases(events, filter.consumer)
      const given = dryRun ? '' : requireReason(reason, 'retry')
      const counts = await Promise.all(databases.map(({ database, consumers }) => countDead(database.requests, consumers, filter)))
      const matched = counts.reduce((sum, count) => sum + count, 0)
      if (dryRun || matched === 0) return { dryRun, matched, retried: 0, left: dryRun ? matched : 0 }
      let retried = 0
      for (const { database, consumers } of databases) retried += await reviveDead(database.requests, consumers, filter, given)
      events.look()
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
