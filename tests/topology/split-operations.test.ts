import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isModuleName } from '#platform/module-table.ts'
import type { Principal } from '#platform/principal.ts'
import { createServiceTokens } from '#platform/service-tokens.ts'
import { runCommand } from '#support/command.ts'
import { testEnvironment } from '#support/environment.ts'
import { until } from '#support/event-world.ts'
import { type Answer, json, type Line, openLine } from '#support/surface.ts'
import { profileOf, register } from '../../scripts/seed.ts'
import { type SplitSystem, startSplit } from './split-system.ts'

/** Users publish in one process, customers and carriers hear in another; an operator may have reached either. */
describe('operators of a system in two processes', () => {
  let system: SplitSystem
  let lines: Record<'front' | 'back', Line>
  let admin: string
  let customer: string

  const password = 'seven tall lanterns'
  const processes = ['front', 'back'] as const
  const ask = (process: 'front' | 'back', method: string, path: string, body?: object, token = admin, headers = {}): Promise<Answer> => {
    const sent = body ? json(body) : {}
    return lines[process].ask(method, path, { ...sent, headers: { ...('headers' in sent ? sent.headers : {}), ...headers }, token })
  }
  /** What both say, which must be the same. */
  async function fromBoth(path: string): Promise<Answer> {
    // Asked at once, but answered in moments of their own: something may have settled between the two.
    return vi.waitFor(
      async () => {
        const [front, back] = await Promise.all(processes.map((process) => ask(process, 'GET', path)))
        expect([path, back?.status, back?.body]).toEqual([path, front?.status, front?.body])
        if (!front) throw new Error('nobody answered')
        return front
      },
      { timeout: 5_000 },
    )
  }
  const rows = async (statement: string): Promise<Record<string, unknown>[]> => {
    const found = await system.databases.asRoot(statement.replaceAll('@', `\`${system.databases.settings.customer_service_db.schema}\`.`))
    return Array.isArray(found) ? found : []
  }
  const parked = () => rows('SELECT event_id FROM @inbox_parked')
  const signUp = (email: string) =>
    register(system.api, { email, password, firstName: 'Cora', lastName: 'Customer', company: { name: 'Acme', country: 'US' } })
  const audits = () => rows("SELECT action, actor_kind, reason FROM @audit_log WHERE action LIKE 'event%' ORDER BY id")

  /** A new user whose profile could not be made, as a dead letter. The cause has gone when this returns. */
  async function deadProfile(email: string): Promise<{ userId: number; eventId: string }> {
    await rows('RENAME TABLE @customers TO @customers_away')
    try {
      const userId = await signUp(email)
      await until(async () => (await parked()).length === 1, 'the event is parked')
      await rows('UPDATE @inbox_parked SET next_at = NULL, attempts = 12')
      return { userId, eventId: String((await parked())[0]?.event_id) }
    } finally {
      await rows('RENAME TABLE @customers_away TO @customers')
    }
  }

  beforeAll(async () => {
    system = await startSplit({ front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'] })
    lines = { front: openLine(system.process('front').url), back: openLine(system.process('back').url) }
    const tokenOf = async (email: string, secret: string) =>
      (await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password: secret } })).body.accessToken
    admin = await tokenOf(system.process('front').admin.email, system.process('front').admin.password)
    const userId = await signUp('cora@example.com')
    customer = await tokenOf('cora@example.com', password)
    await profileOf(system.api.as(admin), userId)
  })
  afterAll(async () => {
    await Promise.all(Object.values(lines ?? {}).map((line) => line.close()))
    await system?.stop()
  })

  it('EV-09: either process lists and shows the same, and one that does not host the consumer has a dead letter handled', async () => {
    const { userId, eventId } = await deadProfile('ada@example.com')

    const dead = await fromBoth('/v1/dead-letters')
    expect(dead.body?.data).toEqual([expect.objectContaining({ eventId, consumer: 'customer.profile', errorCode: 'ER_NO_SUCH_TABLE' })])
    expect((await fromBoth('/v1/dead-letters?group=true')).body?.data).toEqual([expect.objectContaining({ count: 1 })])
    expect((await fromBoth('/v1/events?type=user.created&text=acme')).body?.data).toEqual([
      expect.objectContaining({ id: eventId }),
      expect.objectContaining({ type: 'user.created' }),
    ])
    const shown = await fromBoth(`/v1/events/${eventId}`)
    expect(shown.text).not.toContain('ada@')
    expect(shown.body).toMatchObject({
      data: { userId, email: '(personal)' },
      consumers: [{ consumer: 'customer.profile', state: 'dead' }],
    })

    const retried = await ask('front', 'POST', `/v1/events/${eventId}/retry`, { reason: 'the table is back' })

    expect([retried.status, retried.body?.consumers]).toEqual([200, [{ consumer: 'customer.profile', result: 'retried', blockedBy: null }]])
    await profileOf(system.api.as(admin), userId)
    expect((await fromBoth(`/v1/events/${eventId}`)).body?.consumers).toEqual([expect.objectContaining({ state: 'settled' })])
    expect(await audits()).toEqual([{ action: 'event.retried', actor_kind: 'user', reason: 'the table is back' }])
  })

  it('EV-09: the pages of a list over logs in both processes hold every event once, whoever gives them', async () => {
    interface Events {
      data: { id: string; source: string }[]
      page: { nextCursor: string | null }
    }
    const list = async (process: 'front' | 'back', query: string) =>
      (await system.process(process).api.as(admin).call<Events>('GET', `/v1/events?${query}`)).body
    const whole = await list('front', 'limit=200')
    expect(new Set(whole.data.map(({ source }) => source))).toEqual(new Set(['shared_user', 'customer']))

    const seen: string[] = []
    let cursor = ''
    for (let turn = 0; turn === 0 || cursor !== ''; turn += 1) {
      const { data, page } = await list(turn % 2 === 0 ? 'front' : 'back', `limit=2${cursor}`)
      seen.push(...data.map(({ id }) => id))
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`
    }
    expect(seen).toEqual(whole.data.map(({ id }) => id))
  })

  it('EV-30: a consumer is paused and resumed by a process that does not host it, and both say so', async () => {
    const before = (await audits()).length
    const paused = await ask('front', 'POST', '/v1/event-consumers/customer.profile/pause', { reason: 'a move' })
    expect(paused.body).toMatchObject({ state: 'paused', hosted: true, reason: 'a move', sources: [{ source: 'shared_user', lag: 0 }] })

    const userId = await signUp('grace@example.com')
    const seesLag = async (process: 'front' | 'back') => (await ask(process, 'GET', '/v1/event-consumers')).text.includes('"lag":1')
    await until(async () => (await Promise.all(processes.map(seesLag))).every(Boolean), 'both see that it lags')
    expect(await rows(`SELECT id FROM @customers WHERE user_id = ${userId}`)).toEqual([])
    await ask('front', 'POST', '/v1/event-consumers/customer.profile/resume', { reason: 'moved' })

    await profileOf(system.api.as(admin), userId)
    expect((await audits()).slice(before)).toEqual([
      { action: 'event_consumer.paused', actor_kind: 'user', reason: 'a move' },
      { action: 'event_consumer.resumed', actor_kind: 'user', reason: 'moved' },
    ])
  })

  it('EV-31: whoever is refused where the consumer is hosted is refused everywhere, and nothing is changed', async () => {
    const before = await audits()
    for (const process of processes) {
      for (const path of ['/v1/events', '/v1/dead-letters', '/v1/event-consumers'])
        expect([path, (await ask(process, 'GET', path, undefined, customer)).status]).toEqual([path, 403])
      for (const path of [
        '/v1/dead-letters/retry',
        '/v1/event-consumers/customer.profile/pause',
        '/v1/event-consumers/customer.profile/retire',
      ]) {
        expect([path, (await ask(process, 'POST', path, { reason: 'x' }, customer)).status]).toEqual([path, 403])
        expect([path, (await ask(process, 'POST', path, {})).body?.code]).toEqual([path, 'REASON_REQUIRED'])
      }
      for (const consumer of ['customer.nobody', 'nobody.here'])
        expect((await ask(process, 'POST', `/v1/event-consumers/${consumer}/pause`, { reason: 'x' })).body?.code).toBe('CONSUMER_NOT_FOUND')
      expect((await ask(process, 'POST', '/v1/event-consumers/customer.profile/resume', { reason: 'x' })).status).toBe(200)
      expect((await ask(process, 'GET', '/v1/event-jobs/01890a5d-ac96-774b-bcce-b302099a8057')).body?.code).toBe('EVENT_JOB_NOT_FOUND')
    }
    expect(await audits()).toEqual(before)
  })

  it('EV-10: a replay asked for where its consumer is not is done once, and is the same job for whoever repeats the request', async () => {
    const userId = await signUp('joan@example.com')
    await profileOf(system.api.as(admin), userId)
    await rows(`DELETE FROM @customers WHERE user_id = ${userId}`)
    const wish = { consumer: 'customer.profile', type: 'user.created', subject: `user/${userId}` }
    const replay = (process: 'front' | 'back', body: object, key: string) =>
      ask(process, 'POST', '/v1/events/replay', body, admin, { 'idempotency-key': key })

    const tried = await Promise.all(processes.map((process) => replay(process, { ...wish, dryRun: true }, `try-${process}`)))
    expect(tried.map(({ status, body }) => [status, body?.total])).toEqual([
      [200, 1],
      [200, 1],
    ])
    expect(tried[1]?.body).toEqual(tried[0]?.body)
    const asked = { ...wish, reason: 'its row was lost' }
    const first = await replay('front', asked, 'once')
    const again = [await replay('front', asked, 'once'), await replay('back', asked, 'once')]
    const other = await replay('front', { ...asked, reason: 'another' }, 'once')

    expect([first.status, first.headers['idempotent-replayed']]).toEqual([202, undefined])
    for (const { status, headers, body } of again)
      expect([status, headers.location, headers['idempotent-replayed'], body]).toEqual([202, first.headers.location, 'true', first.body])
    expect(other.body?.code).toBe('IDEMPOTENCY_KEY_REUSED')
    await profileOf(system.api.as(admin), userId)
    await until(async () => (await ask('front', 'GET', first.headers.location ?? '')).body?.handled === 1, 'the job says so')
    expect((await fromBoth(first.headers.location ?? '')).body).toMatchObject({ state: 'succeeded', total: 1 })
    expect(await rows('SELECT kind FROM @jobs')).toHaveLength(1)
    expect((await audits()).filter(({ action }) => action === 'event.replayed')).toHaveLength(1)
  })

  it('EV-09: the command line works with the settings of either process', { timeout: 60_000 }, async () => {
    const settings = system.settingsOf('front')
    const environment = { ...testEnvironment(system.databases, '/nowhere', settings.MODULES?.split(',').filter(isModuleName)), ...settings }

    const { out, err, code } = await runCommand('events', ['consumers'], { cwd: '/', environment })

    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^customer\.profile +active +0 /m)
  })

  it('describes the whole system wherever it is asked, as one process with everything does', async () => {
    const documents = await Promise.all(processes.map((process) => ask(process, 'GET', '/openapi.json')))
    const promised = JSON.parse(readFileSync('contracts/openapi.json', 'utf8').replaceAll('http://127.0.0.1:3000', 'http://bulkhead.test'))
    const permissions = await ask('front', 'GET', '/v1/permissions')

    expect(documents[0]?.headers.etag).toBe(documents[1]?.headers.etag)
    for (const { body } of documents) expect(body).toEqual(promised)
    expect(permissions.text).toContain('GET /v1/carriers/{id}')
  })

  describe('TP-05: what a process does for operators of another', () => {
    const principal = (can: Principal['can']): string =>
      Buffer.from(JSON.stringify({ kind: 'user', userId: 1, roles: [], can })).toString('base64url')
    async function call(path: string, headers: Record<string, string>, body: object): Promise<[number, string]> {
      const reply = await fetch(`${system.process('back').internalUrl}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: {
          'content-type': 'application/json',
          'x-bulkhead-deadline-ms': '2000',
          'x-bulkhead-principal': principal({ 'ops:write': 'any' }),
          'x-bulkhead-contract': 'customer@1:0',
          'x-bulkhead-caller': 'platform',
          ...headers,
        },
      })
      const { refused, error, answer } = JSON.parse((await reply.text()) || '{}')
      return [reply.status, refused?.code ?? error?.code ?? (answer === undefined ? 'nothing' : 'answer')]
    }

    it('is done for a process that proves itself, under the rights of whoever asked there', async () => {
      const tokens = createServiceTokens({
        name: 'front',
        key: await importPKCS8(readFileSync(join(system.keys, 'front.pem'), 'utf8'), 'EdDSA'),
      })
      const bearer = async (audience: string) => ({ authorization: `Bearer ${await tokens.tokenFor(audience)}` })
      const [path, pause] = ['/_ops/customer/changeConsumer', { name: 'customer.profile', action: 'pause', reason: 'x' }]
      const before = await audits()

      const refused = [
        await call(path, {}, pause),
        await call(path, await bearer('carrier'), pause),
        await call(path, { authorization: `Bearer ${admin}` }, pause),
        await call(path, { ...(await bearer('customer')), 'x-bulkhead-caller': 'pricing' }, pause),
        await call(path, { ...(await bearer('customer')), 'x-bulkhead-caller': 'customer' }, pause),
        await call('/_rpc/customer/changeConsumer', await bearer('customer'), pause),
        await call(path, { ...(await bearer('customer')), 'x-bulkhead-principal': principal({ 'event:read': 'any' }) }, pause),
        await call(
          '/_ops/customer/begin',
          { ...(await bearer('customer')), 'x-bulkhead-principal': principal({ 'event:read': 'any' }) },
          { consumer: 'customer.profile', filter: {}, reason: 'x', dryRun: false },
        ),
      ]

      expect(refused).toEqual([
        [401, 'SERVICE_TOKEN_INVALID'],
        [401, 'SERVICE_TOKEN_INVALID'],
        [401, 'SERVICE_TOKEN_INVALID'],
        [403, 'CALLER_NOT_ALLOWED'],
        [403, 'CALLER_NOT_ALLOWED'],
        [404, 'OPERATION_NOT_FOUND'],
        [403, 'FORBIDDEN'],
        [403, 'FORBIDDEN'],
      ])
      expect(await audits()).toEqual(before)
      expect(await call('/_ops/customer/listConsumers', await bearer('customer'), {})).toEqual([200, 'answer'])
      expect((await fetch(`${system.process('back').url}${path}`, { method: 'POST' })).status).toBe(404)
    })
  })

  it('EV-09: a process that is away is named by whatever needs it, and by nothing else', async () => {
    await system.process('back').kill()

    const all = await ask('front', 'GET', '/v1/events')
    const own = await ask('front', 'GET', '/v1/events?source=shared_user')
    const refused = [
      await ask('front', 'GET', '/v1/event-consumers'),
      await ask('front', 'GET', '/v1/dead-letters'),
      await ask('front', 'POST', '/v1/event-consumers/customer.profile/pause', { reason: 'x' }),
      await ask('front', 'POST', '/v1/dead-letters/retry', { reason: 'x', consumer: 'customer.profile' }),
    ]

    expect([all.status, all.body?.code, all.body?.detail]).toEqual([503, 'MODULE_UNAVAILABLE', expect.stringMatching(/customer|carrier/)])
    expect(own.status).toBe(200)
    for (const { status, body } of refused) expect([status, body?.code]).toEqual([503, 'MODULE_UNAVAILABLE'])
    expect(refused.slice(2).map(({ body }) => body?.detail)).toEqual(Array(2).fill(expect.stringContaining('The module customer ')))
    await system.restart('back')
  })

  it('EV-30: a pause is answered from what was changed, also while the log of the consumer is away', async () => {
    expect((await ask('back', 'GET', '/v1/event-consumers')).status).toBe(200)
    await system.process('front').kill()

    const paused = await ask('back', 'POST', '/v1/event-consumers/customer.profile/pause', { reason: 'the other house burns' })

    expect([paused.status, paused.body]).toEqual([
      200,
      expect.objectContaining({ state: 'paused', sources: [expect.objectContaining({ lag: null })] }),
    ])
  })
})
