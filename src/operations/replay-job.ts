import Type, { type Static } from 'typebox'
import type { DatabaseName } from '#platform/databases.ts'
import { isMeantFor, typeOf } from '#platform/event-contracts.ts'
import type { HostedConsumer } from '#platform/events.ts'
import type { JobKind } from '#platform/jobs.ts'
import type { Desks } from './desks.ts'
import { ConsumerNotFound } from './errors.ts'
import type { KnownEvents } from './hosted.ts'
import { EventLogRenewed, EventsPurged } from './replay-errors.ts'
import { leftInLine, lockPosition, type NumberedEvent, putInLine } from './replay-repository.ts'
import { ReplayFilter } from './replay-schemas.ts'

/**
 * A replay under way: puts the listed events into the lines of their subjects, from where the retry loop handles them. Its
 * position is saved with them, so a job that is killed puts nothing twice; numbers ascend, so a subject's events run in order
 * and what is published meanwhile waits behind them.
 */

const Numbers = Type.Object({
  source: Type.String(),
  part: Type.Integer(),
  /** The life of the log in which these numbers mean these events. */
  generation: Type.Integer(),
  /** Exclusive. */
  after: Type.Integer(),
  /** Inclusive: what the consumer had settled when the replay was asked for. */
  to: Type.Integer(),
})
export type Numbers = Static<typeof Numbers>

export const ReplayInput = Type.Object({
  consumer: Type.String(),
  reason: Type.String(),
  eventId: Type.Optional(Type.String()),
  filter: ReplayFilter,
  numbers: Type.Array(Numbers),
})
export type ReplayInput = Static<typeof ReplayInput>

export const ReplayPosition = Type.Object({
  /** Which of the input's numbers, and the last one of them that is done. */
  index: Type.Integer(),
  seq: Type.Integer(),
  alreadyWaiting: Type.Integer(),
})
export type ReplayPosition = Static<typeof ReplayPosition>

export const replayKind = 'event.replay'

/** Events in one transaction. */
const batch = 500
/** No more is put in line while so many of the replay are there: lines are looked at by their heads, again and again. */
const mostWaiting = 2 * batch
/** Numbers read by one statement: where few events fit, it must not take long to find none. */
export const numbersPerStatement = 20_000

/** The types a consumer hears of a source, in whatever version: an unknown one of them is meant for it too. */
export const heardTypes = ({ sources }: HostedConsumer, source: string): readonly string[] => [
  ...new Set((sources.get(source) ?? []).map(typeOf)),
]

/** A replay in any of the databases that hold consumers. */
export function replayJob<N extends DatabaseName>(
  events: KnownEvents,
  desks: Desks,
  retentionDays: number,
): JobKind<N, typeof ReplayInput, typeof ReplayPosition> {
  return {
    name: replayKind,
    input: ReplayInput,
    position: ReplayPosition,
    start: { index: 0, seq: 0, alreadyWaiting: 0 },

    async next({ id, input, position, done }, signal) {
      const consumer = events.consumers().find(({ name }) => name === input.consumer)
      if (!consumer) throw ConsumerNotFound({ id: input.consumer })
      const { waiting, dead } = await leftInLine(consumer.database.requests, consumer.name, id)
      if (waiting - dead >= mostWaiting) return 'later'
      const found = await nextEvents(desks, consumer, { ...input, retentionDays }, position, signal)
      if (!found) return undefined
      const { index, numbers, reached, fitting } = found
      return async (tx) => {
        const place = { consumer: consumer.name, source: numbers.source, part: numbers.part }
        const standing = await lockPosition(tx.db, place)
        if (standing?.generation !== numbers.generation || standing.seq < numbers.to) throw EventLogRenewed({ source: numbers.source })
        const put = await putInLine(tx.db, place, fitting, id)
        tx.afterCommit(() => events.look())
        return {
          position: { index, seq: reached, alreadyWaiting: position.alreadyWaiting + fitting.length - put },
          done: done + fitting.length,
        }
      }
    },
  }
}

interface Found {
  readonly index: number
  readonly numbers: Numbers
  /** Up to this number all that fit are among the events. */
  readonly reached: number
  readonly fitting: readonly NumberedEvent[]
}

async function nextEvents(
  desks: Desks,
  consumer: HostedConsumer,
  { filter, numbers: all, retentionDays }: ReplayInput & { retentionDays: number },
  position: ReplayPosition,
  signal: AbortSignal,
): Promise<Found | undefined> {
  for (const [index, numbers] of all.entries()) {
    if (index < position.index) continue
    const log = desks.named(numbers.source)
    const keys = new Set(consumer.sources.get(log.source))
    let after = index === position.index ? Math.max(position.seq, numbers.after) : numbers.after
    while (after < numbers.to) {
      signal.throwIfAborted()
      const stretch = {
        part: numbers.part,
        after,
        to: Math.min(after + numbersPerStatement, numbers.to),
        filter,
        types: [...heardTypes(consumer, log.source)],
      }
      const { events, reached } = await log.readStretch({ stretch, limit: batch })
      // Asked for after the events were read: they are of this life, and none before them had been purged.
      const extent = (await log.extents({})).find(({ part }) => part === numbers.part)
      if (extent?.generation !== numbers.generation) throw EventLogRenewed({ source: log.source })
      if (extent.oldest && extent.oldest.seq > after + 1 && mayLack(filter.since, extent.oldest.at, retentionDays))
        throw EventsPurged({ oldest: extent.oldest.at })
      const fitting = events.filter(({ envelope }) => isMeantFor(keys, envelope))
      if (fitting.length > 0) return { index, numbers, reached, fitting }
      after = reached
    }
  }
  return undefined
}

const hourMs = 3_600_000

/**
 * Whether events since that instant may have been purged, of a log from which some were and whose oldest is of `oldest`. Purging
 * goes on while a replay runs, and must not be passed over in silence; but it never takes what is younger than EVENTS_RETENTION_DAYS,
 * so where events are rare, the oldest may be much younger than anything that is gone. An hour is for clocks that differ.
 */
export function mayLack(since: string | undefined, oldest: string, retentionDays: number): boolean {
  if (since === undefined) return true
  return Date.parse(since) < Math.min(Date.parse(oldest), Date.now() - retentionDays * 24 * hourMs + hourMs)
}
