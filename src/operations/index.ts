/**
 * operations: looking after the events of all modules alike, by HTTP and command line, from whichever process is reached.
 *
 * desks      what is done in one database, by a process that hosts it; any other asks it over the internal listener
 * reads      logs, positions and parked events of every source and consumer of the system
 * repeats    settled events at consumers that bear it (replay), by a job in the consumer's database
 * changes    parked events (retry, skip) consumers (pause, resume, retire) and lives of a log, each with an audit row in the same transaction
 */
import { type Consumers, createConsumers } from './consumers.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { createDesks, type Desks, type DesksNeeds } from './desks.ts'
import { createEventLog, type EventLog } from './event-log.ts'
import { createGenerations, type Generations } from './generations.ts'
import { eventRoutes } from './routes.ts'

export { createReplay } from './replay.ts'
export { replayRoutes } from './replay-routes.ts'

export interface Operations {
  readonly desks: Desks
  readonly log: EventLog
  readonly deadLetters: DeadLetters
  readonly consumers: Consumers
  readonly generations: Generations
}

export function createOperations(needs: DesksNeeds) {
  const desks = createDesks(needs)
  const log = createEventLog(desks)
  const deadLetters = createDeadLetters(desks, log)
  const consumers = createConsumers(desks)
  return { desks, log, deadLetters, consumers, generations: createGenerations(desks), plugin: eventRoutes({ log, deadLetters, consumers }) }
}
