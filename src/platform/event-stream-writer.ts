import { sql } from 'drizzle-orm'
import type { Database, DatabaseName } from './databases.ts'
import type { EventSource, LogBounds, LoggedEvent } from './event-sources.ts'
import { numberOf, selectRows } from './event-statements.ts'
import type { EventStreams, Place, SourceFacts, StreamState } from './event-streams.ts'
import type { Log } from './logging.ts'

/**
 * Keeps the streams of a source as consumers in other processes need them: every event from the lowest position that one of them
 * has settled to the newest. Whatever Redis has lost is written again from the outbox. Several processes may do it at once.
 */
export interface StreamWriter {
  /** There are events up to this number. */
  wake(part: number, head: number): void
  /** Compares every partition with what the database says. Rejects when Redis or the database is away. */
  look(generation: number, heads: ReadonlyMap<number, number>): Promise<void>
  /** How far consumers in other processes are, as they have said it themselves. */
  heard(): { positions: readonly { consumer: string; part: number; seq: number }[]; retired: readonly string[] }
  /** Consumers in other processes that are further than the log, once for each partition. */
  ahead(): readonly string[]
  stop(): Promise<void>
}

export interface StreamWriterNeeds {
  database: Database<DatabaseName>
  source: EventSource
  streams: EventStreams
  /** Events up to this number can be read from the stream. */
  written: (part: number, head: number) => void
  /** A stream was written anew. */
  repaired: () => void
  log: Pick<Log, 'warn' | 'error'>
}

const perChunk = 200
const largestChunk = 1_000_000
/** Partitions at the same time: the event pool has connections for numbering and delivering, too. */
const lanes = 2

export function createStreamWriter({ database, source, streams, written, repaired, log }: StreamWriterNeeds): StreamWriter {
  const wanted = new Map<number, number>()
  const marks = new Map<number, Pick<StreamState, 'consumers' | 'retired'>>()
  const conflicts = new Map<number, readonly string[]>()
  let generation: number | undefined
  let facts: SourceFacts | undefined
  let working: Promise<void> | undefined
  let stopping = false
  let away = false

  function begin(): void {
    if (working || stopping || generation === undefined) return
    working = work(generation).finally(() => {
      working = undefined
      if (wanted.size > 0) begin()
    })
  }

  async function work(life: number): Promise<void> {
    while (wanted.size > 0 && !stopping) {
      const now = [...wanted]
      wanted.clear()
      try {
        const lane = async (): Promise<void> => {
          for (let next = now.shift(); next; next = now.shift()) {
            const [part, head] = next
            await bring({ source: source.name, part, generation: life }, head)
          }
        }
        await Promise.all(Array.from({ length: lanes }, lane))
        if (away) log.warn({ source: source.name }, 'events go out to other processes again')
        away = false
      } catch (error) {
        // The outbox keeps them; the next look finds what is missing.
        now.length = 0
        if (!away) log.warn({ source: source.name, error }, 'events for other processes wait')
        away = true
        return
      }
    }
  }

  /** Writes what is missing in a stream, however that came. */
  async function bring(place: Place, known: number): Promise<void> {
    for (;;) {
      const state = await streams.look(place)
      marks.set(place.part, state)
      const bounds = await boundsOf(place, state, known)
      if (!bounds || (await isAhead(place, state, bounds))) return
      const head = bounds.next - 1
      const recent = state.consumers.filter(({ isRecent }) => isRecent)
      const neededFrom = Math.max(Math.min(...recent.map(({ seq }) => seq)), bounds.first, 1)
      if (recent.length === 0 || neededFrom > head) return
      const isWhole = state.first !== undefined && state.first <= neededFrom && !(await hasHole(place, state, bounds))
      if (isWhole && (state.first ?? 0) < neededFrom) await streams.trim(place, neededFrom)
      if (isWhole && state.last?.seq === head) return
      if (!(await write(place, isWhole ? state.last : undefined, neededFrom, bounds))) return
    }
  }

  /** False when there is nothing to write. */
  async function write(place: Place, behind: StreamState['last'], neededFrom: number, bounds: LogBounds): Promise<boolean> {
    if (behind) {
      const events = await readIn(place, behind.seq, perChunk + 1)
      const chunk = withinSize(events.slice(1))
      const last = chunk.at(-1)
      if (last && events[0]?.seq === behind.seq && events[0].envelope.id === behind.eventId) {
        // Not taken: another process was faster. What is there is seen at the next round.
        if (await streams.append(place, chunk, behind)) written(place.part, last.seq)
        return true
      }
    }
    const chunk = withinSize(await readIn(place, neededFrom, perChunk))
    const [first] = chunk
    const last = chunk.at(-1)
    if (!first || !last) return false
    if (first.seq > neededFrom) await streams.tellBounds(place, { ...bounds, first: first.seq })
    await streams.append(place, chunk, undefined)
    repaired()
    written(place.part, last.seq)
    return true
  }

  /** Nothing when the log has begun another life: what it says in that one belongs to other streams. */
  async function readIn({ part, generation: life }: Place, from: number, limit: number): Promise<readonly LoggedEvent[]> {
    const { generation: now, events } = await source.read(part, from, limit)
    return now === life ? events : []
  }

  /**
   * What the log holds, told where it is not known. What another process has numbered and written meanwhile is ahead of what this
   * one has heard, so the log is asked, and after the stream. Undefined when it has begun another life.
   */
  async function boundsOf(place: Place, state: StreamState, known: number): Promise<LogBounds | undefined> {
    if (state.bounds?.next === known + 1 && furthest(state) <= known) return state.bounds
    const { generation: life, ...bounds } = await source.bounds(place.part)
    if (life !== place.generation) return undefined
    if (JSON.stringify(bounds) !== JSON.stringify(state.bounds)) await streams.tellBounds(place, bounds)
    return bounds
  }

  /** A number above the end of the log: the database lives another life than the one that was read. Nobody shall read on. */
  async function isAhead(place: Place, state: StreamState, { next }: LogBounds): Promise<boolean> {
    const { part } = place
    const ahead = furthest(state)
    if (ahead < next) {
      conflicts.delete(part)
      return false
    }
    const consumers = state.consumers.filter(({ seq }) => seq >= next).map(({ consumer }) => consumer)
    if (!conflicts.has(part))
      log.error(
        { source: source.name, part, ahead, head: next - 1, consumers },
        'consumers in other processes are further than this log: begin a new generation',
      )
    conflicts.set(part, consumers)
    if (state.last) await streams.clear(place)
    return true
  }

  /** A consumer misses what follows its position although the stream goes on behind it: an entry is gone from the middle. */
  async function hasHole(place: Place, { consumers, last }: StreamState, { first }: LogBounds): Promise<boolean> {
    for (const { seq, isRecent, misses } of consumers) {
      if (!misses || !isRecent || seq >= (last?.seq ?? 0)) continue
      const from = Math.max(seq, first, 1)
      const found = await streams.read(place, from, 2)
      if (found.length < 2 || found.some((event, index) => event.seq !== from + index)) return true
    }
    return false
  }

  async function readFacts(life: number): Promise<SourceFacts> {
    const rows = await selectRows(
      database.events.db,
      sql`SELECT generation, part, base_seq FROM event_generation ORDER BY generation, part`,
    )
    const bases = rows.map((row) => ({
      generation: numberOf(row, 'generation'),
      part: numberOf(row, 'part'),
      base: numberOf(row, 'base_seq'),
    }))
    return { generation: life, bases }
  }

  /** Redis may have lost them, or come back with those of an earlier life. */
  async function tellFacts(life: number): Promise<void> {
    if (facts?.generation !== life) facts = await readFacts(life)
    const before = await streams.facts(source.name)
    if (JSON.stringify(before) !== JSON.stringify(facts)) await streams.tellFacts(source.name, facts)
    if (before && before.generation < life) await streams.drop(source.name, before.generation)
  }

  return {
    wake(part, head) {
      wanted.set(part, Math.max(head, wanted.get(part) ?? 0))
      begin()
    },
    async look(life, heads) {
      generation = life
      await tellFacts(life)
      for (const [part, head] of heads) wanted.set(part, Math.max(head, wanted.get(part) ?? 0))
      begin()
      await working
    },
    heard: () => ({
      positions: [...marks].flatMap(([part, { consumers }]) => consumers.map(({ consumer, seq }) => ({ consumer, part, seq }))),
      retired: [...new Set([...marks.values()].flatMap(({ retired }) => retired))],
    }),
    ahead: () => [...conflicts.values()].flat(),
    async stop() {
      stopping = true
      await working
    },
  }
}

const furthest = ({ last, consumers }: StreamState): number => Math.max(last?.seq ?? 0, ...consumers.map(({ seq }) => seq))

/** As many as fit into one command. */
function withinSize(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
  let size = 0
  const end = events.findIndex(({ envelope }, index) => {
    size += JSON.stringify(envelope).length
    return index > 0 && size > largestChunk
  })
  return end < 0 ? events : events.slice(0, end)
}
