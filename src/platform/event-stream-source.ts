import { DependencyUnavailable } from './dependency-errors.ts'
import { partitions } from './event-publisher.ts'
import type { Beginning, LoggedEvent, LogWindow, SourceState } from './event-sources.ts'
import type { EventStreams, Place, SourceFacts } from './event-streams.ts'

/**
 * A source in another process, read from its streams. What is missing there is waited for: the publisher writes it again as
 * soon as it hears how far the consumers are.
 */
export interface StreamSource {
  readonly name: string
  /** What errors name that say the source is away. */
  readonly dependencies: readonly string[]
  /** The life of the source, once it is known. */
  readonly generation: number | undefined
  /** How far the streams reach. Rejects with DEPENDENCY_UNAVAILABLE when Redis is away, or nobody has written there. */
  state(): Promise<SourceState>
  read(part: number, from: number, limit: number): Promise<LogWindow>
  beginnings(start: 'beginning' | 'now'): Promise<ReadonlyMap<number, Beginning>>
  trueUpTo(part: number, known: number): Promise<number | undefined>
  /** Says how far a consumer is, when that is news or was said long ago. */
  acknowledge(consumer: string, part: number, position: { generation: number; seq: number }): Promise<void>
}

const sayAgainMs = 20_000

export function createStreamSource(name: string, streams: EventStreams): StreamSource {
  const untold = `the events of ${name}`
  const parts = Array.from({ length: partitions }, (_, part) => part)
  /** What has been said of each consumer and partition, and when. */
  const said = new Map<string, { seq: number; at: number }>()
  /** Where a read ended although it should have gone on. */
  const missing = new Set<number>()
  let facts: SourceFacts | undefined

  const known = (): SourceFacts => {
    if (!facts) throw DependencyUnavailable({ dependency: untold })
    return facts
  }
  const place = (part: number): Place => ({ source: name, part, generation: known().generation })

  return {
    name,
    dependencies: ['redis', untold],
    get generation() {
      return facts?.generation
    },

    async state() {
      // Redis may have lost what the publisher says again at its next look; what was known holds until then.
      const before = facts?.generation
      facts = (await streams.facts(name)) ?? facts
      if (facts?.generation !== before) said.clear()
      const looked = await Promise.all(parts.map(async (part) => ({ part, state: await streams.look(place(part)) })))
      for (const { part, state } of looked) {
        const marked = new Set(state.consumers.map(({ consumer }) => consumer))
        for (const key of said.keys()) if (key.endsWith(`/${part}`) && !marked.has(key.slice(0, key.lastIndexOf('/')))) said.delete(key)
      }
      return {
        generation: known().generation,
        isCopy: true,
        partitions: looked.map(({ part, state }) => ({ part, head: state.last?.seq ?? 0, waitedSeconds: undefined })),
      }
    },

    async read(part, from, limit) {
      const found = await streams.read(place(part), from, limit)
      const events = contiguous(found, from)
      if (events.length === 0 || events.length < found.length) missing.add(part)
      else missing.delete(part)
      return { generation: known().generation, events, ...(events.length === 0 ? { isBehind: true as const } : {}) }
    },

    async beginnings(start) {
      const bounds = await Promise.all(parts.map(async (part) => ({ part, bounds: (await streams.look(place(part))).bounds })))
      return new Map(
        bounds.map(({ part, bounds }) => {
          if (!bounds) throw DependencyUnavailable({ dependency: untold })
          const { first, next, newestId } = bounds
          return [part, start === 'now' ? { seq: next - 1, eventId: newestId } : { seq: first - 1, eventId: null }]
        }),
      )
    },

    async trueUpTo(part, generation) {
      const newer = known().bases.filter((base) => base.part === part && base.generation > generation)
      return newer.length === 0 ? undefined : Math.min(...newer.map(({ base }) => base))
    },

    async acknowledge(consumer, part, { generation, seq }) {
      if (generation !== facts?.generation) return
      const key = `${consumer}/${part}`
      const last = said.get(key)
      const misses = missing.has(part)
      const now = performance.now()
      if (last && last.seq === seq && !misses && now - last.at < sayAgainMs) return
      await streams.acknowledge(place(part), consumer, seq, { misses })
      said.set(key, { seq, at: now })
    },
  }
}

/** The events from the number on, up to the first hole. */
function contiguous(events: readonly LoggedEvent[], from: number): readonly LoggedEvent[] {
  const hole = events.findIndex(({ seq }, index) => seq !== from + index)
  return hole < 0 ? events : events.slice(0, hole)
}
