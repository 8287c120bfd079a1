import { DependencyUnavailable } from './dependency-errors.ts'
import { partitions } from './event-partitions.ts'
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
  /** Says that a consumer is given up. */
  retire(consumer: string): Promise<void>
}

const sayAgainMs = 20_000

export function createStreamSource(name: string, streams: EventStreams): StreamSource {
  const untold = `the events of ${name}`
  const parts = Array.from({ length: partitions }, (_, part) => part)
  /** What has been said of each consumer and partition, and when. */
  const said = new Map<string, { seq: number; at: number }>()
  /** By partition, the numbers at which a read ended although it should have gone on. */
  const missing = new Map(parts.map((part) => [part, new Set<number>()]))
  let facts: SourceFacts | undefined

  const known = (): SourceFacts => {
    if (!facts) throw DependencyUnavailable({ dependency: untold })
    return facts
  }
  const place = (part: number): Place => ({ source: name, part, generation: known().generation })

  /** The wanted number is not in the stream: it comes, unless the outbox has not kept it either. */
  async function beyond(
    part: number,
    from: number,
    found: readonly LoggedEvent[],
  ): Promise<Pick<LogWindow, 'events' | 'isBehind' | 'begins'>> {
    const { bounds } = await streams.look(place(part))
    const [next] = found
    if (!bounds || !next || bounds.first <= from || next.seq > bounds.first) return { events: [], isBehind: true }
    // Whoever has settled nothing yet begins with what there is; to anybody else the log is not the one he knows.
    return from === 1 ? { events: contiguous(found, next.seq), begins: next.seq } : { events: found }
  }

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
      const { generation } = known()
      const found = await streams.read(place(part), from, limit)
      const events = contiguous(found, from)
      const ends = events.at(-1)?.seq
      if (ends !== undefined) {
        for (const seq of positionsAt(from)) missing.get(part)?.delete(seq)
        if (events.length < found.length) missing.get(part)?.add(ends)
        return { generation, events }
      }
      for (const seq of positionsAt(from)) missing.get(part)?.add(seq)
      return { generation, ...(await beyond(part, from, found)) }
    },

    async beginnings(start) {
      const bounds = await Promise.all(parts.map(async (part) => ({ part, bounds: (await streams.look(place(part))).bounds })))
      return new Map(
        bounds.map(({ part, bounds }) => {
          if (!bounds) throw DependencyUnavailable({ dependency: untold })
          // From the very beginning: what is kept may be less by the time the first event is read.
          return [part, start === 'now' ? { seq: bounds.next - 1, eventId: bounds.newestId } : { seq: 0, eventId: null }]
        }),
      )
    },

    async trueUpTo(part, generation) {
      const newer = known().bases.filter((base) => base.part === part && base.generation > generation)
      return newer.length === 0 ? undefined : Math.min(...newer.map(({ base }) => base))
    },

    async retire(consumer) {
      facts ??= await streams.facts(name)
      for (const part of facts ? parts : []) await streams.retire(place(part), consumer)
    },

    async acknowledge(consumer, part, { generation, seq }) {
      if (generation !== facts?.generation) return
      const key = `${consumer}/${part}`
      const last = said.get(key)
      const misses = missing.get(part)?.has(seq) === true
      const now = performance.now()
      if (last && last.seq === seq && !misses && now - last.at < sayAgainMs) return
      await streams.acknowledge(place(part), consumer, seq, { misses })
      said.set(key, { seq, at: now })
    },
  }
}

/** Who reads from a number has settled it, or, where nothing was settled in this life, the one before. */
const positionsAt = (from: number): readonly number[] => [from, from - 1]

/** The events from the number on, up to the first hole. */
function contiguous(events: readonly LoggedEvent[], from: number): readonly LoggedEvent[] {
  const hole = events.findIndex(({ seq }, index) => seq !== from + index)
  return hole < 0 ? events : events.slice(0, hole)
}
