import type { Database, DatabaseName } from './databases.ts'
import { isAppError } from './errors.ts'
import type { Bell } from './event-bell.ts'
import { type Consumer, handlerDeadlineMs } from './event-delivery.ts'
import { compareWith, createDispatcher, type Dispatcher } from './event-dispatcher.ts'
import { followGeneration, trueUpTo } from './event-generation.ts'
import type { EventMetrics } from './event-metrics.ts'
import { createParking, type ParkedEvent, type Parking } from './event-parking.ts'
import { createPositions, type Line, type Position, type Positions } from './event-positions.ts'
import { createRelay, type Relay } from './event-relay.ts'
import { createRetention, type Retention } from './event-retention.ts'
import { isAway, processDied, type Verdict } from './event-retries.ts'
import { createRetryLoop } from './event-retry-loop.ts'
import { createEventSource, type EventSource } from './event-sources.ts'
import { createStreamWriter, type StreamWriter } from './event-stream-writer.ts'
import type { EventStreams } from './event-streams.ts'
import { createTurns } from './event-turns.ts'
import type { Log } from './logging.ts'

/** Whose events consumers of this process hear: a database of this process, or one of another, by its streams. */
export interface Heard {
  readonly source: Pick<EventSource, 'name' | 'read' | 'beginnings'>
  /** Names of the consumers that hear this source, in whatever database. */
  readonly expected: Set<string>
  /** The life of the source, once it is known. */
  readonly generation: number | undefined
  /** Up to which number the lives a consumer knows are still true in the newest one. */
  trueUpTo(part: number, known: number): Promise<number | undefined>
  /** Whether this error says that the source is away. If so it is said once, until a look finds the source again. */
  isLost(error: unknown): boolean
}

/** One database of this process in both of its roles: what is published in it is numbered, what is heard in it is handled. */
export interface Host extends Heard {
  readonly database: Database<DatabaseName>
  readonly source: EventSource
  readonly relay: Relay
  readonly retention: Retention
  readonly positions: Positions
  readonly parking: Parking
  readonly dispatcher: Dispatcher
  /** By name. */
  readonly consumers: Map<string, Consumer>
  readonly subscribers: Subscriber[]
  /** For consumers in other processes; undefined when there are none. */
  readonly streamed: StreamWriter | undefined
  /** True when a module of this process publishes here. */
  publishes: boolean
  /** The life of the source, once its rows are there. */
  generation: number | undefined
  /** Makes the rows of source and consumers where they are missing; what cannot be reached is made at a later look. */
  prepare(): Promise<void>
  /** Finds what no bell has told: after a start, from other processes, after an outage. Never fails: it waits for the database. */
  look(): Promise<void>
  /** Lets running handlers end within the time, rolls the others back and gives leases and claims back. */
  stop(withinMs: number): Promise<void>
}

export interface Subscriber {
  readonly consumer: Consumer
  readonly start: 'beginning' | 'now'
  readonly replayable: boolean
  /** The subscribed keys by the database that publishes them; known once everything is registered. */
  hears: ReadonlyMap<Heard, readonly string[]>
}

export interface HostNeeds {
  database: Database<DatabaseName>
  /** Names this run of the process. */
  owner: string
  retentionDays: number
  bell: Bell
  counted: EventMetrics
  log: Pick<Log, 'info' | 'warn' | 'error'>
  /** Something is going on: look again soon. */
  moved: () => void
  /** Dispatchers of all databases whose consumers are ready. */
  dispatchers: () => readonly Dispatcher[]
  sourceNamed: (name: string) => Heard | undefined
  /** Undefined: nobody hears this source in another process. */
  streams: EventStreams | undefined
  streamed: (source: string, part: number, head: number) => void
  /** A repeat that is due later than this is found by a look. */
  longestPauseMs: number
}

/** Lines and retries worked on at once per database: the event pool keeps a connection for the relay. */
const turnsAtOnce = 3

export function createHost({
  database,
  owner,
  retentionDays,
  bell,
  counted,
  log,
  moved,
  dispatchers,
  sourceNamed,
  longestPauseMs,
  streams,
  streamed,
}: HostNeeds): Host {
  const source = createEventSource(database)
  const positions = createPositions(database.events, owner)
  const parking = createParking(database.events)
  const turns = createTurns(turnsAtOnce, handlerDeadlineMs)
  const consumers = new Map<string, Consumer>()
  const registered = new Set<string>()
  let away = false

  const writer =
    streams &&
    createStreamWriter({
      database,
      source,
      streams,
      written: (part, head) => streamed(source.name, part, head),
      repaired: () => counted.repaired(source.name),
      log,
    })

  const relay = createRelay({
    database,
    owner,
    numbered(part, head, count) {
      moved()
      writer?.wake(part, head)
      bell.ringNumbered(database.name, part, head)
      if (bell.observed) show(part, head, count)
    },
    failed: lost,
  })

  const dispatcher = createDispatcher({
    positions,
    follow,
    turns,
    report: {
      settled(line, events) {
        moved()
        counted.settled(line.consumer, events)
      },
      failed(line, { envelope: { id, type, subject } }, verdict, error) {
        moved()
        failed({ ...line, eventId: id, type, subject }, verdict, error)
      },
      died(line, { deaths, deathAt }) {
        counted.death(line.consumer)
        log.warn({ ...line, deaths, deathAt }, 'a process ended with this line of events in its hands')
      },
      deadly(line, { envelope: { id, type, subject } }) {
        log.warn({ ...line, eventId: id, type, subject }, 'event set apart: processes ended at it')
        retries.look()
      },
      conflict: (line, reason) => log.error({ ...line, reason }, 'event log does not fit the position, partition stopped'),
      outage(line, error, times) {
        if (host.isLost(error) || sourceNamed(line.source)?.isLost(error)) return
        if (times === 1) log.warn({ ...line, error }, 'a line of events could not go on, again soon')
      },
    },
  })

  const retries = createRetryLoop({
    parking,
    consumers,
    turns,
    report: {
      handled: moved,
      failed: (event, verdict, error) => failed(fieldsOf(event), verdict, error),
      buried(event) {
        counted.dead(event.line.consumer)
        log.error({ ...fieldsOf(event), code: processDied.code, attempts: event.attempts }, 'dead letter: processes ended at this event')
      },
      outage: lost,
    },
  })

  function failed(
    fields: Readonly<Record<string, unknown>> & { consumer: string },
    { attempts, nextMs, code }: Verdict,
    error: unknown,
  ): void {
    if (nextMs === null) {
      counted.dead(fields.consumer)
      log.error({ ...fields, attempts, code, error }, 'dead letter: this event is no longer retried by itself')
      return
    }
    log.warn({ ...fields, attempts, code, nextMs, error }, 'event failed, its subject waits')
    if (nextMs < longestPauseMs) setTimeout(() => retries.look(), nextMs + 1).unref()
  }

  function lost(error: unknown): void {
    if (!away) log.warn({ database: database.name, error }, 'events wait for a database')
    away = true
  }

  async function follow(line: Line, from: Position, generation: number): Promise<boolean> {
    const publisher = sourceNamed(line.source)
    const base = publisher && (await publisher.trueUpTo(line.part, from.generation))
    if (base === undefined) return false
    const followed = await followGeneration(database.events, line, from, { generation, base })
    if (followed) {
      const level = followed.ahead > 0 || followed.dropped > 0 ? 'error' : 'info'
      log[level]({ ...line, generation, base, ...followed }, 'consumer follows its source into a new generation')
    }
    return true
  }

  function show(part: number, head: number, count: number): void {
    source
      .read(part, head - count + 1, count)
      .then(({ events }) => {
        for (const { envelope } of events) bell.show(envelope)
      })
      .catch((error: unknown) => log.warn({ source: source.name, error }, 'events were not shown to observers'))
  }

  async function register(): Promise<void> {
    for (const { consumer, start, hears } of host.subscribers)
      for (const [{ source: heard, generation }, keys] of hears) {
        const { beginnings, name } = heard
        const pair = `${consumer.name} ${name}`
        // Its publisher comes first: from then on nothing is purged that the consumer will want. The others need not wait for it.
        if (generation === undefined || registered.has(pair)) continue
        try {
          await positions.register({ consumer: consumer.name, source: name, keys, start, generation, beginnings })
          registered.add(pair)
        } catch (error) {
          // A source elsewhere that nobody has told of yet holds up its own hearers only.
          if (host.isLost(error) || !isAppError(error)) throw error
        }
      }
  }

  async function lookAtSource(): Promise<void> {
    const { state } = await compareWith(dispatchers(), source.name, async () => {
      const said = await source.state()
      host.generation = said.generation
      return said
    })
    const waiting = state.partitions.filter(({ waitedSeconds }) => waitedSeconds !== undefined)
    const oldest = Math.max(0, ...waiting.map(({ waitedSeconds = 0 }) => waitedSeconds))
    counted.pending(source.name, waiting.length > 0 ? await source.countPending() : 0, oldest)
    if (waiting.length > 0) moved()
    for (const { part } of waiting) relay.wake(part)
    await writer?.look(state.generation, new Map(state.partitions.map(({ part, head }) => [part, head]))).catch(() => {
      // Redis is away: events for other processes wait in the outbox, all else goes on.
    })
  }

  const host: Host = {
    database,
    source,
    relay,
    retention: createRetention(database, retentionDays),
    positions,
    parking,
    dispatcher,
    consumers,
    subscribers: [],
    expected: new Set(),
    streamed: writer,
    trueUpTo: (part, known) => trueUpTo(database.events, part, known),
    publishes: false,
    generation: undefined,

    async prepare() {
      if (host.publishes && host.generation === undefined) {
        const generation = await source.prepare()
        await host.retention.expect([...host.expected])
        host.generation = generation
      }
      await register()
    },

    async look() {
      try {
        await host.prepare()
        if (consumers.size > 0 && (await dispatcher.refresh())) retries.look()
        if (host.publishes) await lookAtSource()
        if (away) log.info({ database: database.name }, 'events go on')
        away = false
      } catch (error) {
        lost(error)
      }
    },

    isLost(error) {
      const isIt = isAway(error, database.name)
      if (isIt) lost(error)
      return isIt
    },

    async stop(withinMs) {
      const turnsEnd = async (): Promise<void> => {
        await turns.stop(withinMs)
        await Promise.all([dispatcher.close(), retries.close()])
      }
      await Promise.all([relay.stop(), turnsEnd(), writer?.stop()])
    },
  }
  return host
}

const fieldsOf = ({ line, eventId, type, subject }: ParkedEvent) => ({ ...line, eventId, type, subject })
