import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '#support/command.ts'
import { testEnvironment } from '#support/environment.ts'
import { until } from '#support/event-world.ts'
import { json, type Line, openLine } from '#support/surface.ts'
import { type System, startSystem } from '#support/system.ts'
import { profileOf, register } from '../../scripts/seed.ts'

/** An operator mends what a handler could not do, over HTTP and from the command line, in the running system. */

let system: System
let line: Line
let admin: string
let customer: string

const tokenOf = async (email: string, password: string): Promise<string> =>
  (await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })).body.accessToken
const password = 'seven tall lanterns'
const schemaOf = (): string => system.databases.settings.customer_service_db.schema
const rows = async (statement: string): Promise<Record<string, unknown>[]> => {
  const found = await system.databases.asRoot(statement)
  return Array.isArray(found) ? found : []
}
const parked = () => rows(`SELECT event_id, next_at FROM \`${schemaOf()}\`.inbox_parked ORDER BY pub_seq`)

beforeAll(async () => {
  system = await startSystem()
  line = openLine(system.url)
  admin = await tokenOf(system.admin.email, system.admin.password)
  await register(system.api, {
    email: 'cora@example.com',
    password,
    firstName: 'Cora',
    lastName: 'Customer',
    company: { name: 'Cora', country: 'US' },
  })
  customer = await tokenOf('cora@example.com', password)
})
afterAll(async () => {
  await line?.close()
  await system?.stop()
})

/** A new user whose profile could not be made, as a dead letter. The cause has gone when this returns. */
async function deadProfile(email: string): Promise<{ userId: number; eventId: string }> {
  const table = `\`${schemaOf()}\`.customers`
  await system.databases.asRoot(`RENAME TABLE ${table} TO ${table.replace('customers', 'customers_away')}`)
  try {
    const userId = await register(system.api, {
      email,
      password,
      firstName: 'Dead',
      lastName: 'Letter',
      company: { name: 'Acme', country: 'US' },
    })
    await until(async () => (await parked()).length === 1, 'the event is parked')
    await rows(`UPDATE \`${schemaOf()}\`.inbox_parked SET next_at = NULL, attempts = 12`)
    return { userId, eventId: String((await parked())[0]?.event_id) }
  } finally {
    await system.databases.asRoot(`RENAME TABLE ${table.replace('customers', 'customers_away')} TO ${table}`)
  }
}

const ask = (method: string, path: string, body?: object, token = admin) => line.ask(method, path, { ...(body ? json(body) : {}), token })

describe('over HTTP', () => {
  it('EV-09: a dead letter is found, shown without what is personal, and retried with success', async () => {
    const { userId, eventId } = await deadProfile('ada@example.com')

    const groups = await ask('GET', '/v1/dead-letters?group=true')
    expect(groups.body?.data).toEqual([expect.objectContaining({ consumer: 'customer.profile', type: 'user.created', count: 1 })])
    const found = await ask('GET', '/v1/events?text=acme&type=user.created')
    expect(found.body?.data).toEqual([expect.objectContaining({ id: eventId, type: 'user.created', subject: `user/${userId}` })])
    expect((await ask('GET', '/v1/events?text=ada@example.com')).body?.data).toEqual([])
    const shown = await ask('GET', `/v1/events/${eventId}`)
    expect(shown.status).toBe(200)
    expect(shown.text).not.toContain('ada@')
    expect(shown.body).toMatchObject({
      data: { userId, email: '(personal)' },
      consumers: [{ consumer: 'customer.profile', state: 'dead', attempts: 12, errorCode: 'ER_NO_SUCH_TABLE', blockedBy: null }],
    })

    expect((await ask('POST', '/v1/dead-letters/retry', { consumer: 'customer.profile', dryRun: true })).body).toEqual({
      dryRun: true,
      matched: 1,
      retried: 0,
      left: 1,
    })
    const retried = await ask('POST', `/v1/events/${eventId}/retry`, { reason: 'the table is back' })
    expect([retried.status, retried.body?.consumers]).toEqual([200, [{ consumer: 'customer.profile', result: 'retried', blockedBy: null }]])
    await profileOf(system.api.as(admin), userId)
    expect(await parked()).toEqual([])

    const again = await ask('POST', `/v1/events/${eventId}/retry`, { reason: 'the table is back' })
    expect([again.status, again.body?.code]).toEqual([409, 'INVALID_TRANSITION'])
    const audits = await rows(`SELECT action, subject, actor_kind, reason FROM \`${schemaOf()}\`.audit_log WHERE action LIKE 'event.%'`)
    expect(audits).toEqual([{ action: 'event.retried', subject: `event/${eventId}`, actor_kind: 'user', reason: 'the table is back' }])
  })

  it('EV-32: nobody without the permission may read or mend, and nobody mends without a reason', async () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057'
    for (const path of ['/v1/events', `/v1/events/${id}`, '/v1/dead-letters', '/v1/event-consumers'])
      expect([path, (await ask('GET', path, undefined, customer)).status]).toEqual([path, 403])
    for (const path of [
      `/v1/events/${id}/retry`,
      `/v1/events/${id}/skip`,
      '/v1/dead-letters/retry',
      '/v1/event-consumers/customer.profile/pause',
      '/v1/event-consumers/customer.profile/resume',
      '/v1/event-consumers/customer.profile/retire',
    ]) {
      expect([path, (await ask('POST', path, { reason: 'x' }, customer)).status]).toEqual([path, 403])
      const { status, body } = await ask('POST', path, {})
      expect([path, status, body?.code]).toEqual([path, 422, 'REASON_REQUIRED'])
    }
    expect((await ask('POST', `/v1/events/${id}/retry`, { reason: 'x' })).body?.code).toBe('EVENT_NOT_FOUND')
    expect((await ask('GET', '/v1/events/7')).status).toBe(404)
  })
})

describe('from the command line', () => {
  const events = (...args: string[]) =>
    runCommand('events', args, {
      cwd: system.config.dataDir,
      environment: testEnvironment(system.databases, system.config.dataDir),
    })

  it('EV-09: what is dead is listed, grouped, shown, skipped and retried, and the running process goes on at once', {
    timeout: 60_000,
  }, async () => {
    const { userId, eventId } = await deadProfile('grace@example.com')

    const listed = await events('list', '--type', 'user.created', '--since', '1h', '--json')
    expect([listed.code, listed.err]).toEqual([0, ''])
    expect(JSON.parse(listed.out).data[0]).toMatchObject({ id: eventId, subject: `user/${userId}` })
    const dead = await events('dead', '--group')
    expect(dead.out).toMatch(/^dead +consumer +type +error +last failed +event\n1 +customer\.profile +user\.created +ER_NO_SUCH_TABLE /)
    const shown = await events('show', eventId)
    expect(shown.out).toContain('customer.profile  dead')
    expect(shown.out).not.toContain('grace@')
    const consumers = await events('consumers')
    expect([consumers.code, consumers.err]).toEqual([0, ''])
    expect(consumers.out).toMatch(/customer\.profile +active +0\+?\S* +1 +1 +1 /)

    const retried = await events('retry', '--all', '--reason', 'the table is back')
    expect([retried.out, retried.err]).toEqual(['1 dead letters are tried again\n', ''])
    await profileOf(system.api.as(admin), userId)

    const lost = await deadProfile('joan@example.com')
    const skipped = await events('skip', lost.eventId, '--reason', 'joan has left', '--json')
    expect(JSON.parse(skipped.out)).toEqual({
      id: lost.eventId,
      consumers: [{ consumer: 'customer.profile', result: 'skipped', blockedBy: null }],
    })
    expect(await parked()).toEqual([])
  })

  it('a consumer is paused and resumed, and what cannot be read is told', { timeout: 60_000 }, async () => {
    expect((await events('pause', 'customer.profile', '--reason', 'a move')).out).toBe('customer.profile is paused\n')
    expect((await ask('GET', '/v1/event-consumers')).text).toContain('"state":"paused"')
    expect((await events('resume', 'customer.profile', '--reason', 'moved')).out).toBe('customer.profile is active\n')
    const unit = await events('list', '--since', 'yesterday')
    expect([unit.code, unit.err]).toEqual([1, expect.stringContaining('15m')])
  })
})
