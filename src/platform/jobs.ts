import type { Static, TSchema } from 'typebox'
import { currentContext } from './context.ts'
import type { Database, DatabaseName, Tx } from './databases.ts'
import { createEventId } from './event-ids.ts'
import { createJobStore, type JobRow } from './job-store.ts'
import { createJobWorker, type JobTimings, type JobWorker, type Runnable } from './job-worker.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { actorRef } from './principal.ts'
import { validatorOf } from './validation.ts'

/**
 * Long operations: asked for in a transaction, done step by step by whichever process takes them, gone on with by another
 * one when that process dies. Each step is one transaction that saves effect and position together, so none happens twice.
 */
export interface Jobs {
  /** Says how a kind of job is done in a database, and answers the way to ask for one. Throws once the workers run. */
  register<N extends DatabaseName, I extends TSchema, P extends TSchema>(
    database: Database<N>,
    kind: JobKind<N, I, P>,
  ): JobDesk<N, Static<I>>
  /** In the database, or in all of this process. Undefined when it is not there. */
  find(id: string, database?: DatabaseName): Promise<Job | undefined>
  start(): void
  /** Takes nothing new, lets the steps under way end and gives their jobs back. */
  stop(): Promise<void>
}

export interface Job extends JobRow {
  readonly database: DatabaseName
}

export interface JobKind<N extends DatabaseName, I extends TSchema, P extends TSchema> {
  /** `event.replay`. */
  readonly name: string
  readonly input: I
  /** Where a job stands; read by whoever goes on with it, perhaps a later release. */
  readonly position: P
  readonly start: Static<P>
  /**
   * Prepares the next step: reads what it needs, perhaps from elsewhere, and ends when the signal says so. Undefined when
   * nothing is left to do; `later` when others must do something first: the job is given back for a second. An error that says
   * `retryable` is tried again with growing pauses, any other one ends the job.
   */
  next(job: JobRun<Static<I>, Static<P>>, signal: AbortSignal): Promise<JobStep<N, Static<P>> | 'later' | undefined>
}

export interface JobRun<Input, Position> {
  readonly id: string
  readonly input: Input
  readonly position: Position
  readonly done: number
}

/** The effect of a step, in a transaction that also saves what it returns; repeated when the transaction is. */
export type JobStep<N extends DatabaseName, Position> = (tx: Tx<N>) => Promise<{ position: Position; done: number }>

export interface JobDesk<N extends DatabaseName, Input> {
  /** The job exists when the transaction commits, and is begun at once. */
  add(tx: Tx<N>, request: { input: Input; total?: number }): Promise<Job>
}

export interface JobsNeeds {
  metrics: Pick<Metrics, 'counter'>
  log: Pick<Log, 'info' | 'warn' | 'error'>
  timings?: Partial<JobTimings>
}

const defaultTimings: JobTimings = { pollMs: 5_000, leaseMs: 10_000, stopMs: 5_000 }

export function createJobs({ metrics, log, timings }: JobsNeeds): Jobs {
  const chosen = { ...defaultTimings, ...timings }
  const owner = `${process.pid}-${createEventId()}`
  const finished = metrics.counter('bulkhead_jobs_total', 'Jobs that ended, and steps that are tried again', ['kind', 'outcome'])
  const departments = new Map<DatabaseName, Department>()
  let running = false

  function departmentOf(database: Database<DatabaseName>): Department {
    const known = departments.get(database.name)
    if (known) return known
    const store = createJobStore(database.requests, owner, chosen.leaseMs)
    const kinds = new Map<string, Runnable>()
    const count = (kind: string, outcome: 'succeeded' | 'failed' | 'retried') => finished.inc({ kind, outcome })
    const made = { database, store, kinds, worker: createJobWorker({ database: database.name, store, kinds, count, log, timings: chosen }) }
    departments.set(database.name, made)
    return made
  }

  return {
    register(database, kind) {
      if (running) throw new TypeError('jobs have been started: register their kinds before')
      const { kinds, store, worker } = departmentOf(database)
      if (kinds.has(kind.name)) throw new TypeError(`jobs of kind ${kind.name} are registered twice in ${database.name}`)
      kinds.set(kind.name, runnable(database, kind, store))
      return {
        async add(tx, { input, total }) {
          const { principal, requestId } = currentContext()
          const id = createEventId()
          const createdBy = actorRef(principal)
          await store.insert(tx.db, { id, kind: kind.name, input, position: kind.start, total: total ?? null, createdBy, requestId })
          const job = await store.find(tx.db, id)
          if (!job) throw new Error(`job ${id} is not there although it was just made`)
          tx.afterCommit(() => worker.wake())
          return { ...job, database: database.name }
        },
      }
    },

    async find(id, only) {
      const asked = [...departments.values()].filter(({ database }) => only === undefined || database.name === only)
      const looked = await Promise.allSettled(
        asked.map(async ({ database, store }) => {
          const job = await store.find(database.requests.db, id)
          return job && { ...job, database: database.name }
        }),
      )
      for (const look of looked) if (look.status === 'fulfilled' && look.value) return look.value
      // It may be in the database that did not answer.
      for (const look of looked) if (look.status === 'rejected') throw look.reason
      return undefined
    },

    start() {
      running = true
      for (const { worker } of departments.values()) worker.start()
    },

    async stop() {
      running = true
      await Promise.all([...departments.values()].map(({ worker }) => worker.stop()))
    },
  }
}

/** What this process has in a database. */
interface Department {
  readonly database: Database<DatabaseName>
  readonly store: ReturnType<typeof createJobStore>
  readonly kinds: Map<string, Runnable>
  readonly worker: JobWorker
}

/** A kind without its types: what is stored has been checked against its schemas. */
function runnable<N extends DatabaseName, I extends TSchema, P extends TSchema>(
  database: Database<N>,
  kind: JobKind<N, I, P>,
  store: ReturnType<typeof createJobStore>,
): Runnable {
  const fits = (schema: TSchema, value: unknown): boolean => validatorOf(schema)(value)

  return {
    readable: ({ input, position }) => fits(kind.input, input) && fits(kind.position, position),
    async advance({ id, input, position, done }, { signal, entering }) {
      const step = await kind.next({ id, done, input: input as Static<I>, position: position as Static<P> }, signal)
      if (!step) return 'finished'
      if (step === 'later') return 'later'
      entering()
      return database.requests.withTx(
        async (tx) => {
          // Holds the row until the commit: nobody takes the job meanwhile, and who has lost it gets no further.
          if (!(await store.renew(id, tx.db))) return 'lost'
          const progress = await step(tx)
          await store.save(tx.db, id, progress)
          return progress
        },
        { signal },
      )
    },
  }
}
