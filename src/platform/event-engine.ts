import { sourceOf } from './database-names.ts'
import type { Database, DatabaseName, Tx } from './databases.ts'
import { isAppError } from './errors.ts'
import type { Bell, Observer } from './event-bell.ts'
import { type EventContract, type EventDeclaration, eventsByKey } from './event-contracts.ts'
import { type Consumer, createConsumer } from './event-delivery.ts'
import { createFarSource, type FarSource } from './event-far-sources.ts'
import { createHost, type Heard, type Host } from './event-host.ts'
import { createEventId } from './event-ids.ts'
import { createEventMetrics, type MetricsOfEvents } from './event-metrics.ts'
import { createNudges } from './event-nudges.ts'
import { partitions } from './event-partitions.ts'
import type { EventStreams } from './event-streams.ts'
import type { Subscriptions } from './event-subscriptions.ts'
import { sweepEvents } from './event-sweep.ts'
import type { Log } from './logging.ts'
import { isModuleName, moduleTable } from './module-table.ts'
import type { Redis } from './redis.ts'

/** The machinery of events in a process: registered by the composition root, sealed and started last, stopped first. */
export interface Events {
  /** What a module publishes and hears. Throws once the events have been started. */
  register<N extends DatabaseName, E>(module: ModuleEvents<N, E>): void
  /** Seals the registry, then numbers and delivers. A database that is away is waited for. */
  start(): Promise<void>
  /** Takes nothing new, lets running handlers end within 10 s, rolls the others back and gives all leases back. */
  stop(): Promise<void>
  /** What the consumers of this process hear: published here, coming by a stream, or by no way at all. */
  routes(): readonly EventRoute[]
  /** What this process hosts, known once everything is registered. */
  consumers(): readonly HostedConsumer[]
  sources(): readonly HostedSource[]
  /** Everything that any module publishes, wherever it is hosted, by `type@version`. */
  declarations(): ReadonlyMap<string, EventDeclaration>
  /**
   * Looks at once for what has changed (positions, parked events, states of consumers), and so do the other processes that
   * Redis reaches. After an operation; also in a process in which nothing was started.
   */
  look(): void
  /** Live feed of events, at most once and only of this process: for the console and tests. Returns the end of it. */
  observe(pattern: string, observer: Observer): () => void
}

export interface ModuleEvents<N extends DatabaseName, E> {
  /** Undefined for a module that another process hosts: its events come by streams. */
  database: Database<N> | undefined
  contract?: EventContract
  subscriptions?: Subscriptions<E, Tx<N>> | undefined
}

export interface EventRoute {
  readonly consumer: string
  /** `user.created@1`. */
  readonly key: string
  readonly at: 'here' | 'stream' | 'nowhere'
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
  /** Wakes other processes like this one. Without it they find by looking what has happened. */
  redis?: Pick<Redis, 'channel' | 'onReturn'>
  /** Carries events between processes. Without it consumers hear what is published in this process. */
  streams?: EventStreams | undefined
  /** Events are kept so long at least. Default 7. */
  retentionDays?: number
  timings?: Partial<EventTimings>
}

export interface EventTimings {
  /** Time between two looks while something moves, and the longest one when nothing does. */
  pollMs: number
  idlePollMs: number
  /** How long after the last movement the short time holds. */
  restlessMs: number
  /** Between two looks for what may be purged. */
  sweepMs: number
  stopMs: number
}

const defaultTimings: EventTimings = { pollMs: 250, idlePollMs: 2_000, restlessMs: 5_000, sweepMs: 60_000, stopMs: 10_000 }

export function createEvents({ bell, metrics, log, redis, streams, retentionDays = 7, timings }: EventsNeeds): Events {
  const { pollMs, idlePollMs, restlessMs, sweepMs, stopMs } = { ...defaultTimings, ...timings }
  const owner = `${process.pid}-${createEventId()}`
  const hosts = new Map<DatabaseName, Host>()
  const declarations = new Map<string, EventDeclaration>()
  const sourceByType = new Map<string, Heard>()
  const farSources = new Map<string, FarSource>()
  const counted = createEventMetrics(metrics, {
    lines: () => all().flatMap(({ dispatcher }) => dispatcher.states()),
    ahead: () => all().flatMap(({ streamed }) => streamed?.ahead() ?? []),
    parked: () =>
      all()
        .filter(({ consumers }) => consumers.size > 0)
        .map(({ parking, consumers }) => parking.count([...consumers.keys()])),
  })
  const nudges = redis && createNudges(owner, redis.channel)
  const sweep = sweepEvents({ hosts: all, farSources: () => [...farSources.values()], owner, counted, log, everyMs: sweepMs })
  let state: 'open' | 'started' | 'stopped' = 'open'
  let movedAt = performance.now()
  let pause = pollMs
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let asked = false

  function all(): readonly Host[] {
    return [...hosts.values()]
  }
  function publishers(): readonly Host[] {
    return all().filter(({ publishes }) => publishes)
  }
  const dispatchers = () => all().map(({ dispatcher }) => dispatcher)
  const moved = (): void => {
    movedAt = performance.now()
  }

  function hostOf(database: Database<DatabaseName>): Host {
    const known = hosts.get(database.name)
    if (known) return known
    const host = createHost({
      database,
      owner,
      retentionDays,
      bell,
      counted,
      log,
      moved,
      dispatchers,
      sourceNamed: (name) => farSources.get(name) ?? publishers().find(({ source }) => source.name === name),
      longestPauseMs: idlePollMs,
      streams,
      streamed: (source, part, head) => nudges?.streamed(source, part, head),
    })
    hosts.set(database.name, host)
    return host
  }

  /** Every subscription needs a publisher: a typing mistake must not become a consumer that hears nothing. */
  function seal(): void {
    const unknown = [...hosts.values()].flatMap(({ subscribers }) =>
      subscribers.flatMap(({ consumer }) =>
        [...consumer.keys].filter((key) => !declarations.has(key)).map((key) => `${consumer.name}: ${key}`),
      ),
    )
    if (unknown.length > 0) throw new TypeError(`nobody publishes what is subscribed: ${unknown.join(', ')}`)
    const waiting = routes()
      .filter(({ at }) => at === 'nowhere')
      .map(({ consumer, key }) => `${consumer}: ${key}`)
    if (waiting.length > 0)
      log.warn(
        { waiting },
        'events of other processes are not delivered here: these subscriptions wait until publisher and consumer share a process, and the log keeps their events as long as EVENTS_RETENTION_DAYS says',
      )
    for (const { dispatcher, subscribers } of hosts.values())
      for (const subscriber of subscribers) {
        const { consumer } = subscriber
        subscriber.hears = heardBy(consumer)
        for (const { source, expected } of subscriber.hears.keys()) {
          expected.add(consumer.name)
          for (let part = 0; part < partitions; part += 1)
            dispatcher.add({ consumer: consumer.name, source: source.name, part }, consumer, source)
        }
      }
  }

  function routes(): readonly EventRoute[] {
    return all().flatMap(({ subscribers }) =>
      subscribers.flatMap(({ consumer: { name, keys } }) => [...keys].map((key): EventRoute => ({ consumer: name, key, at: wayOf(key) }))),
    )
  }

  function wayOf(key: string): EventRoute['at'] {
    const heard = sourceByType.get(key)
    if (!heard) return 'nowhere'
    return farSources.has(heard.source.name) ? 'stream' : 'here'
  }

  /** Where the events of a module in another process come from. */
  function farSourceOf(module: string): FarSource | undefined {
    if (!streams || !isModuleName(module)) return undefined
    const name = sourceOf(moduleTable[module].database)
    const known = farSources.get(name) ?? createFarSource(name, streams, log)
    farSources.set(name, known)
    return known
  }

  /** The subscribed keys by the source that publishes them. */
  function heardBy(consumer: Consumer): ReadonlyMap<Heard, readonly string[]> {
    const heard = new Map<Heard, string[]>()
    for (const key of consumer.keys) {
      const source = sourceByType.get(key)
      if (source) heard.set(source, [...(heard.get(source) ?? []), key])
    }
    return heard
  }

  function listen(): void {
    const ifStarted = (database: DatabaseName, act: (host: Host) => void): void => {
      const host = hosts.get(database)
      if (host?.generation !== undefined && state === 'started') act(host)
    }
    bell.onCommitted((database, part) =>
      ifStarted(database, (host) => {
        host.relay.wake(part)
        nudges?.committed(host.source.name, part)
      }),
    )
    bell.onNumbered((database, part, head) =>
      ifStarted(database, (host) => {
        for (const { dispatcher } of hosts.values()) dispatcher.advance(host.source.name, part, head)
        nudges?.numbered(host.source.name, part, head)
      }),
    )
    nudges?.onLook(lookNow)
    redis?.onReturn(lookNow)
    for (const { source, expected } of farSources.values()) {
      if (expected.size === 0) continue
      nudges?.listenToStreams(source.name, (part, head) => {
        moved()
        if (state === 'started') for (const { dispatcher } of hosts.values()) dispatcher.advance(source.name, part, head)
      })
    }
    for (const { database, source } of publishers())
      nudges?.listen(source.name, {
        committed: (part) =>
          ifStarted(database.name, ({ relay }) => {
            moved()
            relay.wakeHeld(part)
          }),
        numbered: (part, head) =>
          ifStarted(database.name, () => {
            moved()
            for (const { dispatcher } of hosts.values()) dispatcher.advanceHeld(source.name, part, head)
          }),
      })
  }

  async function prepare(): Promise<void> {
    for (const far of farSources.values()) await far.look(dispatchers())
    for (const host of publishers()) {
      try {
        await host.prepare()
      } catch (error) {
        // Whatever a server could not do at the moment is done at a later look.
        if (!isAppError(error) || error.status !== 503) throw error
      }
    }
  }

  function lookNow(): void {
    moved()
    if (state !== 'started') return
    // One that has not begun sees what has changed by now: however often it is asked for, one look follows the one under way.
    if (asked) return
    asked = true
    clearTimeout(timer)
    const look = (): Promise<void> => {
      asked = false
      return lookAround()
    }
    looking = looking.then(look).finally(schedule)
  }

  async function lookAround(): Promise<void> {
    // Publishers first: a consumer is registered with their generation.
    const inOrder = [...publishers(), ...all().filter(({ publishes }) => !publishes)]
    await Promise.all([...inOrder.map((host) => host.look()), ...[...farSources.values()].map((far) => far.look(dispatchers()))])
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
      const host = database && hostOf(database)
      for (const [key, declaration] of contract ? eventsByKey(contract) : []) {
        if (declarations.has(key)) throw new TypeError(`${key} is declared twice`)
        declarations.set(key, declaration)
        const heard = host ?? farSourceOf(contract?.module ?? '')
        if (heard) sourceByType.set(key, heard)
        if (host) host.publishes = true
      }
      if (!database || !host) return
      for (const subscription of subscriptions) {
        if ([...hosts.values()].some(({ subscribers }) => subscribers.some(({ consumer }) => consumer.name === subscription.consumer)))
          throw new TypeError(`consumer ${subscription.consumer} is registered twice`)
        const { positions, parking } = host
        const consumer = createConsumer({ database, subscription, positions, parking, declarations, handled: counted.handled })
        host.consumers.set(consumer.name, consumer)
        counted.hosted(consumer.name)
        host.subscribers.push({ consumer, start: subscription.start, replayable: subscription.replayable, hears: new Map() })
      }
    },

    async start() {
      // The process was asked to end before it had begun.
      if (state === 'stopped') return
      if (state !== 'open') throw new TypeError('events are started once')
      state = 'started'
      seal()
      listen()
      const starting = prepare().then(lookAround)
      looking = starting.catch(() => {})
      await starting
      schedule()
      sweep.start()
    },

    async stop() {
      if (state !== 'started') {
        state = 'stopped'
        return
      }
      state = 'stopped'
      clearTimeout(timer)
      await Promise.all([looking, sweep.stop()])
      await Promise.all(all().map((host) => host.stop(stopMs)))
    },

    routes,

    consumers: () =>
      all().flatMap(({ database, subscribers }) =>
        subscribers.map(({ consumer, start, replayable }) => ({
          name: consumer.name,
          database,
          start,
          replayable,
          sources: new Map([...heardBy(consumer)].map(([{ source }, keys]) => [source.name, keys])),
        })),
      ),

    sources: () =>
      publishers().map((host) => ({
        name: host.source.name,
        database: host.database,
        declarations: new Map([...declarations].filter(([key]) => sourceByType.get(key) === host)),
      })),

    declarations: () => declarations,

    look() {
      lookNow()
      nudges?.look()
    },

    observe(pattern, observer) {
      return bell.observe(pattern, observer, (error) => log.warn({ pattern, error }, 'an observer of events failed'))
    },
  }
}
