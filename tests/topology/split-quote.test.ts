import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { importPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '#platform/config.ts'
import { isModuleName } from '#platform/module-table.ts'
import { createServiceTokens } from '#platform/service-tokens.ts'
import { type Api, ApiProblem, type Page } from '../../scripts/api.ts'
import type { QuoteView } from '../../scripts/quote-text.ts'
import { demoEmails, demoShipment, seedDemo } from '../../scripts/seed.ts'
import { describeTopology } from '../../scripts/topology/description.ts'
import { testEnvironment } from '../support/environment.ts'
import { type SplitSystem, startSplit } from './split-system.ts'

/** Pricing, auth and user in one process, customer and carrier in another: calls go both ways. */
describe('the system in two processes', () => {
  let system: SplitSystem
  let asCustomer: Api
  let token: string
  let customerId: number

  const quoted = () => asCustomer.call<QuoteView>('POST', '/v1/quotes', { body: { customerId, ...demoShipment() } })
  const timed = async (call: () => Promise<unknown>): Promise<{ status: number; code?: string; detail?: string; ms: number }> => {
    const started = performance.now()
    try {
      await call()
      return { status: 200, ms: performance.now() - started }
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      const { status, code, detail } = error.problem
      return { status, code, detail, ms: performance.now() - started }
    }
  }

  beforeAll(async () => {
    system = await startSplit({ front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'] })
    const { admin } = system.process('front')
    const password = 'marble.lantern.quietly'
    await seedDemo({ baseUrl: system.url, admin, password })
    const { body } = await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', {
      body: { email: demoEmails.customer, password },
    })
    token = body.accessToken
    asCustomer = system.api.as(token)
    const mine = await asCustomer.call<Page<{ id: number }>>('GET', '/v1/customers?limit=1')
    customerId = mine.body.data[0]?.id ?? 0
  })
  afterAll(() => system.stop())

  it('TP-01: a quote asks customer and carrier in the other process and costs what it costs in one', async () => {
    const quote = await quoted()

    expect(quote.status).toBe(201)
    expect(quote.body.rates.map(({ serviceCode, total }) => `${serviceCode} ${total.amount}`)).toEqual(['GND 19.63', 'AIR 29.33'])
    const metrics = await (await fetch(`${system.process('front').internalUrl}/metrics`)).text()
    expect(metrics).toMatch(/bulkhead_contract_calls_total\{caller="pricing",module="customer",operation="getPricingProfile"\} [1-9]/)
    expect(metrics).toMatch(/bulkhead_contract_calls_total\{caller="pricing",module="carrier",operation="listServices"\} [1-9]/)
  })

  it('answers 421 on the addresses of a module that the other process hosts, and has no internal address', async () => {
    const [front, back] = [system.process('front'), system.process('back')]

    const answers = await Promise.all([
      fetch(`${back.url}/v1/quotes`),
      fetch(`${front.url}/v1/customers/1`, { headers: { authorization: `Bearer ${token}` } }),
      fetch(`${front.url}/_rpc/user/getUser`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
    ])

    expect(answers.map(({ status }) => status)).toEqual([421, 421, 404])
    expect(await answers[0]?.json()).toMatchObject({ code: 'MODULE_NOT_HOSTED', detail: expect.stringContaining('pricing') })
  })

  describe('TP-05: the internal listener', () => {
    const tokensOf = async (name: string, as = name) =>
      createServiceTokens({ name: as, key: await importPKCS8(readFileSync(join(system.keys, `${name}.pem`), 'utf8'), 'EdDSA') })
    async function ask(path: string, headers: Record<string, string>, body = '{"id":1}', process = 'front'): Promise<[number, string]> {
      const reply = await fetch(`${system.process(process).internalUrl}/_rpc/${path}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-bulkhead-deadline-ms': '500',
          'x-bulkhead-principal': Buffer.from(JSON.stringify({ kind: 'system', roles: [], can: { '*:*': 'any' } })).toString('base64url'),
          'x-bulkhead-contract': 'user@1:0',
          'x-bulkhead-caller': 'customer',
          ...headers,
        },
      })
      const { refused, answer, error } = JSON.parse((await reply.text()) || '{}')
      return [reply.status, refused?.code ?? error?.code ?? (answer === undefined ? 'nothing' : 'answer')]
    }

    it('serves a process for a module it hosts and that is a neighbour', async () => {
      const authorization = `Bearer ${await (await tokensOf('back')).tokenFor('user')}`

      expect(await ask('user/getUser', { authorization })).toEqual([200, 'answer'])
    })

    it('refuses every other token and caller', async () => {
      const back = await tokensOf('back')
      const bearer = async (audience: string, tokens = back) => ({ authorization: `Bearer ${await tokens.tokenFor(audience)}` })
      const refused: [number, string][] = [
        await ask('user/getUser', {}),
        await ask('user/getUser', await bearer('auth')),
        await ask('user/getUser', { authorization: `Bearer ${token}` }),
        await ask('user/getUser', await bearer('user', await tokensOf('front', 'back'))),
        await ask('user/getUser', { ...(await bearer('user')), 'x-bulkhead-caller': 'pricing' }),
        await ask('user/getUser', { ...(await bearer('user')), 'x-bulkhead-caller': 'auth' }),
        await ask('user/getUser', { ...(await bearer('user')), 'x-bulkhead-caller': 'platform' }),
        await ask('user/getAccess', await bearer('user'), '{"userId":1}'),
        await ask('user/getUser', { ...(await bearer('user')), 'x-bulkhead-contract': 'user@2:0' }),
        await ask('user/getUser', await bearer('user'), '{"id":"1"}'),
        await ask('user/getUser', await bearer('user'), '{'),
        await ask('user/getUser', { ...(await bearer('user')), 'x-bulkhead-principal': 'nobody' }),
      ]

      expect(refused).toEqual([
        [401, 'SERVICE_TOKEN_INVALID'],
        [401, 'SERVICE_TOKEN_INVALID'],
        [401, 'SERVICE_TOKEN_INVALID'],
        [401, 'SERVICE_TOKEN_INVALID'],
        [403, 'CALLER_NOT_ALLOWED'],
        [403, 'CALLER_NOT_ALLOWED'],
        [403, 'CALLER_NOT_ALLOWED'],
        [404, 'OPERATION_NOT_FOUND'],
        [409, 'CONTRACT_MISMATCH'],
        [400, 'VALIDATION_FAILED'],
        [400, 'MALFORMED_JSON'],
        [400, 'VALIDATION_FAILED'],
      ])
    })

    it('is the only one that takes service tokens', async () => {
      const { front, back } = { front: system.process('front'), back: await tokensOf('back') }

      const reply = await fetch(`${front.url}/v1/users`, { headers: { authorization: `Bearer ${await back.tokenFor('user')}` } })

      expect(reply.status).toBe(401)
    })
  })

  it.each(['front', 'back'])('TP-03: what is described of %s without starting it is what it says of itself', async (name) => {
    const settings = system.settingsOf(name)
    const { databases } = system
    const modules = settings.MODULES?.split(',').filter(isModuleName)

    const described = await describeTopology(loadConfig({ ...testEnvironment(databases, '/nowhere', modules), ...settings }))
    const said = await (await fetch(`${system.process(name).internalUrl}/topology`)).json()

    expect(described).toEqual(said)
    expect(described.calls.map(({ caller, module, at }) => `${caller} ${module} ${at === 'here' ? at : 'elsewhere'}`)).toEqual(
      name === 'front'
        ? [
            'auth user here',
            'platform carrier elsewhere',
            'platform customer elsewhere',
            'pricing carrier elsewhere',
            'pricing customer elsewhere',
          ]
        : [
            'carrier user elsewhere',
            'customer user elsewhere',
            'platform auth elsewhere',
            'platform pricing elsewhere',
            'platform user elsewhere',
          ],
    )
  })

  it('TP-17: a process has neither settings nor connections of a database it does not host', async () => {
    const { pid } = system.process('back')
    const { shared_user_db: shared, pricing_service_db: pricing } = system.databases.settings

    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    const sessions = await system.databases.asRoot('SELECT user, host FROM information_schema.processlist')
    const ports = localPortsOf(pid)
    const accounts = (Array.isArray(sessions) ? sessions : [])
      .filter(({ host }) => ports.has(Number(String(host).split(':').at(-1))))
      .map(({ user }) => String(user))

    expect(environment).not.toMatch(/SHARED_DB|PRICING_DB|AUTH_SECRET|BOOTSTRAP/)
    expect(accounts.length).toBeGreaterThan(0)
    expect(accounts).not.toContain(shared.username)
    expect(accounts).not.toContain(pricing.username)
  })

  it('TP-11: a peer that hangs costs its callers a 503 within a second and nobody else anything', async () => {
    const { pid } = system.process('back')
    process.kill(pid, 'SIGSTOP')
    try {
      const affected = await timed(quoted)
      const others = await Promise.all([1, 2, 3, 4, 5].map(() => timed(() => asCustomer.call('GET', '/v1/auth/me'))))

      expect(affected).toMatchObject({ status: 503, code: 'DEADLINE_EXCEEDED' })
      expect(affected.ms).toBeLessThan(1_000)
      expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await expect.poll(async () => (await timed(quoted)).status, { timeout: 5_000 }).toBe(200)
  })

  it('TP-11: a peer that is dead is named at once, and its callers are served again when it is back', async () => {
    await system.process('back').kill()

    const first = await timed(quoted)
    for (let n = 0; n < 20; n += 1) await timed(quoted)
    const spared: { ms: number }[] = []
    for (let n = 0; n < 10; n += 1) spared.push(await timed(quoted))
    const ready = await fetch(`${system.process('front').internalUrl}/health/ready`)

    expect(first).toMatchObject({ status: 503, code: 'DEPENDENCY_UNAVAILABLE', detail: expect.stringMatching(/customer|carrier/) })
    expect(first.ms).toBeLessThan(1_000)
    expect(Math.min(...spared.map(({ ms }) => ms))).toBeLessThan(100)
    expect(ready.status).toBe(200)
    await system.restart('back')
    await expect.poll(async () => (await timed(quoted)).status, { timeout: 5_000 }).toBe(200)
  })

  it('while auth is away, who was known stays known', async () => {
    const back = system.process('back').api.as(token)
    await back.call('GET', '/v1/customers?limit=1')
    await system.process('front').kill()

    const known = await timed(() => back.call('GET', '/v1/customers?limit=1'))
    const stranger = await timed(() => system.process('back').api.as('eyJhbGciOiJub25lIn0.e30.x').call('GET', '/v1/customers'))

    expect(known.status).toBe(200)
    expect(stranger).toMatchObject({ status: 503, code: 'AUTH_UNAVAILABLE' })
    await system.restart('front')
  })
})

/** The ports from which a process holds connections. */
function localPortsOf(pid: number): Set<number> {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const lines = ['tcp', 'tcp6'].flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1))
  const sockets = lines.map((line) => line.trim().split(/\s+/))
  return new Set(
    sockets.filter((fields) => inodes.has(fields[9] ?? '')).map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)),
  )
}
