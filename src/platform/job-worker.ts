import { runInContext } from './context.ts'
import type { DatabaseName } from './databases.ts'
import { isAppError } from './errors.ts'
import type { ClaimedJob, JobFailure, JobStore } from './job-store.ts'
import type { Log } from './logging.ts'
import { system } from './principal.ts'

/** Takes the jobs of a database one after the other and does each step by step. */
export interface JobWorker {
  start(): void
  /** There may be something to do. */
  wake(): void
  stop(): Promise<void>
}

/** How a kind of job is done, for the worker. */
export interface Runnable {
  /** False when another release has written what this one does not understand. */
  readable(job: Pick<ClaimedJob, 'input' | 'position'>): boolean
  /** One step, or nothing because none is left. `entering` is called when its transaction begins. */
  advance(job: ClaimedJob, run: { signal: AbortSignal; entering: () => void }): Promise<Advance>
}

/** `lost`: another process has the job, nothing of the step stays. `later`: it waits for others, nothing was done. */
type Advance = { readonly position: unknown; readonly done: number } | 'finished' | 'later' | 'lost'

export interface JobTimings {
  /** Between two looks for jobs of other processes; a job of this one is begun at once. */
  pollMs: number
  /** How long a job waits for a process that died with it in hand. */
  leaseMs: number
  /** How long a step may take once the process stops. */
  stopMs: number
}

export interface JobWorkerNeeds {
  database: DatabaseName
  store: JobStore
  kinds: ReadonlyMap<string, Runnable>
  count: (kind: string, outcome: 'succeeded' | 'failed' | 'retried') => void
  log: Pick<Log, 'info' | 'warn' | 'error'>
  timings: JobTimings
}

/** A job that so many processes in a row did not survive is not given to another one. */
const mostDeaths = 5
const firstPauseMs = 500
const longestPauseMs = 30_000
/** Until a job that waits for others is looked at again. */
const laterMs = 1_000

const processDied: JobFailure = { code: 'PROCESS_DIED', message: `${mostDeaths} processes in a row ended while they worked on this job.` }
const unreadable: JobFailure = { code: 'JOB_UNREADABLE', message: 'The job was written by a release that this one does not understand.' }

export function createJobWorker({ database, store, kinds, count, log, timings }: JobWorkerNeeds): JobWorker {
  const { pollMs, leaseMs, stopMs } = timings
  /** Failed steps in a row, by job. */
  const stumbles = new Map<string, number>()
  const stopped = new AbortController()
  let stopping = false
  let woken = false
  let rouse = (): void => {}
  let loop: Promise<void> | undefined
  let outages = 0

  async function run(): Promise<void> {
    while (!stopping) {
      woken = false
      const job = await take()
      if (job) await work(job)
      else await pause(outages > 0 ? Math.min(pauseAfter(outages), pollMs) : pollMs)
    }
  }

  async function take(): Promise<ClaimedJob | undefined> {
    try {
      const job = await store.claim([...kinds.keys()])
      outages = 0
      return job
    } catch (error) {
      if (outages === 0) log.warn({ database, error }, 'jobs wait for a database')
      outages += 1
      return undefined
    }
  }

  async function work(job: ClaimedJob): Promise<void> {
    const { id, kind, deaths, requestId } = job
    const runnable = kinds.get(kind)
    if (deaths > 0) log.warn({ job: id, kind, deaths }, 'job taken over from a process that ended')
    if (!runnable?.readable(job)) return end(job, unreadable)
    if (deaths >= mostDeaths) return end(job, processDied)
    // The job belongs to the request that asked for it, not to the one that happened to wake this worker.
    const context = { requestId, correlationId: requestId, principal: system }
    await runInContext(context, () => follow(runnable, job))
  }

  async function follow(runnable: Runnable, claimed: ClaimedJob): Promise<void> {
    let job = claimed
    try {
      while (!stopping) {
        const advance = await keepingLease(job.id, (run) => runnable.advance(job, run))
        if (advance === 'lost') return lost(job)
        stumbles.delete(job.id)
        if (advance === 'finished') return await end(job, null)
        if (advance === 'later') return await giveBack(job.id, laterMs)
        job = { ...job, ...advance }
      }
      await store.giveBack(job.id, 0)
    } catch (error) {
      await stumble(job, error)
    }
  }

  /** Preparing a step may take long. Inside its transaction the row is locked, so nobody takes it, and nobody renews it. */
  async function keepingLease<R>(id: string, act: (run: { signal: AbortSignal; entering: () => void }) => Promise<R>): Promise<R> {
    const gone = new AbortController()
    const renewal = setInterval(() => {
      // Without an answer the lease runs out in time, and the step finds that out.
      store.renew(id).then(
        (held) => held || gone.abort(new Error('the job has gone to another process')),
        () => {},
      )
    }, leaseMs / 3)
    try {
      return await act({ signal: AbortSignal.any([gone.signal, stopped.signal]), entering: () => clearInterval(renewal) })
    } finally {
      clearInterval(renewal)
    }
  }

  function lost({ id, kind }: ClaimedJob): void {
    log.warn({ job: id, kind }, 'job has gone to another process')
  }

  async function stumble(job: ClaimedJob, error: unknown): Promise<void> {
    const { id, kind } = job
    const unfinished = stopping || (isAppError(error) && error.retryable)
    if (!unfinished) return end(job, failureOf(error), error)
    const times = (stumbles.get(id) ?? 0) + 1
    stumbles.set(id, times)
    const afterMs = stopping ? 0 : pauseAfter(times)
    count(kind, 'retried')
    log.warn({ job: id, kind, times, afterMs, error }, 'a step of a job is tried again later')
    await giveBack(id, afterMs)
  }

  async function giveBack(id: string, afterMs: number): Promise<void> {
    // Where even this is not heard, the lease runs out.
    await store.giveBack(id, afterMs).catch(() => {})
    setTimeout(wake, afterMs).unref()
  }

  async function end(job: ClaimedJob, failure: JobFailure | null, error?: unknown): Promise<void> {
    const { id, kind, done } = job
    stumbles.delete(id)
    try {
      if (!(await store.finish(id, failure))) return lost(job)
    } catch (unheard) {
      log.warn({ job: id, kind, error: unheard }, 'the end of a job could not be noted, it is taken up again')
      return
    }
    count(kind, failure ? 'failed' : 'succeeded')
    if (failure) log.error({ job: id, kind, done, ...failure, error }, 'job failed')
    else log.info({ job: id, kind, done }, 'job succeeded')
  }

  function wake(): void {
    woken = true
    rouse()
  }

  async function pause(ms: number): Promise<void> {
    if (woken || stopping) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      rouse = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    start() {
      loop ??= runInContext({ requestId: 'jobs', principal: system }, run)
    },
    wake,
    async stop() {
      stopping = true
      rouse()
      const timer = setTimeout(() => stopped.abort(new Error('the process stops')), stopMs)
      await loop
      clearTimeout(timer)
    },
  }
}

const pauseAfter = (times: number): number => Math.min(firstPauseMs * 2 ** (times - 1), longestPauseMs)

/** What a caller may read. What a server said about a statement stays in the log. */
function failureOf(error: unknown): JobFailure {
  if (isAppError(error)) return { code: error.code, message: error.message.slice(0, 500) }
  return { code: 'INTERNAL', message: 'Something went wrong in the service. Its log holds the details under the id of this job.' }
}
