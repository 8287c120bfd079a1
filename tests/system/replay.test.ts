import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCommand } from '#support/command.ts'
import { testEnvironment } from '#support/environment.ts'
import { type System, startSystem } from '#support/system.ts'
import { type Api, login, until } from '../../scripts/api.ts'
import { profileOf, register } from '../../scripts/seed.ts'

let system: System
let admin: Api
beforeAll(async () => {
  system = await startSystem()
  admin = await login(system.api, system.admin.email, system.admin.password)
})
afterAll(() => system?.stop())

interface Replayed {
  id: string
  total: number
  state: string
  handled: number
  dead: number
}

it('EV-10: what customers and carriers heard of a user is handled again over HTTP, and changes nothing that is newer', async () => {
  const userId = await register(system.api, {
    email: 'cora@example.com',
    password: 'seven tall lanterns',
    firstName: 'Cora',
    lastName: 'Cargo',
    company: { name: 'Acme Tools', country: 'US' },
  })
  const { id } = await profileOf(admin, userId)
  for (const action of ['suspend', 'reactivate']) await admin.call('POST', `/v1/users/${userId}/${action}`, { body: { reason: 'a test' } })
  const customer = () => admin.call<{ version: number; portalUserActive: boolean }>('GET', `/v1/customers/${id}`)
  const before = await until('the reactivation', async () => {
    const read = await customer()
    return read.body.version >= 3 && read.body.portalUserActive ? read : undefined
  })

  for (const [consumer, heard] of [
    ['customer.profile', 3],
    ['carrier.owner', 2],
  ] as const) {
    const wish = { consumer, subject: `user/${userId}` }
    const tried = await until('all is heard', async () => {
      const options = { idempotencyKey: `try-${consumer}`, body: { ...wish, dryRun: true } }
      const answer = await admin.call<Replayed>('POST', '/v1/events/replay', options)
      return answer.body.total === heard ? answer : undefined
    })
    expect(tried.status).toBe(200)

    const asked = await admin.call<Replayed>('POST', '/v1/events/replay', {
      idempotencyKey: `do-${consumer}`,
      body: { ...wish, reason: 'to see that it changes nothing' },
    })
    expect(asked.status).toBe(202)
    const ended = await until('the replay', async () => {
      const { body } = await admin.call<Replayed>('GET', `/v1/event-jobs/${asked.body.id}`)
      return body.handled === heard ? body : undefined
    })
    expect(ended).toMatchObject({ state: 'succeeded', total: heard, dead: 0 })
  }
  expect(await customer()).toEqual(before)
})

const events = (...args: string[]) =>
  runCommand('events', args, {
    cwd: system.config.dataDir,
    environment: testEnvironment(system.databases, system.config.dataDir),
  })

it('EV-09: a replay asked for on the command line is tried, done by a running process, and looked after', { timeout: 60_000 }, async () => {
  const userId = await register(system.api, {
    email: 'grace@example.com',
    password: 'seven tall lanterns',
    firstName: 'Grace',
    lastName: 'Gone',
    company: { name: 'Gone', country: 'US' },
  })
  await profileOf(admin, userId)
  // What a replay is for: the row was lost by hand.
  const schema = system.databases.settings.customer_service_db.schema
  await system.databases.asRoot(`DELETE FROM \`${schema}\`.customers WHERE user_id = ${userId}`)
  const which = ['--consumer', 'customer.profile', '--type', 'user.created', '--subject', `user/${userId}`]

  const [tried, refused] = await Promise.all([events('replay', ...which, '--dry-run'), events('replay', ...which)])
  expect([tried.code, tried.err]).toEqual([0, ''])
  expect(tried.out).toMatch(/^customer\.profile would handle 1 again \(1 user\.created\); nothing was changed\n/)
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('needs a reason') })
  const asked = await events('--json', 'replay', ...which, '--reason', 'its row was lost')
  expect([asked.code, asked.err]).toEqual([0, ''])

  await profileOf(admin, userId)
  const job = await events('job', JSON.parse(asked.out).id)
  expect(job.out).toMatch(/state +succeeded\nhandled +1 of 1\n/)
})
