import type { FarSource } from './event-far-sources.ts'
import type { Host } from './event-host.ts'
import type { EventMetrics } from './event-metrics.ts'
import { hearConsumers, retiredConsumers } from './event-retention.ts'
import { createLeases } from './lease.ts'
import type { Log } from './logging.ts'

/**
 * Every minute, in one of the processes that host a source: notes how far its consumers are and purges what none of them needs
 * any more. Consumers of this process are asked in their databases; those of others say in Redis how far they are, and what they
 * have not acknowledged is kept for them.
 */
export interface EventSweep {
  start(): void
  /** Ends with the statement under way. */
  stop(): Promise<void>
}

export interface EventSweepNeeds {
  /** Every database of this process. */
  hosts: () => readonly Host[]
  /** Whose events come from other processes. */
  farSources: () => readonly FarSource[]
  owner: string
  counted: Pick<EventMetrics, 'purgeBlocked'>
  log: Pick<Log, 'info' | 'warn'>
  everyMs: number
}

export function sweepEvents({ hosts, farSources, owner, counted, log, everyMs }: EventSweepNeeds): EventSweep {
  let stopping = false
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()

  async function sweep(): Promise<void> {
    for (const host of hosts()) {
      if (stopping) return
      if (farSources().length > 0)
        await giveUp(host).catch((error: unknown) =>
          log.warn({ database: host.database.name, error }, 'consumers were not given up, next time'),
        )
      if (!host.publishes || host.generation === undefined) continue
      const source = host.source.name
      try {
        // Kept until the next time, so that it is the same process each minute while it lives.
        const ours = await createLeases(host.database.events, owner).acquire('event_retention', Math.ceil(everyMs / 1_000))
        counted.purgeBlocked(source, ours ? await tend(host, host.generation) : undefined)
      } catch (error) {
        log.warn({ source, error }, 'the log of events could not be tended, next time')
      }
    }
  }

  /** Whoever keeps events for consumers of this process that are given up is told so again and again: Redis may have lost it. */
  async function giveUp({ database }: Host): Promise<void> {
    for (const { consumer, source } of await retiredConsumers(database.events)) {
      const far = farSources().find(({ source: { name } }) => name === source)
      await far?.giveUp(consumer)
    }
  }

  /** Answers the consumers because of which old events stay. */
  async function tend(host: Host, generation: number): Promise<readonly string[]> {
    const { source, retention, expected, streamed } = host
    // Also where no consumer of this process is: one that was retired may have been the last there.
    for (const { database } of hosts()) {
      try {
        await retention.acknowledge(await hearConsumers(database.events, source.name, { generation, hosted: expected }))
      } catch (error) {
        // Its consumers keep the claims they have.
        log.warn({ source: source.name, database: database.name, error }, 'consumers were not heard, the log is kept for them')
      }
    }
    const far = streamed?.heard()
    if (far) {
      const known = new Set(far.positions.map(({ consumer }) => consumer))
      await retention.expect([...known].filter((consumer) => !far.retired.includes(consumer)))
      await retention.acknowledge({ ...far, positions: far.positions.filter(({ consumer }) => !far.retired.includes(consumer)) })
    }
    const purged = await retention.purge(() => stopping)
    if (purged > 0) log.info({ source: source.name, purged }, 'old events purged')
    return retention.blocking()
  }

  function schedule(): void {
    if (stopping) return
    timer = setTimeout(() => {
      sweeping = sweep().finally(schedule)
    }, everyMs).unref()
  }

  return {
    start: schedule,
    async stop() {
      stopping = true
      clearTimeout(timer)
      await sweeping
    },
  }
}
