import type { RedisChannel } from './redis.ts'

/**
 * Wakes the same modules in other processes: committed events wait for the one that numbers, numbered ones for the one that
 * delivers. A nudge that is lost costs time, until the next look around, and nothing else. Without Redis none is sent.
 */
export interface Nudges {
  committed(source: string, part: number): void
  numbered(source: string, part: number, head: number): void
  /** Events up to this number can be read from the stream of the source, by processes that do not host it. */
  streamed(source: string, part: number, head: number): void
  /** Nudges of other processes about a source; those of this one are left out. */
  listen(source: string, heard: Heard): void
  listenToStreams(source: string, heard: HeardOfStreams): void
  /** Somebody has changed something by hand: every process looks, whatever it hosts. */
  look(): void
  onLook(heard: () => void): void
}

export interface Heard {
  committed(part: number): void
  numbered(part: number, head: number): void
}

export type HeardOfStreams = (part: number, head: number) => void

/** At most one message in so much time per source: under load they are gathered, a single event is told at once. */
const gatherMs = 5

export function createNudges(owner: string, channelOf: (name: string) => RedisChannel, gather = gatherMs): Nudges {
  const outgoing = new Map<string, Outgoing>()
  const looks = channelOf('ev:look')

  function outgoingTo(source: string): Outgoing {
    const known = outgoing.get(source)
    if (known) return known
    const made: Outgoing = { channel: channelOf(nameOf(source)), committed: new Set(), heads: new Map(), resting: false }
    outgoing.set(source, made)
    return made
  }

  function send(to: Outgoing): void {
    if (to.resting || (to.committed.size === 0 && to.heads.size === 0)) return
    to.resting = true
    to.channel.publish(JSON.stringify([owner, [...to.committed], [...to.heads]]))
    to.committed.clear()
    to.heads.clear()
    setTimeout(() => {
      to.resting = false
      send(to)
    }, gather).unref()
  }

  return {
    committed(source, part) {
      const to = outgoingTo(source)
      to.committed.add(part)
      send(to)
    },
    numbered(source, part, head) {
      const to = outgoingTo(source)
      to.heads.set(part, Math.max(head, to.heads.get(part) ?? 0))
      send(to)
    },
    // One message per chunk of a stream: they are gathered where they are written.
    streamed: (source, part, head) => channelOf(streamsOf(source)).publish(JSON.stringify([part, head])),
    listenToStreams(source, heard) {
      channelOf(streamsOf(source)).subscribe((message) => {
        const [part, head] = readPair(message)
        if (part !== undefined && head !== undefined) heard(part, head)
      })
    },
    listen(source, heard) {
      channelOf(nameOf(source)).subscribe((message) => {
        const nudge = read(message)
        if (!nudge || nudge.from === owner) return
        for (const part of nudge.committed) heard.committed(part)
        for (const [part, head] of nudge.heads) heard.numbered(part, head)
      })
    },
    look: () => looks.publish(owner),
    onLook(heard) {
      looks.subscribe((from) => {
        if (from !== owner) heard()
      })
    },
  }
}

const nameOf = (source: string): string => `ev:{${source}}:nudge`
const streamsOf = (source: string): string => `ev:{${source}}:streamed`

interface Outgoing {
  readonly channel: RedisChannel
  readonly committed: Set<number>
  readonly heads: Map<number, number>
  resting: boolean
}

interface Nudge {
  readonly from: string
  readonly committed: readonly number[]
  readonly heads: readonly (readonly [part: number, head: number])[]
}

/** Anybody may write into a channel: what does not have the form is left alone. */
function read(message: string): Nudge | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(message)
  } catch {
    return undefined
  }
  if (!Array.isArray(parsed)) return undefined
  const [from, committed, heads]: unknown[] = parsed
  if (typeof from !== 'string' || !Array.isArray(committed) || !Array.isArray(heads)) return undefined
  return {
    from,
    committed: committed.filter(isNumber),
    heads: heads.filter((pair): pair is [number, number] => Array.isArray(pair) && pair.length === 2 && pair.every(isNumber)),
  }
}

function readPair(message: string): readonly number[] {
  try {
    const pair: unknown = JSON.parse(message)
    return Array.isArray(pair) && pair.length === 2 && pair.every(isNumber) ? pair : []
  } catch {
    return []
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value)
