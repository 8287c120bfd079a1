import { sql } from 'drizzle-orm'
import type { Database, DatabaseName } from './databases.ts'
import type { EventSource, LoggedEvent } from './event-sources.ts'
import { numberOf, selectRows } from './event-statements.ts'
import type { ConsumerMark, EventStreams, Place, SourceFacts, StreamBounds, StreamState } from './event-streams.ts'
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
  heard(): readonly { consumer: string; part: number; seq: number }[]
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

export function createStreamWriter({ database, source, streams, written, repaired, log }: StreamWriterNeeds): StreamWriter {
  const wanted = new Map<number, number>()
  const marks = new Map<number, readonly ConsumerMark[]>()
  const conflicts = new Set<number>()
  let generation: number | undefined
  let told: string | undefined
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
        await Promise.all(now.map(([part, head]) => bring({ source: source.name, part, generation: life }, head)))
        if (away) log.warn({ source: source.name }, 'events go out to other processes again')
        away = false
      } catch (error) {
        // The outbox keeps them; the next look finds what is missing.
        if (!away) log.warn({ source: source.name, error }, 'events for other processes wait')
        away = true
        return
      }
    }
  }

  /** Writes what is missing in a stream, however that came. */
  async function bring(place: Place, head: number): Promise<void> {
    for (;;) {
      const state = await streams.look(place)
      marks.set(place.part, state.consumers)
      const bounds = await tellBounds(place, state, head)
      const recent = state.consumers.filter(({ isRecent }) => isRecent)
      if (recent.length === 0 || isAhead(place, state, head)) return
      const neededFrom = Math.max(Math.min(...recent.map(({ seq }) => seq)), bounds.first, 1)
      if (neededFrom > head) return
      const isWhole = state.first !== undefined && state.first <= neededFrom && !(await hasHole(place, recent, head))
      if (isWhole && state.last?.seq === head) return
      if (!(await write(place, isWhole ? state.last : undefined, neededFrom, bounds))) return
    }
  }

  /** False when there is nothing to write. */
  async function write(place: Place, behind: StreamState['last'], neededFrom: number, bounds: StreamBounds): Promise<boolean> {
    if (behind) {
      const events = await readIn(place, behind.seq, perChunk + 1)
      const chunk = withinSize(events.slice(1))
      const last = chunk.at(-1)
      if (last && events[0]?.seq === behind.seq && events[0].envelope.id === behind.eventId) {
        // Not taken: another process was faster. What is there is seen at the next round.
        if (await streams.append(place, chunk, { behind, neededFrom })) written(place.part, last.seq)
        return true
      }
    }
    const chunk = withinSize(await readIn(place, neededFrom, perChunk))
    const [first] = chunk
    const last = chunk.at(-1)
    if (!first || !last) return false
    if (first.seq > neededFrom) await streams.tellBounds(place, { ...bounds, first: first.seq })
    await streams.append(place, chunk, { behind: undefined, neededFrom: first.seq })
    repaired()
    written(place.part, last.seq)
    return true
  }

  /** Nothing when the log has begun another life: what it says in that one belongs to other streams. */
  async function readIn({ part, generation: life }: Place, from: number, limit: number): Promise<readonly LoggedEvent[]> {
    const { generation: now, events } = await source.read(part, from, limit)
    return now === life ? events : []
  }

  /** A number above the end of the log: the database lives another life than the one that was read. */
  function isAhead({ part }: Place, { last, consumers }: StreamState, head: number): boolean {
    const ahead = Math.max(last?.seq ?? 0, ...consumers.map(({ seq }) => seq))
    if (ahead <= head) conflicts.delete(part)
    else if (!conflicts.has(part)) {
      conflicts.add(part)
      log.error(
        { source: source.name, part, ahead, head },
        'consumers in other processes are further than this log: begin a new generation',
      )
    }
    return ahead > head
  }

  /** A consumer misses what follows its position: an entry is gone from the middle. */
  async function hasHole(place: Place, consumers: readonly ConsumerMark[], head: number): Promise<boolean> {
    for (const { seq, misses } of consumers) {
      if (!misses || seq >= head) continue
      const from = Math.max(seq, 1)
      const found = await streams.read(place, from, 2)
      if (found.length < 2 || found.some((event, index) => event.seq !== from + index)) return true
    }
    return false
  }

  async function tellBounds(place: Place, { bounds }: StreamState, head: number): Promise<StreamBounds> {
    if (bounds && bounds.next === head + 1) return bounds
    const [oldest, newest] = await Promise.all([source.beginnings('beginning'), source.newest(place.part)])
    const now = { first: (oldest.get(place.part)?.seq ?? 0) + 1, next: (newest?.seq ?? head) + 1, newestId: newest?.eventId ?? null }
    await streams.tellBounds(place, now)
    return now
  }

  async function tellFacts(life: number): Promise<void> {
    const rows = await selectRows(
      database.events.db,
      sql`SELECT generation, part, base_seq FROM event_generation ORDER BY generation, part`,
    )
    const bases = rows.map((row) => ({
      generation: numberOf(row, 'generation'),
      part: numberOf(row, 'part'),
      base: numberOf(row, 'base_seq'),
    }))
    const facts: SourceFacts = { generation: life, bases }
    const before = await streams.facts(source.name)
    if (JSON.stringify(before) !== JSON.stringify(facts)) await streams.tellFacts(source.name, facts)
    if (before && before.generation < life) await streams.drop(source.name, before.generation)
    told = String(life)
  }

  return {
    wake(part, head) {
      wanted.set(part, Math.max(head, wanted.get(part) ?? 0))
      begin()
    },
    async look(life, heads) {
      generation = life
      if (told !== String(life) || (await streams.facts(source.name)) === undefined) await tellFacts(life)
      for (const [part, head] of heads) wanted.set(part, Math.max(head, wanted.get(part) ?? 0))
      begin()
      await working
    },
    heard: () => [...marks].flatMap(([part, consumers]) => consumers.map(({ consumer, seq }) => ({ consumer, part, seq }))),
    async stop() {
      stopping = true
      await working
    },
  }
}

/** As many as fit into one command. */
function withinSize(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
  let size = 0
  const end = events.findIndex(({ envelope }, index) => {
    size += JSON.stringify(envelope).length
    return index > 0 && size > largestChunk
  })
  return end < 0 ? events : events.slice(0, end)
}
