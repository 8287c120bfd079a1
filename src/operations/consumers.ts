import type { Database, DatabaseName } from '#platform/databases.ts'
import { createParking } from '#platform/event-parking.ts'
import { InvalidTransition } from '#platform/http-errors.ts'
import type { PageOf } from '#platform/schemas.ts'
import { type Machine, stepOf } from '#platform/transitions.ts'
import { type ConsumerState, changeState, consumerRows, cursorRows, stateOf } from './consumer-repository.ts'
import { ConsumerNotFound } from './errors.ts'
import type { KnownEvents } from './hosted.ts'
import { headsOf } from './log-repository.ts'
import { actorName, requireReason } from './reasons.ts'
import type { ConsumerStanding } from './schemas.ts'

/** Consumers, how far they are, and whether they work. */
export interface Consumers {
  list(): Promise<PageOf<ConsumerStanding>>
  /**
   * Pausing holds in every process at once and for ever until resumed. Retiring gives up the consumer's claim on old events
   * and cannot be undone. Throws REASON_REQUIRED, CONSUMER_NOT_FOUND, INVALID_TRANSITION.
   */
  change(name: string, action: ConsumerAction, reason: string | undefined): Promise<ConsumerStanding>
}

export const consumerActions = ['pause', 'resume', 'retire'] as const
export type ConsumerAction = (typeof consumerActions)[number]

const machine: Machine<ConsumerState, ConsumerAction> = {
  pause: { from: ['active'], to: 'paused' },
  resume: { from: ['paused'], to: 'active' },
  retire: { from: ['active', 'paused'], to: 'retired' },
}
const facts: Record<ConsumerAction, string> = { pause: 'paused', resume: 'resumed', retire: 'retired' }

export function createConsumers(events: KnownEvents): Consumers {
  /** Of sources too: one whose last consumer no module subscribes any more holds its rows still. */
  const databases = (): readonly Database<DatabaseName>[] => [
    ...new Map([...events.consumers(), ...events.sources()].map(({ database }) => [database.name, database])).values(),
  ]

  async function standingsIn(database: Database<DatabaseName>): Promise<ConsumerStanding[]> {
    const rows = await consumerRows(database.requests.db)
    const names = [...new Set(rows.map(({ consumer }) => consumer))]
    if (names.length === 0) return []
    const [cursors, parked, logs] = await Promise.all([
      cursorRows(database.requests),
      createParking(database.requests).count(names),
      Promise.all(events.sources().map(async (source) => [source.name, await headsOf(source.database.requests)] as const)),
    ])
    const logOf = new Map(logs)

    const lagOf = (consumer: string, source: string): number | null => {
      const log = logOf.get(source)
      const own = cursors.filter((cursor) => cursor.consumer === consumer && cursor.source === source)
      if (!log || own.some(({ generation }) => generation !== log.generation)) return null
      return own.reduce((lag, { part, seq }) => lag + Math.max(0, (log.heads.get(part) ?? seq) - seq), 0)
    }

    return names.map((name) => {
      const own = rows.filter(({ consumer }) => consumer === name)
      const counts = parked.find(({ consumer }) => consumer === name)
      const hosted = events.consumers().find((consumer) => consumer.name === name)
      const latest = own.reduce((last, row) => (row.changedAt > last.changedAt ? row : last))
      return {
        name,
        state: stateOf(own),
        hosted: hosted !== undefined,
        replayable: hosted?.replayable ?? false,
        sources: own.map(({ source, types, start }) => ({ source, types: [...types], start, lag: lagOf(name, source) })),
        parked: counts?.parked ?? 0,
        blockedSubjects: counts?.subjects ?? 0,
        dead: counts?.dead ?? 0,
        changedAt: latest.changedAt,
        changedBy: latest.changedBy,
        reason: latest.reason,
      }
    })
  }

  async function list(): Promise<ConsumerStanding[]> {
    const standings = (await Promise.all(databases().map(standingsIn))).flat()
    return standings.sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /** Also one that no module subscribes any more, so that it can be retired. */
  async function databaseOf(name: string): Promise<Database<DatabaseName>> {
    for (const database of databases()) if ((await consumerRows(database.requests.db, name)).length > 0) return database
    throw ConsumerNotFound({ id: name })
  }

  return {
    list: async () => ({ data: await list(), page: { nextCursor: null, hasMore: false } }),

    async change(name, action, reason) {
      const given = requireReason(reason, action)
      const database = await databaseOf(name)
      const transition = machine[action]
      await changeState(database.requests, name, { by: actorName(), reason: given, action: facts[action] }, (state) => {
        const step = stepOf(transition, state)
        if (step === 'refused') throw InvalidTransition({ from: state, action })
        return step === 'move' ? transition.to : undefined
      })
      events.look()
      const standing = (await standingsIn(database)).find((each) => each.name === name)
      if (!standing) throw ConsumerNotFound({ id: name })
      return standing
    },
  }
}
