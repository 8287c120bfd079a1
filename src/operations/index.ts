/**
 * operations: looking after the events of all modules alike, by HTTP and command line.
 *
 * reads      logs, positions and parked events of every source and consumer of this process
 * repeats    settled events at consumers that bear it (replay), by a job in the consumer's database
 * changes    parked events (retry, skip) consumers (pause, resume, retire) and lives of a log, each with an audit row in the same transaction
 */
import { type Consumers, createConsumers } from './consumers.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { createEventLog, type EventLog } from './event-log.ts'
import { createGenerations, type Generations } from './generations.ts'
import type { KnownEvents } from './hosted.ts'
import { eventRoutes } from './routes.ts'

export { createReplay } from './replay.ts'
export { replayRoutes } from './replay-routes.ts'

export interface Operations {
  readonly log: EventLog
  readonly deadLetters: DeadLetters
  readonly consumers: Consumers
  readonly generations: Generations
}

export function createOperations({ events }: { events: KnownEvents }) {
  const log = createEventLog(events)
  const deadLetters = createDeadLetters(events, log)
  const consumers = createConsumers(events)
  return { log, deadLetters, consumers, generations: createGenerations(events), plugin: eventRoutes({ log, deadLetters, consumers }) }
}
