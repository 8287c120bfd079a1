import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, createApi, login, type Page, until } from '../../scripts/api.ts'
import type { QuoteView } from '../../scripts/quote-text.ts'
import { activateCustomer, type DemoLogin, demoShipment, profileOf, register } from '../../scripts/seed.ts'
import { rowsOf } from '../start/installation-database.ts'
import { createInstallation, type Installation, quietPorts, type StartProcess, settingsUnderLoad } from '../start/start-process.ts'
import { commandsOfPage, openTerminal, type Terminal } from './extraction-page.ts'
import { type SteadyLoad, startLoad } from './steady-load.ts'

const password = 'marble.lantern.quietly'

/** Half a minute of processor time: beside the short form, which is in extraction-rehearsal.test.ts. */
describe.runIf(process.env.TOPOLOGIES === 'full')('TP-09: docs/extraction.md, carried out under load', { timeout: 600_000 }, () => {
  const { start, steps } = commandsOfPage()
  let installation: Installation
  let run: StartProcess
  let terminal: Terminal
  let load: SteadyLoad
  let isLoaded = false
  let internal: number
  let asCustomer: Api
  let asAdmin: Api
  let customerId: number
  /** Quotes beside those of the load. */
  let quotes = 0
  let quotesBefore: number

  beforeAll(async () => {
    installation = await createInstallation()
    const base = await quietPorts()
    internal = base + 16
    run = await installation.start(settingsUnderLoad(base), start.split(' -- ')[1]?.split(' ') ?? [])
    await run.ready()
    const { VITEST: _, NODE_ENV: __, ...inherited } = process.env
    const path = `${dirname(process.execPath)}:${process.env.PATH}`
    terminal = openTerminal({
      ...inherited,
      PATH: path,
      BULKHEAD_DATA_DIR: installation.dataDir,
      PRICING_PORT: `${base + 6}`,
      PRICING_INTERNAL_PORT: `${internal}`,
    })
    const api = createApi(run.url)
    const person = loginOf('customer')
    const { body } = await api.call<{ accessToken: string }>('POST', '/v1/auth/login', {
      body: { email: person.email, password: person.password },
    })
    asCustomer = api.as(body.accessToken)
    asAdmin = await login(api, loginOf('admin').email, loginOf('admin').password)
    const mine = await asCustomer.call<Page<{ id: number }>>('GET', '/v1/customers?limit=1')
    customerId = mine.body.data[0]?.id ?? 0
    quotesBefore = await countQuotes()
    isLoaded = true
    load = startLoad({
      url: run.url,
      token: body.accessToken,
      reads: ['/v1/auth/me', '/v1/customers?limit=10', '/v1/quotes?limit=5', '/v1/carriers?limit=5'],
      write: { path: '/v1/quotes', body: { customerId, ...demoShipment() } },
      clients: 4,
      perSecond: 20,
    })
  }, 90_000)
  afterAll(async () => {
    if (isLoaded) await load.stop()
    await terminal?.close()
    await installation?.remove()
  }, 60_000)

  function loginOf(role: string): DemoLogin {
    const logins: DemoLogin[] = JSON.parse(readFileSync(join(installation.dataDir, 'demo.json'), 'utf8'))
    const found = logins.find((one) => one.role === role)
    if (!found) throw new TypeError(`no log-in of ${role}`)
    return found
  }
  const rows = (...[prefix, sql]: [Parameters<typeof rowsOf>[1], string]) => rowsOf(installation.dataDir, prefix, sql)
  const countQuotes = async (): Promise<number> => Number((await rows('PRICING_DB', 'SELECT COUNT(*) AS n FROM quotes'))[0]?.n)

  /** What the same shipment costs now. */
  async function priced(): Promise<unknown> {
    quotes += 1
    const { body } = await asCustomer.call<QuoteView>('POST', '/v1/quotes', { body: { customerId, ...demoShipment() } })
    return body.rates.map(({ serviceCode, total }) => [serviceCode, total])
  }

  const people: number[] = []
  /** A user whose profile comes by event. */
  async function newcomer(): Promise<{ email: string; customer: number }> {
    const email = `person-${people.length}@example.com`
    const userId = await register(createApi(run.url), {
      email,
      password,
      firstName: 'Per',
      lastName: 'Son',
      company: { name: 'Sons', country: 'US' },
    })
    people.push(userId)
    return { email, customer: (await profileOf(asAdmin, userId)).id }
  }

  const hostedBy = async (port: number): Promise<string> => {
    const topology = (await (await fetch(`http://127.0.0.1:${port}/topology`)).json()) as { modules: string[] }
    return topology.modules.join(' ')
  }

  it('every step out and back keeps the prices, loses no request and no event, and does nothing twice', async () => {
    const price = await priced()
    const seen: unknown[] = []

    for (const [index, step] of steps.entries()) {
      await terminal.run(step)
      seen.push(await priced())
      await newcomer()
      if (step.includes('npm run --silent demo')) quotes += 1
      if (index === 6) await whileOut()
    }
    isLoaded = false
    const report = await load.stop()

    expect(seen).toEqual(steps.map(() => price))
    const failed = [...report.failedReads, ...report.failedWrites]
    // Nothing was done where the time was over; how many there are says how busy the machine was.
    const late = failed.filter((failure) => /"code":"(DEADLINE_EXCEEDED|OVERLOADED)"/.test(failure))
    expect(failed.filter((failure) => !late.includes(failure))).toEqual([])
    expect(late.length).toBeLessThanOrEqual((report.reads + report.written.size) / 50)
    expect(report.written.size).toBeGreaterThan(200)
    expect(new Set([...report.written.values()].flat()).size).toBe(report.written.size)
    expect((await countQuotes()) - quotesBefore).toBe(report.written.size + quotes)
    expect(await profiles()).toEqual(people.map((userId) => ({ user_id: userId, n: 1 })))
    await expect.poll(leftBehind, { timeout: 10_000 }).toEqual([])
    expect(run.output()).toContain('pricing has ended.')
    console.info(
      `${late.length} late, ${report.reads} reads, ${report.written.size} writes, ${people.length} people, ${steps.length} steps`,
    )
  })

  /** Customer and pricing are in different processes: the quotes of who is closed are cancelled all the same. */
  async function whileOut(): Promise<void> {
    expect(await hostedBy(internal)).toBe('pricing')
    expect(
      await hostedBy(Number(/INTERNAL_PORT=(\d+)/.exec(readFileSync(join(installation.dataDir, 'processes/api-2.env'), 'utf8'))?.[1])),
    ).toBe('auth user customer carrier')
    const pid = readFileSync(join(installation.dataDir, 'processes/pricing.pid'), 'utf8').trim()
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/(SHARED|CUSTOMER|CARRIER)_DB_|AUTH_SECRET|BOOTSTRAP/)
    const { email, customer } = await newcomer()
    await activateCustomer(asAdmin, customer)
    const asPerson = await login(createApi(run.url), email, password)
    const quote = await asPerson.call<{ id: number }>('POST', '/v1/quotes', { body: { customerId: customer, ...demoShipment() } })
    quotes += 1
    await asAdmin.call('POST', `/v1/customers/${customer}/close`, { body: { reason: 'moved away' } })
    await until('the cancelled quote', async () => {
      const { body } = await asAdmin.call<{ status: string }>('GET', `/v1/quotes/${quote.body.id}`)
      return body.status === 'cancelled' ? true : undefined
    })
  }

  const profiles = () =>
    rows(
      'CUSTOMER_DB',
      `SELECT user_id, COUNT(*) AS n FROM customers WHERE user_id IN (${people.join(',')}) GROUP BY user_id ORDER BY user_id`,
    )

  /** Events that are parked or dead, and cursors that are not where their source's log ends. */
  async function leftBehind(): Promise<unknown[]> {
    const prefixes = { shared_user: 'SHARED_DB', customer: 'CUSTOMER_DB', carrier: 'CARRIER_DB', pricing: 'PRICING_DB' } as const
    const heads = new Map<string, number>()
    for (const [source, prefix] of Object.entries(prefixes))
      for (const { part, next_seq } of await rows(prefix, 'SELECT part, next_seq FROM outbox_sequence'))
        heads.set(`${source} ${part}`, Number(next_seq) - 1)
    const left: unknown[] = []
    for (const prefix of Object.values(prefixes)) {
      left.push(...(await rows(prefix, 'SELECT consumer, event_id FROM inbox_parked')))
      for (const cursor of await rows(prefix, 'SELECT consumer, source, part, last_seq FROM inbox_cursor'))
        if (heads.get(`${cursor.source} ${cursor.part}`) !== Number(cursor.last_seq)) left.push(cursor)
    }
    return left
  }
})
