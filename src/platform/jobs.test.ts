import { once } from 'node:events'
import { sql } from 'drizzle-orm'
import Type from 'typebox'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createWorld, until, type World } from '#support/event-world.ts'
import { planOf } from '#support/plans.ts'
import { runInContext } from './context.ts'
import { DependencyUnavailable } from './dependency-errors.ts'
import type { JobTimings } from './job-worker.ts'
import { createJobs, type Job } from './jobs.ts'
import { createMetrics } from './metrics.ts'
import { anonymous, system } from './principal.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

/** The steps that took effect, in order, with the job they belong to. */
const steps = () => world.rows('harbours', 'SELECT event_id AS job, step FROM book ORDER BY id')
const jobRow = async (id: string) => (await world.rows('harbours', `SELECT * FROM jobs WHERE id = '${id}'`))[0]
const expire = (id: string) => world.rows('harbours', `UPDATE jobs SET until = NOW(3) - INTERVAL 1 SECOND WHERE id = '${id}'`)

/** One process: its jobs write the number of each step into the book. `before` runs outside the step's transaction; true: not yet. */
function worker(before: (step: number, signal: AbortSignal) => unknown = () => {}, timings: Partial<JobTimings> = {}) {
  const crew = world.crew()
  const metrics = createMetrics({ process: false })
  const log: { message: string; fields: object }[] = []
  const write = (fields: object, message: string) => void log.push({ fields, message })
  const jobs = createJobs({
    metrics,
    log: { info: write, warn: write, error: write },
    timings: { pollMs: 50, leaseMs: 60_000, ...timings },
  })
  const desk = jobs.register(crew.harbours, {
    name: 'test.count',
    input: Type.Object({ to: Type.Integer() }),
    position: Type.Integer(),
    start: 0,
    async next({ id, input, position, done }, signal) {
      if (position === input.to) return undefined
      if ((await before(position + 1, signal)) === true) return 'later'
      return async (tx) => {
        await tx.db.execute(sql`INSERT INTO book (event_id, subject, subject_seq, step) VALUES (${id}, 'job', 1, ${position + 1})`)
        return { position: position + 1, done: done + 1 }
      }
    },
  })
  onTestFinished(() => jobs.stop())
  return {
    jobs,
    log,
    metrics,
    add: (to: number) => crew.harbours.requests.withTx((tx) => desk.add(tx, { input: { to }, total: to })),
    crew,
    desk,
  }
}

const ended = (jobs: { find(id: string): Promise<Job | undefined> }, id: string) =>
  until(async () => !['queued', 'running'].includes((await jobs.find(id))?.state ?? ''), `the end of job ${id}`)

/** A promise and the way to fulfil it. */
function door(): { passed: Promise<void>; open: () => void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

test('a job is done from the first step to the last, says how far it is, and remembers who asked', async () => {
  const { jobs, add } = worker(undefined, { pollMs: 60_000 })
  jobs.start()

  const asked = await runInContext({ requestId: 'request-1', principal: { ...anonymous, kind: 'user', userId: 7 } }, () => add(3))
  await ended(jobs, asked.id)

  expect(asked).toMatchObject({ kind: 'test.count', state: 'queued', total: 3, done: 0, startedAt: null, finishedAt: null })
  expect(await jobs.find(asked.id)).toMatchObject({
    state: 'succeeded',
    done: 3,
    error: null,
    createdBy: { kind: 'user', id: 7 },
    requestId: 'request-1',
    startedAt: expect.any(String),
    finishedAt: expect.any(String),
  })
  expect((await steps()).map(({ step }) => step)).toEqual([1, 2, 3])
})

test('a job asked for in a transaction that rolls back does not exist', async () => {
  const { jobs, crew, desk } = worker()
  jobs.start()
  let id = ''
  const change = crew.harbours.requests.withTx(async (tx) => {
    id = (await desk.add(tx, { input: { to: 1 } })).id
    throw new Error('rolled back')
  })

  await expect(change).rejects.toThrow('rolled back')

  expect(await jobs.find(id)).toBeUndefined()
})

test('three processes share the jobs, and each step takes effect once and in order', async () => {
  const workers = [worker(), worker(), worker()]
  for (const { jobs } of workers) jobs.start()

  const asked = await Promise.all(Array.from({ length: 12 }, (_, at) => workers[at % 3]?.add(4)))
  for (const job of asked) if (job) await ended(workers[0]?.jobs ?? worker().jobs, job.id)

  const book = await steps()
  for (const job of asked) expect(book.filter((step) => step.job === job?.id).map(({ step }) => step)).toEqual([1, 2, 3, 4])
})

test('of three processes that ask for one job at the same moment one gets it', async () => {
  const runs: number[] = []
  const { passed, open } = door()
  const workers = [0, 1, 2].map(() =>
    worker(async (step) => {
      runs.push(step)
      await passed
    }),
  )
  const job = await workers[0]?.add(1)
  for (const { jobs } of workers) jobs.start()
  await until(() => runs.length > 0, 'the first step')
  // The others look several times meanwhile.
  await Promise.all(workers.map(({ crew }) => until(() => crew.harbours.poolState().breaker === 'closed', 'a connection')))
  const again = await workers[1]?.add(1)
  await until(() => runs.length === 2, 'the second job')

  open()
  await ended(workers[0]?.jobs ?? worker().jobs, job?.id ?? '')
  await ended(workers[0]?.jobs ?? worker().jobs, again?.id ?? '')

  expect(runs).toEqual([1, 1])
})

test('a job whose process is gone goes on where it stood, in another process', async () => {
  const dead = worker((step, signal) => (step === 3 ? once(signal, 'abort') : undefined), { stopMs: 1 })
  dead.jobs.start()
  const { id } = await dead.add(5)
  await until(async () => Number((await jobRow(id))?.done) === 2, 'two steps')
  const second = worker()
  second.jobs.start()

  await expire(id)
  await ended(second.jobs, id)

  expect((await steps()).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
  expect(second.log).toContainEqual(expect.objectContaining({ message: 'job taken over from a process that ended' }))
})

test('the step of a process that has lost its job without noticing is rolled back', async () => {
  const { passed, open } = door()
  const zombie = worker((step) => (step === 2 ? passed : undefined))
  zombie.jobs.start()
  const { id } = await zombie.add(3)
  await until(async () => Number((await jobRow(id))?.done) === 1, 'one step')
  const second = worker((step) => (step === 3 ? new Promise((resolve) => setImmediate(resolve)) : undefined))
  await expire(id)
  second.jobs.start()
  await ended(second.jobs, id)

  open()
  await until(() => zombie.log.some(({ message }) => message === 'job has gone to another process'), 'the zombie to notice')

  expect((await steps()).map(({ step }) => step)).toEqual([1, 2, 3])
  expect(await jobRow(id)).toMatchObject({ state: 'succeeded', done: '3' })
})

test('a step that takes longer than the lease keeps its job', async () => {
  const { passed, open } = door()
  const slow = worker(() => passed, { leaseMs: 300 })
  slow.jobs.start()
  const { id } = await slow.add(1)
  await until(async () => (await jobRow(id))?.state === 'running', 'the step')
  const first = (await jobRow(id))?.until
  const second = worker()
  second.jobs.start()
  await until(async () => String((await jobRow(id))?.until) > String(first), 'a renewal')

  open()
  await ended(slow.jobs, id)

  expect(second.log).toEqual([])
  expect(await steps()).toHaveLength(1)
})

test('stopping lets the step under way end and gives the job back, and the next process goes on at once', async () => {
  const { passed, open } = door()
  let entered = false
  const first = worker((step) => {
    if (step !== 2) return undefined
    entered = true
    return passed
  })
  first.jobs.start()
  const { id } = await first.add(4)
  await until(() => entered, 'the second step')

  const stopped = first.jobs.stop()
  open()
  await stopped
  expect(await jobRow(id)).toMatchObject({ state: 'running', done: '2', owner: '' })
  const second = worker()
  second.jobs.start()
  await ended(second.jobs, id)

  expect((await steps()).map(({ step }) => step)).toEqual([1, 2, 3, 4])
  expect(second.log.filter(({ message }) => message !== 'job succeeded')).toEqual([])
})

test('a step that fails because a database is away is tried again until it works', async () => {
  let failures = 0
  const { jobs, add, metrics } = worker((step) => {
    if (step === 2 && failures < 2) {
      failures += 1
      throw DependencyUnavailable({ dependency: 'customer_service_db' })
    }
  })
  jobs.start()

  const { id } = await add(3)
  await ended(jobs, id)

  expect((await steps()).map(({ step }) => step)).toEqual([1, 2, 3])
  expect(await metrics.registry.metrics()).toContain('bulkhead_jobs_total{kind="test.count",outcome="retried"} 2')
})

test('a job that waits for others is given back, lets other jobs go first and goes on when it can', async () => {
  let ready = false
  const { jobs, add } = worker((step) => step === 2 && !ready)
  jobs.start()

  const waiting = await add(3)
  await until(async () => (await jobRow(waiting.id))?.done === '1' && (await jobRow(waiting.id))?.owner === '', 'the first step')
  const other = await add(1)
  await ended(jobs, other.id)
  ready = true
  await ended(jobs, waiting.id)

  expect((await steps()).filter(({ job }) => job === waiting.id).map(({ step }) => step)).toEqual([1, 2, 3])
  expect(await jobRow(waiting.id)).toMatchObject({ state: 'succeeded', deaths: 0 })
})

test('any other error ends the job: seen in its row, in a metric and in the log, without the words of a server', async () => {
  const { jobs, add, metrics, log } = worker((step) => {
    if (step === 2) throw new Error("Duplicate entry 'ada@example.com' for key 'users_email'")
  })
  jobs.start()

  const { id } = await add(3)
  await ended(jobs, id)

  const job = await jobs.find(id)
  expect(job).toMatchObject({ state: 'failed', done: 1, error: { code: 'INTERNAL' } })
  expect(job?.error?.message).not.toContain('ada@example.com')
  expect(await metrics.registry.metrics()).toContain('bulkhead_jobs_total{kind="test.count",outcome="failed"} 1')
  expect(log).toContainEqual({ message: 'job failed', fields: expect.objectContaining({ job: id, code: 'INTERNAL' }) })
})

test('a job that five processes in a row did not survive is given to no sixth', async () => {
  const { jobs, add } = worker()
  const { id } = await add(3)
  await world.rows('harbours', `UPDATE jobs SET owner = 'dead', deaths = 4, until = NOW(3) - INTERVAL 1 SECOND WHERE id = '${id}'`)

  jobs.start()
  await ended(jobs, id)

  expect(await jobs.find(id)).toMatchObject({ state: 'failed', error: { code: 'PROCESS_DIED' } })
  expect(await steps()).toEqual([])
})

test('a step that takes effect forgets the deaths before it', async () => {
  const { passed, open } = door()
  const { jobs, add } = worker((step) => (step === 2 ? passed : undefined))
  const { id } = await add(2)
  await world.rows('harbours', `UPDATE jobs SET owner = 'dead', deaths = 3, until = NOW(3) - INTERVAL 1 SECOND WHERE id = '${id}'`)

  jobs.start()
  await until(async () => Number((await jobRow(id))?.done) === 1, 'one step')

  expect(await jobRow(id)).toMatchObject({ deaths: 0 })
  open()
  await ended(jobs, id)
})

test('what another release has written and this one does not understand ends with a code, not with a crash', async () => {
  const { jobs, add } = worker()
  const { id } = await add(3)
  await world.rows('harbours', `UPDATE jobs SET position = '{"page": 2}' WHERE id = '${id}'`)

  jobs.start()
  await ended(jobs, id)

  expect(await jobs.find(id)).toMatchObject({ state: 'failed', error: { code: 'JOB_UNREADABLE' } })
})

test('a step works as the system under the request that asked for the job, whatever woke the worker', async () => {
  const seen: unknown[] = []
  const { currentContext } = await import('./context.ts')
  const { jobs, add } = worker(() => seen.push(currentContext()))
  jobs.start()

  const { id } = await runInContext({ requestId: 'request-1', principal: anonymous, deadline: performance.now() + 1_000 }, () => add(1))
  await ended(jobs, id)

  expect(seen).toEqual([{ requestId: 'request-1', correlationId: 'request-1', principal: system }])
})

test('an idle worker asks one cheap question: open jobs are found by an index, however many have ended', async () => {
  const { key, extra } = await planOf(
    world.crew().harbours.requests.db,
    sql`SELECT id FROM jobs FORCE INDEX (jobs_due) WHERE until <= NOW(3) AND kind IN ('a', 'b') ORDER BY until LIMIT 5`,
  )
  expect(key).toBe('jobs_due')
  expect(extra).not.toMatch(/filesort|temporary/)
})
