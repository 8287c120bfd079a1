import type { LineState } from './event-line.ts'
import type { ParkedCount } from './event-parking.ts'
import type { LoggedEvent } from './event-sources.ts'
import type { Metrics } from './metrics.ts'

/** What the machinery says about itself. States are asked for when somebody scrapes; the rest is counted as it happens. */
export interface EventMetrics {
  /** A consumer of this process: what is counted of it begins at 0, because a rise from nothing is one that no alert sees. */
  hosted(consumer: string): void
  pending(source: string, count: number, oldestSeconds: number): void
  handled(consumer: string, type: string, seconds: number, outcome: 'ok' | 'failed'): void
  settled(consumer: string, events: readonly LoggedEvent[]): void
  /** A process ended with events of this consumer in its hands. */
  death(consumer: string): void
  /** An event of this consumer has become a dead letter. */
  dead(consumer: string): void
  /** Consumers because of which old events of a source stay; undefined when another process looks after that. */
  purgeBlocked(source: string, consumers: readonly string[] | undefined): void
  /** A stream of this source was written anew from the outbox. */
  repaired(source: string): void
}

export type MetricsOfEvents = Pick<Metrics, 'counter' | 'gauge' | 'histogram'>

/** Asked when somebody scrapes. */
export interface ReadEvents {
  lines(): readonly LineState[]
  /** Consumers in other processes that are further than a log of this process, once for each partition. */
  ahead(): readonly string[]
  /** One answer per database. */
  parked(): readonly Promise<readonly ParkedCount[]>[]
}

export function createEventMetrics(metrics: MetricsOfEvents, read: ReadEvents): EventMetrics {
  const pending = metrics.gauge('bulkhead_outbox_pending', 'Events that have no number yet', ['source'])
  const oldest = metrics.gauge('bulkhead_outbox_oldest_pending_seconds', 'Age of the oldest event that has no number yet', ['source'])
  const executions = metrics.counter('bulkhead_event_executions_total', 'Handlers run, repeats included', ['consumer'])
  const handle = metrics.histogram('bulkhead_event_handle_seconds', 'Time a handler took', ['type', 'outcome'])
  const effect = metrics.histogram('bulkhead_commit_to_effect_seconds', 'From the publication of an event to its committed effect', [
    'consumer',
  ])

  const byConsumer = (name: string, help: string, combine: (of: readonly LineState[]) => number) =>
    metrics.gauge(name, help, ['consumer'], (gauge) => {
      for (const [consumer, lines] of Map.groupBy(read.lines(), (line) => line.consumer)) gauge.set({ consumer }, combine(lines))
    })
  byConsumer('bulkhead_event_lag', 'Numbered events the consumer has not settled', (lines) => lines.reduce((sum, { lag }) => sum + lag, 0))
  byConsumer('bulkhead_event_oldest_unhandled_seconds', 'Age of the oldest event the consumer has not settled', (lines) =>
    Math.max(...lines.map(({ waitedSeconds }) => waitedSeconds)),
  )
  const deaths = metrics.counter('bulkhead_event_deaths_total', 'Processes that ended with events in their hands', ['consumer'])
  const deadLetters = metrics.counter('bulkhead_event_dead_letters_total', 'Events that have become dead letters', ['consumer'])
  // One question per scrape for the three. With a database away its figures stay as they were last seen.
  let asked: Promise<readonly ParkedCount[]> | undefined
  const ask = async (): Promise<readonly ParkedCount[]> => {
    const answers = await Promise.allSettled(read.parked())
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  }
  const ofParked = (name: string, help: string, figure: 'parked' | 'subjects' | 'dead') =>
    metrics.gauge(name, help, ['consumer'], async (gauge) => {
      asked ??= ask().finally(() => {
        asked = undefined
      })
      for (const count of await asked) gauge.set({ consumer: count.consumer }, count[figure])
    })
  ofParked('bulkhead_event_parked', 'Events parked in the lines of their subjects', 'parked')
  ofParked('bulkhead_event_blocked_subjects', 'Subjects that wait for a parked event', 'subjects')
  ofParked('bulkhead_event_dead', 'Subjects held by a dead letter', 'dead')
  // A consumer in another process is known here only while it is in conflict; afterwards it counts 0.
  const conflicting = new Set<string>()
  metrics.gauge(
    'bulkhead_generation_conflicts',
    'Partitions stopped because the log is not the one the consumer knows',
    ['consumer'],
    (gauge) => {
      const [lines, ahead] = [read.lines(), read.ahead()]
      for (const name of [...lines.map(({ consumer }) => consumer), ...ahead]) conflicting.add(name)
      for (const consumer of conflicting) {
        const stopped = lines.filter((line) => line.consumer === consumer && line.conflict).length
        gauge.set({ consumer }, stopped + ahead.filter((name) => name === consumer).length)
      }
    },
  )

  const purgeBlocked = metrics.gauge('bulkhead_outbox_purge_blocked', 'Consumers because of which events are kept for longer than asked', [
    'source',
    'consumer',
  ])
  const repairs = metrics.counter('bulkhead_stream_repairs_total', 'Streams for other processes that were written anew from the outbox', [
    'source',
  ])
  const blockers = new Map<string, readonly string[]>()

  return {
    repaired: (source) => repairs.inc({ source }),
    hosted(consumer) {
      for (const counter of [executions, deaths, deadLetters]) counter.inc({ consumer }, 0)
    },
    purgeBlocked(source, consumers) {
      for (const consumer of blockers.get(source) ?? []) purgeBlocked.remove({ source, consumer })
      for (const consumer of consumers ?? []) purgeBlocked.set({ source, consumer }, 1)
      blockers.set(source, consumers ?? [])
    },
    pending(source, count, oldestSeconds) {
      pending.set({ source }, count)
      oldest.set({ source }, oldestSeconds)
    },
    handled(consumer, type, seconds, outcome) {
      executions.inc({ consumer })
      handle.observe({ type, outcome }, seconds)
    },
    death: (consumer) => deaths.inc({ consumer }),
    dead: (consumer) => deadLetters.inc({ consumer }),
    settled(consumer, events) {
      const now = performance.now()
      for (const { publishedAt } of events) effect.observe({ consumer }, Math.max(0, (now - publishedAt) / 1_000))
    },
  }
}
