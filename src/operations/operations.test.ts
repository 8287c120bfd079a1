import Type from 'typebox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runInContext } from '#platform/context.ts'
import { isAppError } from '#platform/errors.ts'
import { createPublisher, defineEvents } from '#platform/events.ts'
import { Nullable, Personal } from '#platform/schemas.ts'
import { bookkeeping, type Crew, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { createOperations } from './index.ts'

let world: World
const operationsOf = ({ events, ships, harbours }: Crew) => createOperations({ events, databases: [ships, harbours] })
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world.drop()
})

const reason = 'the chart was mended'
const quick = { pollMs: 50, idlePollMs: 200 }

/** A process whose handler refuses what `refuses` names. */
function crewThat(refuses: (shipId: number, step: number) => boolean, timings = quick): Crew {
  const crew = world.crew(timings)
  const consumer = bookkeeping((shipId, step) => {
    // Refused for good: a dead letter at once, without waiting for twelve attempts.
    if (refuses(shipId, step)) throw Object.assign(new Error(`ship ${shipId} is on no chart`), { code: 'NO_CHART', retryable: false })
  })
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [consumer] })
  return crew
}

const by = (userId: number) => ({
  requestId: 'req-operations',
  principal: { kind: 'user' as const, userId, roles: [], can: { '*:*': 'any' as const } },
})
const asOperator = <R>(work: () => Promise<R>): Promise<R> => runInContext(by(7), work)

const parkedRows = () => world.rows('harbours', 'SELECT event_id, subject, attempts, next_at FROM inbox_parked ORDER BY pub_seq')
const book = () => world.rows('harbours', 'SELECT * FROM book ORDER BY id')
const audits = () =>
  world.rows('harbours', 'SELECT action, subject, actor_kind, actor_id, reason, before_values, after_values FROM audit_log ORDER BY id')

type Work = () => Promise<unknown>

async function refusal(work: Promise<unknown>): Promise<{ code: string; status: number; details: object }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isAppError(error)) throw new Error('it was not refused', { cause: error })
  return { code: error.code, status: error.status, details: error.details }
}

/** The crew with so many ships, each of whose first sailing is a dead letter. */
async function deadLetters(ships: number, steps = 1): Promise<{ crew: Crew; mend: () => void }> {
  let broken = true
  const crew = crewThat((_ship, step) => broken && step === 1)
  await crew.events.start()
  for (let step = 1; step <= steps; step += 1)
    for (let from = 1; from <= ships; from += 8)
      await Promise.all(Array.from({ length: Math.min(8, ships - from + 1) }, (_, index) => crew.sail(from + index, step)))
  await until(async () => (await parkedRows()).length === ships * steps, 'everything is parked')
  return {
    crew,
    mend: () => {
      broken = false
    },
  }
}

describe('dead letters', () => {
  it('EV-09: a thousand of them, retried twice, have their effect once each', { timeout: 60_000 }, async () => {
    const { crew, mend } = await deadLetters(1_000)
    const operations = operationsOf(crew)

    const groups = await operations.deadLetters.list({ limit: 50, group: true })
    expect(groups.data).toEqual([
      expect.objectContaining({ consumer: 'harbour.book', type: 'ship.sailed', errorCode: 'NO_CHART', count: 1_000 }),
    ])
    expect(await asOperator(() => operations.deadLetters.retryAll({ dryRun: true }))).toEqual({
      dryRun: true,
      matched: 1_000,
      retried: 0,
      left: 1_000,
    })
    expect((await parkedRows()).every(({ next_at }) => next_at === null)).toBe(true)

    mend()
    const twice = await Promise.all([1, 2].map(() => asOperator(() => operations.deadLetters.retryAll({ errorCode: 'NO_CHART', reason }))))
    expect(twice.map(({ retried }) => retried).reduce((sum, count) => sum + count)).toBe(1_000)
    await until(async () => (await book()).length >= 1_000 && (await parkedRows()).length === 0, 'all are handled', 50_000)
    expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
    expect((await book()).length).toBe(1_000)
    const written = await audits()
    expect(written).toEqual([expect.objectContaining({ action: 'dead_letter.retried', actor_kind: 'user', actor_id: 7, reason })])
  })

  it('are listed newest first, page by page, each once', async () => {
    const { crew } = await deadLetters(5)
    const operations = operationsOf(crew)
    const seen: string[] = []
    let cursor: string | null | undefined
    do {
      const { data, page } = await operations.deadLetters.list({ limit: 2, group: false, ...(cursor ? { cursor } : {}) })
      for (const each of data) seen.push(each.eventId)
      cursor = page.nextCursor
    } while (cursor)
    const ids = (await parkedRows()).map(({ event_id }) => String(event_id))
    expect(seen).toEqual([...ids].sort().reverse())
    expect(await refusal(operations.deadLetters.list({ limit: 2, group: false, consumer: 'nobody.here' }))).toMatchObject({
      code: 'CONSUMER_NOT_FOUND',
    })
  })
})

describe('one event', () => {
  it('EV-09: is retried where it is first of its line, and nowhere else', async () => {
    const { crew, mend } = await deadLetters(1, 3)
    const operations = operationsOf(crew)
    const [first, second] = (await parkedRows()).map(({ event_id }) => String(event_id))
    if (!first || !second) throw new Error('two are parked')

    const refused = await refusal(asOperator(() => operations.deadLetters.retry(second, { reason })))
    expect(refused).toEqual({ code: 'INVALID_TRANSITION', status: 409, details: expect.objectContaining({ blockedBy: first }) })
    expect(await audits()).toEqual([])

    const shown = await operations.log.show(second)
    expect(shown.consumers).toEqual([expect.objectContaining({ consumer: 'harbour.book', state: 'parked', blockedBy: first })])
    expect((await operations.log.show(first)).consumers).toEqual([
      expect.objectContaining({ state: 'dead', attempts: 1, errorCode: 'NO_CHART', blockedBy: null }),
    ])

    mend()
    expect(await asOperator(() => operations.deadLetters.retry(first, { reason }))).toEqual({
      id: first,
      consumers: [{ consumer: 'harbour.book', result: 'retried', blockedBy: null }],
    })
    await until(async () => (await book()).length === 3, 'the whole line is handled')
    expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
    expect((await operations.log.show(first)).consumers).toEqual([expect.objectContaining({ state: 'settled' })])
    expect(await refusal(asOperator(() => operations.deadLetters.retry(first, { reason })))).toMatchObject({ code: 'INVALID_TRANSITION' })
  })

  it('EV-09: that is skipped lets the next of its subject run', async () => {
    const { crew } = await deadLetters(1, 2)
    const operations = operationsOf(crew)
    const [first] = await parkedRows()
    const id = String(first?.event_id)

    await asOperator(() => operations.deadLetters.skip(id, { reason: 'this voyage never was' }))
    await until(async () => (await book()).length === 1, 'the next is handled', 1_000)
    expect((await book()).map(({ step }) => step)).toEqual([2])
    const [written, ...others] = await audits()
    expect(others).toEqual([])
    expect(written).toMatchObject({ action: 'event.skipped', subject: `event/${id}`, actor_id: 7, reason: 'this voyage never was' })
    expect(String(written?.before_values)).toContain('NO_CHART')
  })

  it('that nobody has published is not found', async () => {
    const crew = crewThat(() => false)
    await crew.events.start()
    const operations = operationsOf(crew)
    const id = '01890a5d-ac96-774b-bcce-b302099a8057'
    expect(await refusal(operations.log.show(id))).toMatchObject({ code: 'EVENT_NOT_FOUND', status: 404 })
    expect(await refusal(operations.deadLetters.skip(id, { reason }))).toMatchObject({ code: 'EVENT_NOT_FOUND', status: 404 })
  })

  it('EV-31: nothing is changed where the audit row cannot be written, and nothing without a reason', async () => {
    const { crew } = await deadLetters(2)
    const operations = operationsOf(crew)
    const before = await parkedRows()
    const id = String(before[0]?.event_id)
    const withoutReason: Work[] = [
      () => operations.deadLetters.retry(id, {}),
      () => operations.deadLetters.skip(id, { reason: '  ' }),
      () => operations.deadLetters.retryAll({}),
      () => operations.consumers.change('harbour.book', 'pause', undefined),
    ]
    for (const work of withoutReason) expect(await refusal(asOperator(work))).toMatchObject({ code: 'REASON_REQUIRED', status: 422 })

    await world.rows('harbours', 'RENAME TABLE audit_log TO audit_gone')
    const withReason: Work[] = [
      () => operations.deadLetters.retry(id, { reason }),
      () => operations.deadLetters.skip(id, { reason }),
      () => operations.deadLetters.retryAll({ reason }),
      () => operations.consumers.change('harbour.book', 'pause', reason),
    ]
    for (const work of withReason) await expect(asOperator(work)).rejects.toThrow()
    await world.rows('harbours', 'RENAME TABLE audit_gone TO audit_log')

    expect(await parkedRows()).toEqual(before)
    expect(await world.rows('harbours', "SELECT consumer FROM inbox_consumer WHERE state <> 'active'")).toEqual([])
    expect(await audits()).toEqual([])
  })
})

/** Ids of the same millisecond have no order. */
const anotherMillisecond = (now = Date.now()): Promise<void> => until(() => Date.now() > now, 'time goes on')

describe('the log', () => {
  it('is listed newest first, by type, subject, time, consumer and text', async () => {
    const crew = crewThat(() => false)
    await crew.events.start()
    for (const [ship, step] of [
      [1, 10],
      [1, 11],
      [2, 12],
    ] as const) {
      await crew.sail(ship, step)
      await anotherMillisecond()
    }
    await crew.ships.requests.withTx((tx) => crew.publish(tx, 'ship.sunk', 2, { shipId: 2 }))
    const { log } = operationsOf(crew)
    const stepsOf = async (query: object) =>
      (await log.list({ limit: 50, ...query })).data.map(({ type, subjectSeq }) => `${type} ${subjectSeq}`)

    expect(await stepsOf({})).toEqual(['ship.sunk 2', 'ship.sailed 1', 'ship.sailed 2', 'ship.sailed 1'])
    expect(await stepsOf({ type: 'ship.sunk' })).toEqual(['ship.sunk 2'])
    expect(await stepsOf({ subject: 'ship/1' })).toEqual(['ship.sailed 2', 'ship.sailed 1'])
    expect(await stepsOf({ consumer: 'harbour.book' })).toEqual(['ship.sailed 1', 'ship.sailed 2', 'ship.sailed 1'])
    expect(await stepsOf({ text: '12' })).toEqual(['ship.sailed 1'])
    expect(await stepsOf({ text: 'SHIPID' })).toHaveLength(4)
    expect(await stepsOf({ text: '1%' })).toEqual([])
    expect(await stepsOf({ source: 'customer' })).toEqual([])
    const now = new Date().toISOString()
    expect(await stepsOf({ since: new Date(Date.now() + 60_000).toISOString() })).toEqual([])
    expect(
      await stepsOf({ since: new Date(Date.now() - 60_000).toISOString(), until: new Date(Date.parse(now) + 60_000).toISOString() }),
    ).toHaveLength(4)

    const first = await log.list({ limit: 3 })
    const rest = await log.list({ limit: 3, cursor: String(first.page.nextCursor) })
    expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual((await log.list({ limit: 50 })).data.map(({ id }) => id))
    expect(await refusal(log.list({ limit: 3, type: 'ship.sunk', cursor: String(first.page.nextCursor) }))).toMatchObject({
      code: 'CURSOR_INVALID',
    })
  })

  it('is searched where it is shown only: masked fields cannot be guessed letter by letter', async () => {
    const crew = crewThat(() => false)
    const captainEvents = defineEvents('captain', {
      'captain.hired': {
        version: 1,
        aggregate: 'captain',
        data: Type.Object({
          rank: Type.String(),
          name: Personal(Type.String()),
          berths: Type.Array(Type.Object({ town: Type.String(), street: Nullable(Personal(Type.String())) })),
          kin: Type.Object({ name: Personal(Type.String()), degree: Type.String() }),
        }),
      },
    })
    crew.events.register({ database: crew.ships, contract: captainEvents })
    await crew.events.start()
    const hire = createPublisher(captainEvents, 'shared_user_db', crew.bell)
    const kin = { name: 'Lovelace', degree: 'cousin' }
    const hired = { rank: 'first mate', name: 'Ada', berths: [{ town: 'Hull', street: 'Quay' }], kin }
    await crew.ships.requests.withTx((tx) => hire(tx, 'captain.hired', 1, hired))
    const { log } = operationsOf(crew)
    const found = async (text: string) => (await log.list({ limit: 50, text })).data.length

    expect(await found('FIRST Mate')).toBe(1)
    expect(await found('cousin')).toBe(1)
    for (const hidden of ['Ada', 'Lovel', 'Quay']) expect(await found(hidden)).toBe(0)
    await world.rows('ships', "UPDATE outbox SET type = 'captain.drowned'")
    expect(await found('first mate')).toBe(0)
  })

  it('of a type is read where the type is published, whatever the other logs are like', async () => {
    const crew = crewThat(() => false)
    const pierEvents = defineEvents('pier', {
      'pier.built': { version: 1, aggregate: 'pier', data: Type.Object({ pierId: Type.Integer() }) },
    })
    crew.events.register({ database: crew.harbours, contract: pierEvents })
    await crew.events.start()
    await crew.sail(1, 1)
    const { log } = operationsOf(crew)
    await world.rows('harbours', 'RENAME TABLE outbox TO outbox_gone')

    expect((await log.list({ limit: 50, type: 'ship.sailed' })).data).toHaveLength(1)
    // Renamed, dropped: a type that nobody declares any more is looked for everywhere.
    await expect(log.list({ limit: 50, type: 'ship.launched' })).rejects.toThrow()
  })

  it('shows the chain of causes', async () => {
    const crew = crewThat(() => false)
    await crew.events.start()
    await crew.sail(1, 1)
    const { log } = operationsOf(crew)
    const [cause] = (await log.list({ limit: 1 })).data
    await runInContext({ ...by(7), causationId: String(cause?.id) }, () => crew.sail(2, 1))
    const [effect] = (await log.list({ limit: 1 })).data
    expect((await log.show(String(effect?.id))).causes).toEqual([expect.objectContaining({ id: cause?.id, subject: 'ship/1' })])
  })
})

describe('a consumer', () => {
  it('EV-30: that is paused rests in every process and after a restart, and goes on where it was', async () => {
    const [one, other] = [crewThat(() => false), crewThat(() => false)]
    await Promise.all([one.events.start(), other.events.start()])
    const { consumers } = operationsOf(one)
    await one.sail(1, 1)
    await until(async () => (await book()).length === 1, 'the first is handled')

    expect(await asOperator(() => consumers.change('harbour.book', 'pause', 'the harbour is dredged'))).toMatchObject({
      name: 'harbour.book',
      state: 'paused',
      changedBy: 'user/7',
      reason: 'the harbour is dredged',
    })
    await Promise.all([one.sail(1, 2), other.sail(2, 1)])
    const third = crewThat(() => false)
    await third.events.start()
    await until(async () => (await consumers.list()).data.some(({ sources }) => sources[0]?.lag === 2), 'both are numbered')
    expect((await book()).length).toBe(1)

    // The same once more changes nothing and leaves no trace.
    await asOperator(() => consumers.change('harbour.book', 'pause', 'again'))
    await asOperator(() => consumers.change('harbour.book', 'resume', 'dredged'))
    await until(async () => (await book()).length === 3, 'the others are handled')
    expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
    expect((await audits()).map(({ action, reason: why }) => [action, why])).toEqual([
      ['event_consumer.paused', 'the harbour is dredged'],
      ['event_consumer.resumed', 'dredged'],
    ])
  })

  it('that was the only one of its database, and that no module subscribes any more, is retired and frees the log', async () => {
    const crew = world.crew({ ...quick, sweepMs: 30 })
    const pierEvents = defineEvents('pier', {
      'pier.built': { version: 1, aggregate: 'pier', data: Type.Object({ pierId: Type.Integer() }) },
    })
    crew.events.register({ database: crew.ships, contract: shipEvents })
    crew.events.register({ database: crew.harbours, contract: pierEvents })
    await world.rows(
      'harbours',
      "INSERT INTO inbox_consumer (consumer, source, state, types, start, changed_by, changed_at) VALUES ('harbour.gone', 'shared_user', 'active', '[]', 'now', 'system', NOW(3))",
    )
    await world.rows(
      'harbours',
      "INSERT INTO inbox_cursor (consumer, source, part, generation, last_seq, owner, until) VALUES ('harbour.gone', 'shared_user', 0, 1, 0, '', NOW(3))",
    )
    await world.rows('ships', "INSERT INTO outbox_ack (consumer, part, seen_at) VALUES ('harbour.gone', 0, NOW(3))")
    await crew.events.start()
    const { consumers } = operationsOf(crew)

    expect((await consumers.list()).data).toMatchObject([{ name: 'harbour.gone', hosted: false }])
    expect(await asOperator(() => consumers.change('harbour.gone', 'retire', reason))).toMatchObject({ state: 'retired' })
    await until(async () => (await world.rows('ships', 'SELECT * FROM outbox_ack')).length === 0, 'its claim is gone', 5_000)
  })

  it('that is retired stays so', async () => {
    const crew = crewThat(() => false)
    await crew.events.start()
    const { consumers } = operationsOf(crew)
    expect(await asOperator(() => consumers.change('harbour.book', 'retire', 'no harbour any more'))).toMatchObject({ state: 'retired' })
    expect(await refusal(asOperator(() => consumers.change('harbour.book', 'resume', 'after all')))).toMatchObject({
      code: 'INVALID_TRANSITION',
      details: { from: 'retired', action: 'resume' },
    })
    expect(await refusal(asOperator(() => consumers.change('harbour.bok', 'pause', reason)))).toMatchObject({ code: 'CONSUMER_NOT_FOUND' })
  })
})

it('a new generation of a source is begun by hand, with a reason', async () => {
  const crew = crewThat(() => false)
  await crew.events.start()
  const { generations } = operationsOf(crew)
  const [before] = await world.rows('ships', 'SELECT generation FROM event_source')
  const { generation } = await asOperator(() => generations.begin('shared_user', 'restored from a backup'))
  expect(generation).toBeGreaterThan(Number(before?.generation))
  expect(await refusal(asOperator(() => generations.begin('shared', reason)))).toMatchObject({ code: 'EVENT_SOURCE_NOT_FOUND' })
  expect(await refusal(asOperator(() => generations.begin('shared_user', undefined)))).toMatchObject({ code: 'REASON_REQUIRED' })
})
