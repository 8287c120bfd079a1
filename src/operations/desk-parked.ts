import type { Database, DatabaseName } from '#platform/databases.ts'
import type { DeskOperations } from './desk-contract.ts'
import { asShown, hostedIn, hostedNamed, type KnownEvents } from './hosted.ts'
import {
  countDead,
  findParked,
  groupDead,
  type Interventions,
  intervene,
  listDead,
  type ParkedRow,
  reviveDead,
} from './parked-repository.ts'

type ParkedDesk = Pick<DeskOperations, 'findParked' | 'listDead' | 'groupDead' | 'countDead' | 'intervene' | 'reviveDead'>
type Outcome = Awaited<ReturnType<DeskOperations['intervene']>>[number]

/** What the consumers of a database have parked. */
export function createParkedDesk(events: KnownEvents, { name: database, requests }: Database<DatabaseName>): ParkedDesk {
  /** Those of this database, or the named one of them. Throws CONSUMER_NOT_FOUND. */
  function names(named: string | undefined): readonly string[] {
    return named === undefined ? hostedIn(events, database).map(({ name }) => name) : [hostedNamed(events, database, named).name]
  }

  /** Asks only where somebody can have parked anything. */
  async function ifAny<R>(named: string | undefined, nothing: R, ask: (consumers: readonly string[]) => Promise<R>): Promise<R> {
    const consumers = names(named)
    return consumers.length === 0 ? nothing : ask(consumers)
  }

  return {
    findParked: ({ id }) =>
      ifAny(undefined, [], async (consumers) => {
        const rows = await findParked(requests.db, consumers, id)
        return rows.map(({ envelope, source: _, part, seq, ...at }) => ({ envelope: asShown(events, envelope), part, seq, at }))
      }),

    listDead: (query) => ifAny(query.consumer, [], (consumers) => listDead(requests, consumers, query)),
    groupDead: (filter) => ifAny(filter.consumer, [], (consumers) => groupDead(requests, consumers, filter)),
    countDead: async (filter) => ({ count: await ifAny(filter.consumer, 0, (consumers) => countDead(requests, consumers, filter)) }),

    async reviveDead({ filter, reason }) {
      const retried = await ifAny(filter.consumer, 0, (consumers) => reviveDead(requests, consumers, filter, reason))
      if (retried > 0) events.look()
      return { retried }
    },

    intervene: ({ id, action, reason, consumer }) =>
      ifAny<Outcome[]>(consumer, [], async (consumers) => {
        const outcomes = await intervene(requests, consumers, id, async (rows, line) => {
          const done: { row: ParkedRow; outcome: Outcome }[] = []
          for (const row of rows) done.push({ row, outcome: await act[action](row, line) })
          const changed = done.filter(({ outcome }) => outcome.result !== 'blocked')
          const [first] = changed
          if (first)
            await line.audit({
              action: action === 'retry' ? 'event.retried' : 'event.skipped',
              subject: `event/${id}`,
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
              reason,
            })
          return done.map(({ outcome }) => outcome)
        })
        if (outcomes.length > 0) events.look()
        return outcomes
      }),
  }
}

const act = {
  async retry(row: ParkedRow, line: Interventions): Promise<Outcome> {
    if (row.blockedBy !== null) return { consumer: row.consumer, result: 'blocked', blockedBy: row.blockedBy }
    await line.retry(row)
    return { consumer: row.consumer, result: 'retried', blockedBy: null }
  },
  async skip(row: ParkedRow, line: Interventions): Promise<Outcome> {
    await line.remove(row)
    return { consumer: row.consumer, result: 'skipped', blockedBy: null }
  },
}
