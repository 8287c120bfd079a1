import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createHttp } from '#platform/http.ts'
import { createIdempotency } from '#platform/idempotency.ts'
import { createJobs } from '#platform/jobs.ts'
import { bookkeeping, type Crew, type HarbourTx, shipEvents } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'
import { bearer, httpNeeds } from '#support/http.ts'
import { createOperations, createReplay, replayRoutes } from './index.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.drop())

const reason = 'the book got wet'

type Step = (shipId: number, step: number, replay: boolean) => void

/** A process with the surface of replays. Its book shows a replayed sailing by a negative step. */
async function harbour({ replayable = true, before = () => {} }: { replayable?: boolean; before?: Step } = {}) {
  const crew = world.crew({ pollMs: 50, idlePollMs: 200 })
  const consumer: ReturnType<typeof bookkeeping> = {
    ...bookkeeping(),
    replayable,
    async handle(_key, tx: HarbourTx, event, { replay }) {
      const { shipId, step } = event.data as { shipId: number; step: number }
      before(shipId, step, replay)
      await tx.db.execute(
        sql`INSERT INTO book (event_id, subject, subject_seq, step)
            VALUES (${event.id}, ${event.subject}, ${event.subjectSeq}, ${replay ? -step : step})`,
      )
    },
  }
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [consumer] })
  const silent = { info() {}, warn() {}, error() {} }
  const jobs = createJobs({ metrics: crew.metrics, log: silent, timings: { pollMs: 50 } })
  const databases = [crew.ships, crew.harbours]
  const idempotency = createIdempotency({ shared_user_db: crew.ships.requests, customer_service_db: crew.harbours.requests })
  const { desks, log } = createOperations({ events: crew.events, databases })
  const replay = createReplay({ events: crew.events, databases, desks, log, jobs, idempotency, retentionDays: 7 })
  const http = createHttp(httpNeeds({ idempotency }))
  await http.app.register(replayRoutes({ replay, databases: ['shared_user_db', 'customer_service_db'] }))
  await http.app.ready()
  onTestFinished(async () => {
    await jobs.stop()
    await http.app.close()
  })
  let keys = 0
  const ask = async (line: string, body?: object, { key = `key-${++keys}`, may = 'event:replay:any event:read:any' } = {}) => {
    const [method, url] = line.split(' ')
    const headers = { authorization: bearer(7, may), ...(method === 'POST' ? { 'idempotency-key': key } : {}) }
    const {
      statusCode,
      headers: sent,
      body: text,
    } = await http.app.inject({ method: method as 'POST', url: url ?? '', headers, ...(body ? { payload: body } : {}) })
    return {
      status: statusCode,
      location: sent.location?.toString(),
      isReplay: sent['idempotent-replayed'] === 'true',
      body: JSON.parse(text),
    }
  }
  return { crew, jobs, replay, ask }
}

const book = () => world.rows('harbours', 'SELECT subject, subject_seq, step FROM book ORDER BY id')
const again = async () => (await book()).filter(({ step }) => Number(step) < 0).map(({ subject, step }) => `${subject} ${-Number(step)}`)
const eventId = async (ship: number, step: number): Promise<string> => {
  const [row] = await world.rows('ships', `SELECT event_id FROM outbox WHERE subject = 'ship/${ship}' AND subject_seq = ${step}`)
  return String(row?.event_id)
}

/** So many ships sail so many times, and all of it is handled. */
async function sailed({ crew }: { crew: Crew }, ships: number, steps: number): Promise<void> {
  await crew.events.start()
  for (let step = 1; step <= steps; step += 1)
    for (let from = 1; from <= ships; from += 8)
      await Promise.all(Array.from({ length: Math.min(8, ships - from + 1) }, (_, index) => crew.sail(from + index, step)))
  await until(async () => (await book()).length === ships * steps, 'everything is handled')
}

/** The lines of a list by their subject, in their order. */
function bySubject(lines: readonly string[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {}
  for (const line of lines) {
    const [subject = '', step = ''] = line.split(' ')
    grouped[subject] = [...(grouped[subject] ?? []), step]
  }
  return grouped
}

async function checksums(): Promise<Record<string, unknown>[]> {
  const sums: Record<string, unknown>[] = []
  for (const of of ['ships', 'harbours'] as const)
    for (const row of await world.rows(of, 'SHOW TABLES')) sums.push(...(await world.rows(of, `CHECKSUM TABLE ${Object.values(row)[0]}`)))
  return sums
}

test('EV-10: a replay that is only tried counts and lists, and changes no row of any table', async () => {
  const { crew, ask } = await harbour()
  await sailed({ crew }, 3, 4)
  await crew.events.stop()
  const before = await checksums()

  const tried = await ask('POST /v1/events/replay', { consumer: 'harbour.book', subject: 'ship/2', dryRun: true })
  const one = await ask(`POST /v1/events/${await eventId(3, 1)}/replay`, { dryRun: true })

  expect(tried).toMatchObject({ status: 200, location: undefined })
  expect(tried.body).toMatchObject({
    dryRun: true,
    consumer: 'harbour.book',
    total: 4,
    complete: true,
    types: [{ type: 'ship.sailed', count: 4 }],
  })
  expect(tried.body.events.map(({ id }: { id: string }) => id)).toEqual(await Promise.all([1, 2, 3, 4].map((step) => eventId(2, step))))
  expect(one).toMatchObject({ status: 200, body: { total: 1, events: [{ id: await eventId(3, 1), subject: 'ship/3' }] } })
  expect(before.length).toBeGreaterThan(20)
  expect(await checksums()).toEqual(before)
})

test('EV-10: a replay handles exactly the listed events, each once and in order, and says how far it is', async () => {
  const { crew, ask, jobs } = await harbour()
  jobs.start()
  await sailed({ crew }, 5, 4)
  await world.rows('ships', `UPDATE outbox SET occurred_at = '2020-01-01' WHERE subject_seq = 1`)

  const asked = await ask('POST /v1/events/replay', {
    consumer: 'harbour.book',
    type: 'ship.sailed',
    since: '2021-01-01T00:00:00Z',
    reason,
  })

  expect(asked).toMatchObject({ status: 202, location: `/v1/event-jobs/${asked.body.id}` })
  expect(asked.body).toMatchObject({
    state: 'queued',
    total: 15,
    handled: 0,
    consumer: 'harbour.book',
    reason,
    createdBy: { kind: 'user', id: 7 },
  })
  await until(async () => (await ask(`GET ${asked.location}`)).body.handled === 15, 'the replay')
  expect(bySubject(await again())).toEqual(Object.fromEntries([1, 2, 3, 4, 5].map((ship) => [`ship/${ship}`, ['2', '3', '4']])))
  expect((await ask(`GET ${asked.location}`)).body).toMatchObject({
    state: 'succeeded',
    placed: 15,
    waiting: 0,
    dead: 0,
    alreadyWaiting: 0,
    error: null,
    startedAt: expect.any(String),
    finishedAt: expect.any(String),
  })
  expect(await world.rows('harbours', 'SELECT action, actor_kind, actor_id, subject, reason FROM audit_log')).toEqual([
    { action: 'event.replayed', actor_kind: 'user', actor_id: 7, subject: 'event_consumer/harbour.book', reason },
  ])
})

test('EV-10: a replay of one event goes to the only consumer that hears it', async () => {
  const { crew, ask, jobs } = await harbour()
  jobs.start()
  await sailed({ crew }, 2, 3)
  const id = await eventId(2, 2)

  const asked = await ask(`POST /v1/events/${id}/replay`, { reason })

  expect(asked).toMatchObject({ status: 202, body: { eventId: id, consumer: 'harbour.book', total: 1 } })
  await until(async () => (await ask(`GET ${asked.location}`)).body.handled === 1, 'the replay')
  expect(await again()).toEqual(['ship/2 2'])
  expect(await world.rows('harbours', 'SELECT action, subject FROM audit_log')).toEqual([
    { action: 'event.replayed', subject: `event/${id}` },
  ])
})

test('EV-10: a replay leaves what waits in line, and is handled before it; what is published meanwhile waits behind', async () => {
  let broken = true
  const { crew, ask, jobs } = await harbour({
    before: (_ship, step) => {
      if (broken && step === 3) throw Object.assign(new Error('a storm'), { retryable: false })
    },
  })
  await crew.events.start()
  for (const step of [1, 2, 3, 4]) await crew.sail(1, step)
  await until(async () => (await world.rows('harbours', 'SELECT 1 FROM inbox_parked')).length === 2, 'two wait')
  broken = false
  await world.rows('harbours', 'UPDATE inbox_consumer SET state = "paused"')

  const { location } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })
  jobs.start()
  await until(async () => (await ask(`GET ${location}`)).body.state === 'succeeded', 'all are in line')
  expect((await ask(`GET ${location}`)).body).toMatchObject({ total: 4, placed: 2, alreadyWaiting: 2, waiting: 2, handled: 0 })
  await crew.sail(1, 5)
  await world.rows('harbours', 'UPDATE inbox_parked SET next_at = NOW(3) WHERE next_at IS NULL')
  await world.rows('harbours', 'UPDATE inbox_consumer SET state = "active"')
  crew.events.look()

  await until(async () => (await book()).length === 7, 'all are handled')
  expect((await book()).map(({ step }) => step)).toEqual([1, 2, -1, -2, 3, 4, 5])
})

test('EV-10: a replay whose process is killed inside a transaction is gone on with by another: nothing twice, nothing left out', {
  timeout: 60_000,
}, async () => {
  const { crew, ask, jobs } = await harbour()
  await sailed({ crew }, 40, 5)
  await crew.events.stop()
  const { location, body } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })
  const id = body.id
  const done = async () => Number((await world.rows('harbours', `SELECT done FROM jobs WHERE id = '${id}'`))[0]?.done)
  const parts = (await world.rows('harbours', 'SELECT DISTINCT part FROM inbox_cursor WHERE last_seq > 0 ORDER BY part')).map(({ part }) =>
    Number(part),
  )
  const last = parts.at(-1)

  // The last partition's position is held, so the victim has put most in line and is in a transaction that goes nowhere.
  const { release } = await world.hold('harbours', `SELECT * FROM inbox_cursor WHERE part = ${last} FOR UPDATE`)
  const victim = spawn(process.execPath, [`${import.meta.dirname}/../../tests/support/replay-process.ts`, JSON.stringify(world.settings)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  onTestFinished(() => void victim.kill('SIGKILL'))
  const waiting =
    'SELECT id FROM information_schema.processlist WHERE info LIKE "%FROM inbox_cursor % FOR UPDATE" AND id <> CONNECTION_ID() AND command <> "Sleep"'
  await until(async () => (await done()) > 0 && (await world.rows('harbours', waiting)).length > 0, 'the victim waits')
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  await release()
  const before = await done()
  const placed = await world.rows('harbours', `SELECT part, pub_seq FROM inbox_parked WHERE replay_id = '${id}'`)
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(200)
  expect(placed.length).toBe(before)

  const survivor = await harbour()
  await survivor.crew.events.start()
  survivor.jobs.start()
  jobs.start()
  await world.rows('harbours', `UPDATE jobs SET until = NOW(3) WHERE id = '${id}'`)

  await until(async () => (await ask(`GET ${location}`)).body.handled === 200, 'the replay')
  expect((await ask(`GET ${location}`)).body).toMatchObject({ state: 'succeeded', total: 200, placed: 200, alreadyWaiting: 0 })
  const steps = Array.from({ length: 5 }, (_, index) => String(index + 1))
  expect(bySubject(await again())).toEqual(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`ship/${index + 1}`, steps])))
})

test('EV-10: a replay of a long log goes stretch by stretch, and puts no more in line than is handled', async () => {
  const { crew, ask, jobs, replay } = await harbour()
  await sailed({ crew }, 1, 1)
  await crew.events.stop()
  // In the partition of the first ship, what nobody hears, and behind it more than fits into two transactions.
  const [deaf, heard] = [25_000, 1_200]
  const [{ part } = {}] = await world.rows('ships', 'SELECT part FROM outbox')
  const rowsOf = (type: string, from: number, to: number) => `
      INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at, pub_seq)
      SELECT INSERT(CONCAT('00000000-0000-7000-8000-', LPAD(seq, 12, '0')), 1, 0, ''), ${part}, 'ship/1', seq, '${type}', 1, o.data, o.meta, o.occurred_at, seq
      FROM seq_${from}_to_${to} JOIN (SELECT * FROM outbox WHERE pub_seq = 1) AS o`
  await world.rows('ships', rowsOf('ship.sunk', 2, deaf))
  await world.rows('ships', rowsOf('ship.sailed', deaf + 1, deaf + heard))
  await world.rows('ships', `UPDATE outbox_sequence SET next_seq = ${deaf + heard + 1} WHERE part = ${part}`)
  await world.rows('harbours', `UPDATE inbox_cursor SET last_seq = ${deaf + heard}, last_event_id = NULL WHERE part = ${part}`)
  const inLine = () => world.rows('harbours', 'SELECT pub_seq FROM inbox_parked ORDER BY pub_seq')
  const since = 'SELECT done, owner FROM jobs'

  const { body: tried } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', dryRun: true })
  const { location, body } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })
  jobs.start()
  await until(async () => (await inLine()).length >= 1_000 && (await world.rows('harbours', since))[0]?.owner === '', 'it waits')
  const first = await inLine()
  await world.rows('harbours', 'DELETE FROM inbox_parked')
  await until(async () => (await replay.requireJob(body.id)).state === 'succeeded', 'the end')

  expect(tried).toMatchObject({ total: heard + 1, complete: true })
  expect(tried.events).toHaveLength(100)
  expect(first.length).toBeLessThan(1_200)
  expect([...first, ...(await inLine())].map(({ pub_seq }) => Number(pub_seq))).toEqual([
    1,
    ...Array.from({ length: heard }, (_, index) => deaf + 1 + index),
  ])
  expect((await ask(`GET ${location}`)).body).toMatchObject({ total: heard + 1, placed: heard + 1, alreadyWaiting: 0 })
})

test('EV-10: a replay leaves no job behind when its audit row cannot be written', async () => {
  const { crew, ask } = await harbour()
  await sailed({ crew }, 1, 1)
  await world.rows('harbours', 'RENAME TABLE audit_log TO elsewhere')

  const { status } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })

  expect(status).toBe(500)
  expect(await world.rows('harbours', 'SELECT id FROM jobs')).toEqual([])
})

test('EV-10: a replay is not begun twice by the same request, and its key is for no other', async () => {
  const { crew, ask } = await harbour()
  await sailed({ crew }, 1, 2)
  const wish = { consumer: 'harbour.book', reason }

  const [first, second] = [
    await ask('POST /v1/events/replay', wish, { key: 'once' }),
    await ask('POST /v1/events/replay', wish, { key: 'once' }),
  ]
  const other = await ask('POST /v1/events/replay', { ...wish, reason: 'another' }, { key: 'once' })

  expect(second).toEqual({ ...first, isReplay: true })
  expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } })
  expect(await world.rows('harbours', 'SELECT COUNT(*) AS n FROM jobs')).toEqual([{ n: '1' }])
  expect(await world.rows('harbours', 'SELECT COUNT(*) AS n FROM audit_log')).toEqual([{ n: '1' }])
})

test('EV-10: a replay is refused to whom it may not be given', async () => {
  const { crew, ask } = await harbour()
  await sailed({ crew }, 1, 1)
  const wish = { consumer: 'harbour.book', reason }
  const id = await eventId(1, 1)
  const refused = async (line: string, body: object, options?: Parameters<typeof ask>[2]) => {
    const { status, body: problem } = await ask(line, body, options)
    return [status, problem.code]
  }

  expect(await refused('POST /v1/events/replay', wish, { may: 'event:read:any' })).toEqual([403, 'FORBIDDEN'])
  expect(await refused('POST /v1/events/replay', { consumer: 'harbour.book' })).toEqual([422, 'REASON_REQUIRED'])
  expect(await refused(`POST /v1/events/${id}/replay`, { reason: ' ' })).toEqual([422, 'REASON_REQUIRED'])
  expect(await refused('POST /v1/events/replay', { ...wish, consumer: 'harbour.bok' })).toEqual([404, 'CONSUMER_NOT_FOUND'])
  expect(await refused('POST /v1/events/replay', { ...wish, type: 'ship.sunk' })).toEqual([422, 'EVENT_NOT_HEARD'])
  expect(await refused('POST /v1/events/019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10/replay', wish)).toEqual([404, 'EVENT_NOT_FOUND'])
  expect(await refused('GET /v1/event-jobs/019a6c9e-7d2c-7c3e-9d43-2b5f0c1a7e10', {})).toEqual([404, 'EVENT_JOB_NOT_FOUND'])

  await world.rows('harbours', 'UPDATE inbox_consumer SET state = "retired"')
  expect(await refused('POST /v1/events/replay', wish)).toEqual([409, 'INVALID_TRANSITION'])
  expect(await world.rows('harbours', 'SELECT id FROM jobs')).toEqual([])
  expect(await world.rows('harbours', 'SELECT id FROM audit_log')).toEqual([])
})

test('EV-10: a replay is refused for a consumer that does not bear it', async () => {
  const { crew, ask } = await harbour({ replayable: false })
  await sailed({ crew }, 1, 1)

  const [all, one] = [
    await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason }),
    await ask(`POST /v1/events/${await eventId(1, 1)}/replay`, { reason }),
  ]

  expect([all.status, all.body.code, one.status, one.body.code]).toEqual([409, 'CONSUMER_NOT_REPLAYABLE', 409, 'CONSUMER_NOT_REPLAYABLE'])
})

test('EV-10: a replay of an event that the consumer has not reached is refused: it will be handled anyhow', async () => {
  const { crew, ask } = await harbour()
  await sailed({ crew }, 1, 1)
  await world.rows('harbours', 'UPDATE inbox_consumer SET state = "paused"')
  await crew.sail(1, 2)
  await until(async () => (await world.rows('ships', 'SELECT 1 FROM outbox WHERE pub_seq IS NULL')).length === 0, 'its number')

  const { status, body } = await ask(`POST /v1/events/${await eventId(1, 2)}/replay`, { reason })

  expect([status, body.code]).toEqual([409, 'INVALID_TRANSITION'])
  expect(body.detail).toContain('pending')
})

test('EV-10: a replay of events that are no longer kept is refused with the oldest time that is', async () => {
  const { crew, ask, jobs } = await harbour()
  await sailed({ crew }, 1, 4)
  const purged = await eventId(1, 1)
  const other = await eventId(1, 2)
  await world.rows('ships', 'DELETE FROM outbox WHERE subject_seq < 3')
  await world.rows('ships', 'UPDATE outbox SET occurred_at = occurred_at + INTERVAL subject_seq SECOND')
  const [row] = await world.rows('ships', 'SELECT DATE_FORMAT(occurred_at, "%Y-%m-%dT%T.%f") AS at FROM outbox WHERE subject_seq = 3')
  const oldest = `${String(row?.at).slice(0, 23)}Z`

  for (const asked of [
    await ask('POST /v1/events/replay', { consumer: 'harbour.book', since: '2021-01-01T00:00:00Z', reason }),
    await ask(`POST /v1/events/${purged}/replay`, { reason }),
    await ask(`POST /v1/events/${other}/replay`, { reason }),
  ])
    expect([asked.status, asked.body.code, asked.body.errors[0].limit]).toEqual([410, 'EVENTS_PURGED', oldest])

  await world.rows('ships', 'UPDATE outbox SET occurred_at = occurred_at - INTERVAL 8 DAY')
  const since = new Date(Date.parse(oldest) - 8 * 86_400_000).toISOString()
  const kept = await ask('POST /v1/events/replay', { consumer: 'harbour.book', since, reason })
  expect(kept).toMatchObject({ status: 202, body: { total: 2 } })
  // Purging goes on before the job is begun.
  await world.rows('ships', 'DELETE FROM outbox WHERE subject_seq = 3')
  jobs.start()
  await until(async () => (await ask(`GET ${kept.location}`)).body.state === 'failed', 'the end')
  expect((await ask(`GET ${kept.location}`)).body).toMatchObject({ placed: 0, error: { code: 'EVENTS_PURGED' } })
})

test('EV-10: a replay of the last hours is taken where only old events were purged, however late the next one came', async () => {
  const { crew, ask, jobs } = await harbour()
  await sailed({ crew }, 1, 4)
  await world.rows('ships', 'DELETE FROM outbox WHERE subject_seq < 3')
  await world.rows('ships', 'UPDATE outbox SET occurred_at = occurred_at + INTERVAL subject_seq SECOND')
  const asked = (hours: number) => ({ consumer: 'harbour.book', since: new Date(Date.now() - hours * 3_600_000).toISOString(), reason })

  expect((await ask('POST /v1/events/replay', asked(8 * 24))).body.code).toBe('EVENTS_PURGED')
  const { location, body } = await ask('POST /v1/events/replay', asked(2))
  expect(body).toMatchObject({ total: 2 })
  jobs.start()
  await until(async () => (await again()).length === 2, 'the replay')
  expect((await ask(`GET ${location}`)).body).toMatchObject({ error: null })
})

test('EV-10: a replay puts nothing of another life in line while its consumer has not followed there', async () => {
  const { crew, ask, jobs } = await harbour()
  await sailed({ crew }, 1, 2)
  await crew.events.stop()
  const { location } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })
  await world.rows('ships', 'UPDATE event_source SET generation = generation + 1')

  jobs.start()
  await until(async () => (await ask(`GET ${location}`)).body.finishedAt !== null, 'the end')

  expect((await ask(`GET ${location}`)).body).toMatchObject({ placed: 0, error: { code: 'EVENT_LOG_RENEWED' } })
  expect(await world.rows('harbours', 'SELECT 1 FROM inbox_parked')).toEqual([])
})

test('EV-10: a replay ends when the log begins another life: the numbers mean other events', async () => {
  const { crew, ask, jobs } = await harbour()
  await sailed({ crew }, 1, 2)
  await crew.events.stop()
  const { location } = await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })
  await world.rows('harbours', 'UPDATE inbox_cursor SET generation = generation + 1')

  jobs.start()
  await until(async () => (await ask(`GET ${location}`)).body.finishedAt !== null, 'the end')

  expect((await ask(`GET ${location}`)).body).toMatchObject({ placed: 0, error: { code: 'EVENT_LOG_RENEWED' } })
  expect(await world.rows('harbours', 'SELECT 1 FROM inbox_parked')).toEqual([])
  expect((await ask('POST /v1/events/replay', { consumer: 'harbour.book', reason })).body.code).toBe('EVENT_LOG_RENEWED')
})
