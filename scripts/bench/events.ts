import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { type EventDatabases, openEventDatabases, type Storage } from './event-databases.ts'
import type { EventReport, EventTask } from './event-process.ts'
import { cpuSeconds, type Quantiles, quantiles, rounded } from './figures.ts'

/** Speed of events: from commit to effect, through a backlog, and what publishing costs the publisher. */
export interface EventFigures {
  readonly latency: readonly Latency[]
  readonly backlog: readonly Backlog[]
  readonly publishing: Publishing
}

/** From the commit of the publisher to that of the effect, in ms. */
export interface Latency extends Quantiles {
  readonly storage: Storage
  readonly nudges: boolean
  readonly perSecond: number
  readonly events: number
}

export interface Backlog {
  readonly storage: Storage
  readonly handler: string
  readonly events: number
  readonly seconds: number
  readonly perSecond: number
  /** Of one processor, while it drained. */
  readonly processShare: number
  readonly serverShare: number
}

/** Business INSERT and publish in one transaction, alternately without relays and with three. */
export interface Publishing {
  readonly storage: Storage
  readonly transactions: number
  readonly without: { readonly p50: number; readonly p99: number }
  readonly withRelays: { readonly p50: number; readonly p99: number }
  readonly ratioOfP99: number
  readonly ratioOfP50: number
}

export interface EventBenchOptions {
  /** Shares of the usual sizes: 1 is what is promised. */
  scale: number
  say(text: string): void
}

export async function measureEvents({ scale, say }: EventBenchOptions): Promise<EventFigures> {
  const latency: Latency[] = []
  const backlog: Backlog[] = []
  for (const storage of ['memory', 'disk'] as const) {
    say(`commit to effect, files of the database on ${storage} … `)
    latency.push(await onFreshDatabases(storage, (databases) => commitToEffect(databases, storage, true, 30 * scale)))
    say(`${latency.at(-1)?.p50} ms\n`)
  }
  say('the same with every nudge lost … ')
  latency.push(await onFreshDatabases('memory', (databases) => commitToEffect(databases, 'memory', false, 20 * scale)))
  say(`${latency.at(-1)?.p50} ms\n`)
  for (const [storage, handler] of [
    ['memory', 'does nothing'],
    ['memory', 'writes a row'],
    ['disk', 'does nothing'],
  ] as const) {
    say(`a backlog, handler ${handler}, on ${storage} … `)
    backlog.push(await onFreshDatabases(storage, (databases) => drain(databases, storage, handler, Math.ceil(100_000 * scale))))
    say(`${backlog.at(-1)?.perSecond} events/s\n`)
  }
  say('publishing without and with three relays … ')
  const publishing = await onFreshDatabases('memory', (databases) => publishWithRelays(databases, 'memory', 8, 8 * scale))
  say(`× ${publishing.ratioOfP99} at p99\n`)
  return { latency, backlog, publishing }
}

async function onFreshDatabases<R>(storage: Storage, measure: (databases: EventDatabases) => Promise<R>): Promise<R> {
  const databases = await openEventDatabases(storage)
  try {
    return await measure(databases)
  } finally {
    await databases.close()
  }
}

async function commitToEffect(databases: EventDatabases, storage: Storage, nudges: boolean, seconds: number): Promise<Latency> {
  const perSecond = 50
  const child = launch({
    settings: databases.settings,
    runs: { relay: true, consumer: 'writes a row' },
    nudges,
    publishes: { perSecond, seconds, warmUpSeconds: 3 },
  })
  const { effects } = await child.published
  child.end()
  return { storage, nudges, perSecond, events: effects.length, ...quantiles(effects) }
}

async function drain(
  databases: EventDatabases,
  storage: Storage,
  handler: 'does nothing' | 'writes a row',
  events: number,
): Promise<Backlog> {
  const { settings, rows, serverPid } = databases
  // Committed long ago by whomever, with neither numbers nor a consumer so far.
  await rows(
    'ships',
    `INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at)
     SELECT UUID(), CRC32(CONCAT('ship/', seq MOD 1000)) MOD 8, CONCAT('ship/', seq MOD 1000), 1 + seq DIV 1000, 'ship.sailed', 1,
       JSON_OBJECT('shipId', 1, 'step', seq), '{"correlationId":"bench","causationId":"bench","actor":{"kind":"system"},"traceparent":null}', NOW(3)
     FROM seq_1_to_${events}`,
  )
  const settled = async (): Promise<number> =>
    Number((await rows('harbours', 'SELECT SUM(last_seq) AS settled FROM inbox_cursor'))[0]?.settled)
  const child = launch({ settings, runs: { relay: true, consumer: handler } })
  await child.starting
  const cpu = (): [process: number, server: number] => [cpuSeconds(child.pid), cpuSeconds(serverPid)]
  const [began, before] = [performance.now(), cpu()]
  while ((await settled()) < events) await pause(20)
  const seconds = (performance.now() - began) / 1_000
  const [ofProcess, ofServer] = cpu()
  child.end()
  return {
    storage,
    handler,
    events,
    seconds: rounded(seconds, 1),
    perSecond: Math.round(events / seconds),
    processShare: rounded((ofProcess - before[0]) / seconds, 2),
    serverShare: rounded((ofServer - before[1]) / seconds, 2),
  }
}

/** Rounds in turn, so that whatever else the machine does meets both sides. */
async function publishWithRelays(databases: EventDatabases, storage: Storage, rounds: number, seconds: number): Promise<Publishing> {
  const { settings } = databases
  const times = { without: [] as number[], withRelays: [] as number[] }
  const publishes = { perSecond: 100, seconds, warmUpSeconds: 2 }
  for (let round = 0; round < rounds; round += 1) {
    const alone = launch({ settings, runs: { relay: false }, publishes })
    times.without.push(...(await alone.published).transactions)
    alone.end()
    const others = [1, 2].map(() => launch({ settings, runs: { relay: true } }))
    await Promise.all(others.map(({ ready }) => ready))
    const replica = launch({ settings, runs: { relay: true }, publishes })
    times.withRelays.push(...(await replica.published).transactions)
    for (const child of [...others, replica]) child.end()
  }
  const [without, withRelays] = [quantiles(times.without), quantiles(times.withRelays)]
  return {
    storage,
    transactions: times.without.length + times.withRelays.length,
    without: { p50: without.p50, p99: without.p99 },
    withRelays: { p50: withRelays.p50, p99: withRelays.p99 },
    ratioOfP99: rounded(withRelays.p99 / without.p99, 2),
    ratioOfP50: rounded(withRelays.p50 / without.p50, 2),
  }
}

function launch(task: EventTask) {
  const child: ChildProcess = fork(new URL('./event-process.ts', import.meta.url), [JSON.stringify(task)])
  const told = <K extends EventReport['kind']>(kind: K) =>
    new Promise<Extract<EventReport, { kind: K }>>((resolve, reject) => {
      child.on('message', (report: EventReport) => {
        if (isOf(report, kind)) resolve(report)
      })
      child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with ${code}`)))
    })
  const [starting, ready, published] = [told('starting'), told('ready'), told('published')]
  // Not every task waits for all of them.
  for (const promise of [starting, ready, published]) promise.catch(() => {})
  return { starting, ready, published, pid: child.pid ?? 0, end: () => void child.kill('SIGKILL') }
}

const isOf = <K extends EventReport['kind']>(report: EventReport, kind: K): report is Extract<EventReport, { kind: K }> =>
  report.kind === kind
