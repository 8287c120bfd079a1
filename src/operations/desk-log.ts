import { sourceOf } from '#platform/database-names.ts'
import type { Database, DatabaseName } from '#platform/databases.ts'
import { typeOf } from '#platform/event-contracts.ts'
import { newGeneration } from '#platform/event-generation.ts'
import type { HostedSource } from '#platform/events.ts'
import type { DeskOperations } from './desk-contract.ts'
import { EventSourceNotFound } from './errors.ts'
import { asShown, type KnownEvents, summaryOf } from './hosted.ts'
import { findLogged, headsOf, listLog } from './log-repository.ts'
import { actorName } from './reasons.ts'
import { countStretch, extentsOf, readStretch } from './replay-repository.ts'

type LogDesk = Pick<DeskOperations, 'listEvents' | 'findEvent' | 'heads' | 'beginGeneration' | 'extents' | 'countStretch' | 'readStretch'>

/** An answer to another process has 8 MiB, an event 64 KiB. */
const largestStretch = 4_000_000

/** The log of the source that a database is. */
export function createLogDesk(events: KnownEvents, { name, requests }: Database<DatabaseName>): LogDesk {
  const sourceName = sourceOf(name)
  const published = (): HostedSource | undefined => events.sources().find((source) => source.name === sourceName)

  /** A log that has never held the type would be read to its end. A type that nobody publishes any more may be in any of them. */
  function mayHold(type: string | undefined, { declarations }: HostedSource): boolean {
    const isOfType = (key: string): boolean => typeOf(key) === type
    return type === undefined || [...declarations.keys()].some(isOfType) || ![...events.declarations().keys()].some(isOfType)
  }

  return {
    async listEvents({ query, keys }) {
      const source = published()
      if (!source || !mayHold(query.type, source)) return []
      const filter = { query, declarations: source.declarations, ...(keys ? { keys } : {}) }
      return (await listLog(requests, sourceName, filter)).map(summaryOf)
    },

    async findEvent({ id }) {
      if (!published()) return undefined
      const found = await findLogged(requests, sourceName, id)
      return found && { ...found, envelope: asShown(events, found.envelope) }
    },

    async heads() {
      if (!published()) return undefined
      const { generation, heads } = await headsOf(requests)
      return { generation, heads: [...heads].map(([part, seq]) => ({ part, seq })) }
    },

    async beginGeneration({ reason }) {
      const source = published()
      if (!source)
        throw EventSourceNotFound({
          id: sourceName,
          known: events
            .sources()
            .map((each) => each.name)
            .join(', '),
        })
      const { generation } = await newGeneration(source.database, { reason, actor: actorName() })
      events.look()
      return { generation }
    },

    extents: async () => (published() ? [...(await extentsOf(requests))] : []),
    countStretch: async (stretch) => [...(await countStretch(requests, stretch))],

    async readStretch({ stretch, limit }) {
      const read = await readStretch(requests, sourceName, stretch, limit)
      let size = 0
      const end = read.findIndex(({ envelope }, index) => {
        size += JSON.stringify(envelope).length
        return index > 0 && size > largestStretch
      })
      const taken = end < 0 ? read : read.slice(0, end)
      const isAll = end < 0 && read.length < limit
      return { reached: isAll ? stretch.to : (taken.at(-1)?.seq ?? stretch.to), events: [...taken] }
    },
  }
}
