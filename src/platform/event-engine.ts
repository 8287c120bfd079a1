import type { Database, DatabaseName, Tx } from './databases.ts'
import { isAppError } from './errors.ts'
import type { Bell, Observer } from './event-bell.ts'
import { type EventContract, type EventDeclaration, eventsByKey } from './event-contracts.ts'
import { type Consumer, createConsumer, handlerDeadlineMs } from './event-delivery.ts'
import { createDispatcher, type Dispatcher } from './event-dispatcher.ts'
import { createEventId } from './event-ids.ts'
import { createEventMetrics, type MetricsOfEvents } from './event-metrics.ts'
import { createParking, type ParkedEvent, type Parking } from './event-parking.ts'
import { createPositions, type Positions } from './event-positions.ts'
import { partitions } from './event-publisher.ts'
import { createRelay, type Relay } from './event-relay.ts'
import { processDied, type Verdict } from './event-retries.ts'
import { createRetryLoop, type RetryLoop } from './event-retry-loop.ts'
import { createEventSource, type EventSource } from './event-sources.ts'
import type { Subscriptions } from './event-subscriptions.ts'
import { createTurns, type Turns } from './event-turns.ts'
import type { Log } from './logging.ts'

/** The machinery of events in a process: registered by the composition root, sealed and started last, stopped first. */
export interface Events {
  /** What a module publishes and hears. Throws once the events have been started. */
  register<N extends DatabaseName, E>(module: ModuleEvents<N, E>): void
  /** Seals the registry, then numbers and delivers. A database that is away is waited for. */
  start(): Promise<void>
  /** Takes nothing new, lets running handlers end within 10 s, rolls the others back and gives all leases back. */
  stop(): Promise<void>
  /** What this process hosts, known once everything is registered. */
  consumers(): readonly HostedConsumer[]
  sources(): readonly HostedSource[]
  /** Looks at once, in this process, for what has changed: positions, parked events, states of consumers. After an operation. */
  look(): void
  /** Live feed of events, at most once and only of this process: for the console and tests. Returns the end of it. */
  observe(pattern: string, observer: Observer): () => void
}

export interface ModuleEvents<N extends DatabaseName, E> {
  database: Database<N>
  contract?: EventContract
  subscriptions?: Subscriptions<E, Tx<N>>
}

/** A consumer of a module of this process. */
export interface HostedConsumer {
  readonly name: string
  readonly database: Database<DatabaseName>
  readonly replayable: boolean
  readonly start: 'beginning' | 'now'
  /** The subscribed `type@version` by the name of the source that publishes them. */
  readonly sources: ReadonlyMap<string, readonly string[]>
}

/** A database whose events modules of this process declare. */
export interface HostedSource {
  readonly name: string
  readonly database: Database<DatabaseName>
  /** By `type@version`. */
  readonly declarations: ReadonlyMap<string, EventDeclaration>
}

export interface EventsNeeds {
  bell: Bell
  metrics: MetricsOfEvents
  log: Pick<Log, 'info' | 'warn' | 'error'>
  timings?: Partial<EventTimings>
}

export interface EventTimings {
  /** Time between two looks while something moves, and the longest one when nothing does. */
  pollMs: number
  idlePollMs: number
  /** How long after the last movement the short time holds. */
  restlessMs: number
  stopMs: number
}

const defaultTimings: EventTimings = { pollMs: 250, idlePollMs: 2_000, restlessMs: 5_000, stopMs: 10_000 }

/** Lines and retries worked on at once per database: the event pool keeps a connection for the relay. */
const turnsAtOnce = 3

interface Subscriber {
  consumer: Consumer
  start: 'beginning' | 'now'
  replayable: boolean
}

/** One database of this process, in both of its roles. */
interface Host {
  readonly database: Database<DatabaseName>
  readonly source: EventSource
  readonly relay: Relay
  readonly positions: Positions
  readonly parking: Parking
  readonly turns: Turns
  readonly dispatcher: Dispatcher
  readonly retries: RetryLoop
  /** By name. */
  readonly consumers: Map<string, Consumer>
  readonly subscribers: Subscriber[]
  publishes: boolean
  generation: number | undefined
  registered: boolean
  away: boolean
}

export function createEvents({ bell, metrics, log, timings }: EventsNeeds): Events {
  const { pollMs, idlePollMs, restlessMs, stopMs } = { ...defaultTimings, ...timings }
  const owner = `${process.pid}-${createEventId()}`
  const hosts = new Map<DatabaseName, Host>()
  const declarations = new Map<string, EventDeclaration>()
  const sourceByType = new Map<string, Host>()
  const counted = createEventMetrics(
    metrics,
    () => [...hosts.values()].flatMap(({ dispatcher }) => dispatcher.states()),
    async () =>
      (
        await Promise.all(
          [...hosts.values()]
            .filter(({ consumers }) => consumers.size > 0)
            .map(({ parking, consumers }) => parking.count([...consumers.keys()])),
        )
      ).flat(),
  )
  let state: 'open' | 'started' | 'stopped' = 'open'
  let movedAt = performance.now()
  let pause = pollMs
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  function hostOf(database: Database<DatabaseName>): Host {
    const known = hosts.get(database.name)
    if (known) return known
    const source = createEventSource(database)
    const positions = createPositions(database.events, owner)
    const parking = createParking(database.events)
    const turns = createTurns(turnsAtOnce, handlerDeadlineMs)
    const consumers = new Map<string, Consumer>()
    const host: Host = {
      database,
      source,
      positions,
      parking,
      turns,
      consumers,
      relay: createRelay({
        database,
        owner,
        numbered: (part, head, count) => {
          movedAt = performance.now()
          bell.ringNumbered(database.name, part, head)
          if (bell.observed) show(source, part, head, count)
        },
        failed: (error) => lost(host, error),
      }),
      dispatcher: createDispatcher({
        positions,
        turns,
        report: {
          settled(line, events) {
            movedAt = performance.now()
            counted.settled(line.consumer, events)
          },
          failed(line, { envelope: { id, type, subject } }, verdict, error) {
            movedAt = performance.now()
            failed({ ...line, eventId: id, type, subject }, verdict, error)
            retryAfter(host, verdict)
          },
          died(line, { deaths, deathAt }) {
            counted.death(line.consumer)
            log.warn({ ...line, deaths, deathAt }, 'a process ended with this line of events in its hands')
          },
          deadly(line, { envelope: { id, type, subject } }) {
            log.warn({ ...line, eventId: id, type, subject }, 'event set apart: processes ended at it')
            host.retries.look()
          },
          conflict: (line, reason) => log.error({ ...line, reason }, 'event log does not fit the position, partition stopped'),
          outage: (_line, error) => lost(host, error),
        },
      }),
      retries: createRetryLoop({
        parking,
        consumers,
        turns,
        report: {
          handled() {
            movedAt = performance.now()
          },
          failed(event, verdict, error) {
            failed(fieldsOf(event), verdict, error)
            retryAfter(host, verdict)
          },
          buried(event) {
            counted.dead(event.line.consumer)
            log.error(
              { ...fieldsOf(event), code: processDied.code, attempts: event.attempts },
              'dead letter: processes ended at this event',
            )
          },
          outage: (error) => lost(host, error),
        },
      }),
      subscribers: [],
      publishes: false,
      generation: undefined,
      registered: false,
      away: false,
    }
    hosts.set(database.name, host)
    return host
  }

  function failed(
    fields: Readonly<Record<string, unknown>> & { consumer: string },
    { attempts, nextMs, code }: Verdict,
    error: unknown,
  ): void {
    if (nextMs !== null) {
      log.warn({ ...fields, attempts, code, nextMs, error }, 'event failed, its subject waits')
      return
    }
    counted.dead(fields.consumer)
    log.error({ ...fields, attempts, code, error }, 'dead letter: this event is no longer retried by itself')
  }

  /** The first repeats are due sooner than the next look around. */
  function retryAfter(host: Host, { nextMs }: Verdict): void {
    if (nextMs !== null && nextMs < idlePollMs) setTimeout(() => host.retries.look(), nextMs + 1).unref()
  }

  function lost(host: Host, error: unknown): void {
    if (!host.away) log.warn({ database: host.database.name, error }, 'events wait for a database')
    host.away = true
  }

  function show(source: EventSource, part: number, head: number, count: number): void {
    source
      .read(part, head - count + 1, count)
      .then(({ events }) => {
        for (const { envelope } of events) bell.show(envelope)
      })
      .catch((error: unknown) => log.warn({ source: source.name, error }, 'events were not shown to observers'))
  }

  /** Every subscription needs a publisher: a typing mistake must not become a consumer that hears nothing. */
  function seal(): void {
    const unknown = [...hosts.values()].flatMap(({ subscribers }) =>
      subscribers.flatMap(({ consumer }) =>
        [...consumer.keys].filter((key) => !declarations.has(key)).map((key) => `${consumer.name}: ${key}`),
      ),
    )
    if (unknown.length > 0) throw new TypeError(`nobody publishes what is subscribed: ${unknown.join(', ')}`)
    for (const { dispatcher, subscribers } of hosts.values())
      for (const { consumer } of subscribers)
        for (const { source } of heardBy(consumer).keys())
          for (let part = 0; part < partitions; part += 1)
            dispatcher.add({ consumer: consumer.name, source: source.name, part }, consumer, source)
  }

  /** The subscribed keys by the database that publishes them. */
  function heardBy(consumer: Consumer): ReadonlyMap<Host, readonly string[]> {
    const heard = new Map<Host, string[]>()
    for (const key of consumer.keys) {
      const host = sourceByType.get(key)
      if (host) heard.set(host, [...(heard.get(host) ?? []), key])
    }
    return heard
  }

  /** Makes the rows of sources and consumers where they are missing; what cannot be reached is made at a later look. */
  async function prepare(host: Host): Promise<void> {
    if (host.publishes) host.generation ??= await host.source.prepare()
    if (host.registered) return
    for (const { consumer, start } of host.subscribers) {
      for (const [{ source, generation }, keys] of heardBy(consumer)) {
        if (generation === undefined) return
        const newest = (part: number) => source.newest(part)
        await host.positions.register({ consumer: consumer.name, source: source.name, keys, start, generation, newest })
      }
    }
    host.registered = true
  }

  async function look(host: Host): Promise<void> {
    await prepare(host)
    if (host.registered && host.subscribers.length > 0) {
      await host.dispatcher.refresh()
      host.retries.look()
    }
    if (host.publishes) {
      const found = await host.source.partitions()
      const waited = found.flatMap(({ waitedSeconds }) => waitedSeconds ?? [])
      counted.pending(host.source.name, waited.length > 0 ? await host.source.countPending() : 0, Math.max(0, ...waited))
      for (const { part, head, waitedSeconds } of found) {
        advance(host.source.name, part, head)
        if (waitedSeconds === undefined) continue
        movedAt = performance.now()
        host.relay.wake(part)
      }
    }
    if (host.away) log.info({ database: host.database.name }, 'events go on')
    host.away = false
  }

  function advance(source: string, part: number, head: number): void {
    for (const { dispatcher, registered } of hosts.values()) if (registered) dispatcher.advance(source, part, head)
  }

  /** Finds what no bell has told: after a start, from other processes, after an outage. */
  async function lookAround(): Promise<void> {
    // Publishers first: a consumer is registered with their generation.
    const inOrder = [...hosts.values()].sort((a, b) => Number(b.publishes) - Number(a.publishes))
    await Promise.all(inOrder.map((host) => look(host).catch((error: unknown) => lost(host, error))))
  }

  /** Running handlers end within their time or are rolled back; then leases and claims are given back. */
  async function endTurns({ turns, dispatcher, retries }: Host): Promise<void> {
    await turns.stop(stopMs)
    await Promise.all([dispatcher.close(), retries.close()])
  }

  function schedule(): void {
    if (state !== 'started') return
    clearTimeout(timer)
    pause = performance.now() - movedAt < restlessMs ? pollMs : Math.min(pause * 2, idlePollMs)
    timer = setTimeout(() => {
      looking = lookAround().finally(schedule)
    }, pause)
  }

  return {
    register({ database, contract, subscriptions = [] }) {
      if (state !== 'open') throw new TypeError('events have been started: register publishers and consumers before')
      const host = hostOf(database)
      for (const [key, declaration] of contract ? eventsByKey(contract) : []) {
        if (declarations.has(key)) throw new TypeError(`${key} is declared twice`)
        declarations.set(key, declaration)
        sourceByType.set(key, host)
        host.publishes = true
      }
      for (const subscription of subscriptions) {
        if ([...hosts.values()].some(({ subscribers }) => subscribers.some(({ consumer }) => consumer.name === subscription.consumer)))
          throw new TypeError(`consumer ${subscription.consumer} is registered twice`)
        const { positions, parking } = host
        const consumer = createConsumer({ database, subscription, positions, parking, declarations, handled: counted.handled })
        host.consumers.set(consumer.name, consumer)
        host.subscribers.push({ consumer, start: subscription.start, replayable: subscription.replayable })
      }
    },

    async start() {
      if (state !== 'open') throw new TypeError('events are started once')
      state = 'started'
      seal()
      bell.onCommitted((database, part) => {
        const host = hosts.get(database)
        if (host?.generation !== undefined && state === 'started') host.relay.wake(part)
      })
      bell.onNumbered((database, part, head) => {
        const host = hosts.get(database)
        if (host && state === 'started') advance(host.source.name, part, head)
      })
      for (const host of [...hosts.values()].filter(({ publishes }) => publishes)) {
        try {
          await prepare(host)
        } catch (error) {
          // Whatever a server could not do at the moment is done at a later look.
          if (!isAppError(error) || error.status !== 503) throw error
        }
      }
      await lookAround()
      schedule()
    },

    async stop() {
      if (state !== 'started') {
        state = 'stopped'
        return
      }
      state = 'stopped'
      clearTimeout(timer)
      await looking
      await Promise.all([...hosts.values()].flatMap((host) => [host.relay.stop(), endTurns(host)]))
    },

    consumers: () =>
      [...hosts.values()].flatMap(({ database, subscribers }) =>
        subscribers.map(({ consumer, start, replayable }) => ({
          name: consumer.name,
          database,
          start,
          replayable,
          sources: new Map([...heardBy(consumer)].map(([{ source }, keys]) => [source.name, keys])),
        })),
      ),

    sources: () =>
      [...hosts.values()]
        .filter(({ publishes }) => publishes)
        .map((host) => ({
          name: host.source.name,
          database: host.database,
          declarations: new Map([...declarations].filter(([key]) => sourceByType.get(key) === host)),
        })),

    look() {
      movedAt = performance.now()
      if (state !== 'started') return
      clearTimeout(timer)
      looking = looking.then(lookAround).finally(schedule)
    },

    observe(pattern, observer) {
      return bell.observe(pattern, observer, (error) => log.warn({ pattern, error }, 'an observer of events failed'))
    },
  }
}

const fieldsOf = ({ line, eventId, type, subject }: ParkedEvent) => ({ ...line, eventId, type, subject })
