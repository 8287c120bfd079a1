import type { Database, DatabaseName } from '#platform/databases.ts'
import { createParking } from '#platform/event-parking.ts'
import { InvalidTransition } from '#platform/http-errors.ts'
import { type Machine, stepOf } from '#platform/transitions.ts'
import { type ConsumerState, changeState, consumerRows, cursorRows, stateOf } from './consumer-repository.ts'
import type { DeskOperations, Standing } from './desk-contract.ts'
import { ConsumerNotFound } from './errors.ts'
import { hostedIn, type KnownEvents } from './hosted.ts'
import { actorName } from './reasons.ts'
import type { ConsumerAction } from './schemas.ts'

type ConsumerDesk = Pick<DeskOperations, 'subscribed' | 'hearers' | 'listConsumers' | 'changeConsumer'>

const machine: Machine<ConsumerState, ConsumerAction> = {
  pause: { from: ['active'], to: 'paused' },
  resume: { from: ['paused'], to: 'active' },
  retire: { from: ['active', 'paused'], to: 'retired' },
}
const facts: Record<ConsumerAction, string> = { pause: 'paused', resume: 'resumed', retire: 'retired' }

/** The consumers of a database, also those that no module subscribes any more. */
export function createConsumerDesk(events: KnownEvents, { name: database, requests }: Database<DatabaseName>): ConsumerDesk {
  async function standings(only?: string): Promise<Standing[]> {
    const rows = await consumerRows(requests.db, only)
    const names = [...new Set(rows.map(({ consumer }) => consumer))]
    if (names.length === 0) return []
    const [cursors, parked] = await Promise.all([cursorRows(requests), createParking(requests).count(names)])
    return names.map((name) => {
      const own = rows.filter(({ consumer }) => consumer === name)
      const counts = parked.find(({ consumer }) => consumer === name)
      const hosted = hostedIn(events, database).find((consumer) => consumer.name === name)
      const latest = own.reduce((last, row) => (row.changedAt > last.changedAt ? row : last))
      return {
        standing: {
          name,
          state: stateOf(own),
          hosted: hosted !== undefined,
          replayable: hosted?.replayable ?? false,
          sources: own.map(({ source, types, start }) => ({ source, types: [...types], start, lag: null })),
          parked: counts?.parked ?? 0,
          blockedSubjects: counts?.subjects ?? 0,
          dead: counts?.dead ?? 0,
          changedAt: latest.changedAt,
          changedBy: latest.changedBy,
          reason: latest.reason,
        },
        cursors: cursors.filter(({ consumer }) => consumer === name).map(({ consumer: _, ...cursor }) => cursor),
      }
    })
  }

  return {
    subscribed: async () =>
      hostedIn(events, database).map(({ name, replayable, sources }) => ({
        name,
        replayable,
        sources: Object.fromEntries([...sources].map(([source, keys]) => [source, [...keys]])),
      })),

    async hearers({ key, source, part, seq }) {
      const hearing = hostedIn(events, database).filter(({ sources }) => sources.get(source)?.includes(key))
      if (hearing.length === 0) return []
      const cursors = (await cursorRows(requests)).filter((cursor) => cursor.source === source && cursor.part === part)
      return hearing.map(({ name }) => ({
        consumer: name,
        isPassed: seq !== null && cursors.some((cursor) => cursor.consumer === name && cursor.seq >= seq),
      }))
    },

    listConsumers: () => standings(),

    async changeConsumer({ name, action, reason }) {
      if ((await consumerRows(requests.db, name)).length === 0) throw ConsumerNotFound({ id: name })
      const transition = machine[action]
      await changeState(requests, name, { by: actorName(), reason, action: facts[action] }, (state) => {
        const step = stepOf(transition, state)
        if (step === 'refused') throw InvalidTransition({ from: state, action })
        return step === 'move' ? transition.to : undefined
      })
      events.look()
      const [standing] = await standings(name)
      if (!standing) throw ConsumerNotFound({ id: name })
      return standing
    },
  }
}
