import type { Envelope } from './event-contracts.ts'
import { partitions } from './event-partitions.ts'
import type { LogBounds, LoggedEvent } from './event-sources.ts'
import { type ModuleRedis, readingScript, script } from './redis.ts'

/**
 * The log of a source in Redis, for consumers in other processes: one stream per partition and life, with the numbers of the
 * outbox as ids. It is a copy that may vanish at any moment; the outbox is the log. Beside each stream stands what consumers have
 * settled, which says how much of it is needed.
 */
export interface EventStreams {
  /** What publishers say of the source; undefined when nobody has said it, or Redis has lost it. */
  facts(source: string): Promise<SourceFacts | undefined>
  tellFacts(source: string, facts: SourceFacts): Promise<void>
  look(place: Place): Promise<StreamState>
  /**
   * Adds events behind the given last one; false when that is not what the stream ends with. Without `behind` the stream begins
   * anew with these. Rejects when Redis refuses, and then what is in it has no hole.
   */
  append(place: Place, events: readonly LoggedEvent[], behind: StreamEntry | undefined): Promise<boolean>
  /** Takes away what lies before the number. A Redis that is full does it too. */
  trim(place: Place, neededFrom: number): Promise<void>
  /** Takes all events away, and leaves what consumers have said. */
  clear(place: Place): Promise<void>
  /** What the outbox holds. */
  tellBounds(place: Place, bounds: LogBounds): Promise<void>
  read(place: Place, from: number, limit: number): Promise<readonly LoggedEvent[]>
  /** The consumer has settled up to this number, and, where it says so, cannot find what follows. */
  acknowledge(place: Place, consumer: string, seq: number, options: { misses: boolean }): Promise<void>
  /** The consumer is given up, and with it whatever it has not settled. */
  retire(place: Place, consumer: string): Promise<void>
  /** A life is over: nobody reads its streams any more. */
  drop(source: string, generation: number): Promise<void>
}

export interface Place {
  readonly source: string
  readonly part: number
  readonly generation: number
}

export interface SourceFacts {
  readonly generation: number
  /** For each life the last number, by partition, that it shares with the one before. */
  readonly bases: readonly { readonly generation: number; readonly part: number; readonly base: number }[]
}

export interface StreamEntry {
  readonly seq: number
  readonly eventId: string
}

export interface StreamState {
  readonly first: number | undefined
  readonly last: StreamEntry | undefined
  readonly bounds: LogBounds | undefined
  readonly consumers: readonly ConsumerMark[]
  /** Names of those that are given up. */
  readonly retired: readonly string[]
}

export interface ConsumerMark {
  readonly consumer: string
  readonly seq: number
  /** Heard of within the last minute. */
  readonly isRecent: boolean
  /** It stands here and cannot find what follows. */
  readonly misses: boolean
}

const recentMs = 60_000

const now = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "

const lookAt = readingScript(`${now}
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
  return { tostring(now), redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1), last, redis.call('HGETALL', KEYS[2]) }
`)

/** Zombies and repeats are harmless: what they would add does not fit the end. A refused XADD ends it, so there is never a hole. */
const add = script(`${now}
  if ARGV[1] == '' then redis.call('DEL', KEYS[1])
  else
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    if not last or last[1] ~= ARGV[1] .. '-0' or last[2][2] ~= ARGV[2] then return false end
  end
  for i = 3, #ARGV, 4 do
    local added = redis.pcall('XADD', KEYS[1], ARGV[i] .. '-0', 'i', ARGV[i + 1], 'e', ARGV[i + 2], 'a', ARGV[i + 3], 't', tostring(now))
    if type(added) == 'table' and added.err then return added end
  end
  return 1
`)

const readRange = readingScript(`${now}
  return { tostring(now), redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+', 'COUNT', ARGV[2]) }
`)

const cut = script(`redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1] .. '-0') return 1`)

// What is said again takes the place of what was said before: a full Redis refuses a script only until its first deletion. Otherwise
// nobody could say any more that events are settled, and nothing would ever make room.
const mark = script(`${now}
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. tostring(now) .. ' ' .. ARGV[3])
  return 1
`)

/** In place of a position. */
const retired = 'retired'
const giveUp = script(`redis.call('HDEL', KEYS[1], ARGV[1]) redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return 1`)
const tell = script(`redis.call('HDEL', KEYS[1], ':bounds') redis.call('HSET', KEYS[1], ':bounds', ARGV[1]) return 1`)
const remove = script(`redis.call('DEL', unpack(KEYS)) return 1`)
const put = script(`redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return 1`)

export function createEventStreams(redis: ModuleRedis): EventStreams {
  const streamKey = ({ source, part, generation }: Place): string => redis.key(source, part, `g${generation}`)
  const marksKey = ({ source, part, generation }: Place): string => redis.key(source, part, `g${generation}:acks`)
  const factsKey = (source: string): string => redis.key(source, 'all', 'source')

  return {
    async facts(source) {
      const text = await redis.get(factsKey(source))
      // Written by the publisher of this very house.
      return text === undefined ? undefined : (JSON.parse(text) as SourceFacts)
    },
    async tellFacts(source, facts) {
      await redis.run(put, [factsKey(source)], [JSON.stringify(facts)])
    },

    async look(place) {
      const [time, first, last, marks] = listOf(await redis.run(lookAt, [streamKey(place), marksKey(place)], []))
      const entries = new Map<string, string>(pairsOf(marks))
      const bounds = entries.get(':bounds')
      const told = [...entries].filter(([name]) => !name.startsWith(':'))
      const newest = listOf(last).map(entryOf)[0]
      return {
        first: listOf(first).map(entryOf)[0]?.seq,
        last: newest && { seq: newest.seq, eventId: newest.fields.get('i') ?? '' },
        bounds: bounds === undefined ? undefined : (JSON.parse(bounds) as LogBounds),
        consumers: told.filter(([, text]) => text !== retired).map(([name, text]) => markOf(name, text, Number(time))),
        retired: told.filter(([, text]) => text === retired).map(([name]) => name),
      }
    },

    async append(place, events, behind) {
      const written = performance.now()
      const rows = events.flatMap(({ seq, envelope, publishedAt }) => [
        seq,
        envelope.id,
        JSON.stringify(envelope),
        Math.max(0, Math.round(written - publishedAt)),
      ])
      const args = [behind?.seq ?? '', behind?.eventId ?? '', ...rows]
      return (await redis.run(add, [streamKey(place)], args)) !== null
    },

    async trim(place, neededFrom) {
      await redis.run(cut, [streamKey(place)], [neededFrom])
    },

    async clear(place) {
      await redis.run(remove, [streamKey(place)], [])
    },

    async tellBounds(place, bounds) {
      await redis.run(tell, [marksKey(place)], [JSON.stringify(bounds)])
    },

    async read(place, from, limit) {
      const [time, rows] = listOf(await redis.run(readRange, [streamKey(place)], [from, limit]))
      const readAt = performance.now()
      return listOf(rows)
        .map(entryOf)
        .map(({ seq, fields }) => ({
          seq,
          envelope: JSON.parse(fields.get('e') ?? '{}') as Envelope,
          publishedAt: readAt - (Number(time) - Number(fields.get('t'))) - Number(fields.get('a')),
        }))
    },

    async acknowledge(place, consumer, seq, { misses }) {
      await redis.run(mark, [marksKey(place)], [consumer, seq, misses ? 1 : 0])
    },

    async retire(place, consumer) {
      await redis.run(giveUp, [marksKey(place)], [consumer, retired])
    },

    async drop(source, generation) {
      for (let part = 0; part < partitions; part += 1) {
        const place = { source, part, generation }
        await redis.run(remove, [streamKey(place), marksKey(place)], [])
      }
    },
  }
}

function markOf(consumer: string, text: string, time: number): ConsumerMark {
  const [seq, at, misses] = text.split(' ').map(Number)
  return { consumer, seq: seq ?? 0, isRecent: time - (at ?? 0) < recentMs, misses: misses === 1 }
}

const listOf = (reply: unknown): unknown[] => (Array.isArray(reply) ? reply : [])

function pairsOf(reply: unknown): [string, string][] {
  const flat = listOf(reply).map(String)
  return flat.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))
}

function entryOf(reply: unknown): { seq: number; fields: ReadonlyMap<string, string> } {
  const [id, fields] = listOf(reply)
  return { seq: Number(String(id).split('-')[0]), fields: new Map(pairsOf(fields)) }
}
