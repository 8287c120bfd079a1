import { createOperations, createReplay } from '../../src/operations/index.ts'
import { createIdempotency } from '../../src/platform/idempotency.ts'
import { createJobs } from '../../src/platform/jobs.ts'
import { bookkeeping, createCrew, shipEvents, type WorldSettings } from './event-crew.ts'

/** A process that does the jobs of a world and delivers nothing, to be killed with one in its hands. */
const settings: WorldSettings = JSON.parse(process.argv[2] ?? '')

const crew = createCrew(settings)
crew.events.register({ database: crew.ships, contract: shipEvents })
crew.events.register({ database: crew.harbours, subscriptions: [{ ...bookkeeping(), replayable: true }] })
const silent = { info() {}, warn() {}, error() {} }
const jobs = createJobs({ metrics: crew.metrics, log: silent, timings: { pollMs: 50 } })
const databases = [crew.ships, crew.harbours]
const { desks, log } = createOperations({ events: crew.events, databases })
createReplay({ events: crew.events, databases, desks, log, jobs, idempotency: createIdempotency({}), retentionDays: 7 })
jobs.start()
