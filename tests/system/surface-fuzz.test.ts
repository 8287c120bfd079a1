import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiDocument, type Operation, readApiDocument } from '#support/api-document.ts'
import { mutated, valuesOf } from '#support/schema-values.ts'
import { type Answer, addressOf, json, type Line, openLine, wrongWith } from '#support/surface.ts'
import { type System, startSystem } from '#support/system.ts'
import { ApiProblem, login } from '../../scripts/api.ts'
import { demoEmails, demoShipment, seedDemo, tomorrow } from '../../scripts/seed.ts'

/**
 * Inputs made from the API document, sent as the administrator to a system with data: what the document allows is never
 * refused as malformed, what it forbids never succeeds, and nothing makes the service fail. FUZZ_SEED repeats a run,
 * FUZZ_RUNS says how many inputs of each kind an operation gets.
 */

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)
const runs = Number(process.env.FUZZ_RUNS ?? 10)
const password = 'seven tall lanterns'

let system: System
let document: ApiDocument
let line: Line
let adminToken: string
let ids: Record<string, (number | string)[]>

beforeAll(async () => {
  system = await startSystem({
    RATE_LIMIT_LOGIN_FAILURES_PER_MINUTE: '1000000',
    RATE_LIMIT_LOGIN_FAILURES_PER_NETWORK: '1000000',
    RATE_LIMIT_REFRESHES_PER_MINUTE: '1000000',
  })
  await seedDemo({ baseUrl: system.url, admin: system.admin, password })
  document = await readApiDocument(system.url)
  line = openLine(system.url)
  adminToken = await tokenOf(system.admin.email, system.admin.password)
  const admin = system.api.as(adminToken)
  const customer = await login(system.api, demoEmails.customer, password)
  const { body: quote } = await customer.call<{ id: number }>('POST', '/v1/quotes', { body: demoShipment() })
  const idsAt = async (path: string) => (await admin.call<{ data: { id: number }[] }>('GET', path)).body.data.map(({ id }) => id)
  const events = await admin.call<{ data: { id: string }[] }>('GET', '/v1/events')
  const users = await idsAt('/v1/users')
  const me = await admin.call<{ user: { id: number } }>('GET', '/v1/auth/me')
  ids = {
    // The administrator attacks everybody else.
    users: users.filter((id) => id !== me.body.user.id),
    sessions: [999_999],
    customers: await idsAt('/v1/customers'),
    carriers: await idsAt('/v1/carriers'),
    tariffs: await idsAt('/v1/tariffs'),
    'pricing-rules': await idsAt('/v1/pricing-rules'),
    roles: await idsAt('/v1/roles'),
    quotes: [quote.id],
    events: events.body.data.map(({ id }) => id),
  }
})
afterAll(async () => {
  await line?.close()
  await system?.stop()
})

async function tokenOf(email: string, secret: string): Promise<string> {
  const { body } = await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password: secret } })
  return body.accessToken
}

/** Members that the document leaves open because owners may leave them out; staff may not. */
const staffMustName: Readonly<Record<string, string>> = { createCarrier: 'ownerId', createQuote: 'customerId', getRates: 'customerId' }

const endsSessions = new Set(['logOut', 'logOutEverywhere'])

type Kind = 'valid' | 'mutated'

interface Input {
  path: string
  query: string
  body: unknown
  key: string | undefined
}

function inputsOf(operation: Operation, kind: Kind): fc.Arbitrary<Input> {
  const one = (what: string) => fc.constantFrom(...(ids[what] ?? [1]), 2_147_483_647)
  const options = {
    resolve: document.resolve,
    named: {
      userId: one('users'),
      ownerId: one('users'),
      carrierId: one('carriers'),
      customerId: one('customers'),
      shipDate: fc.constantFrom(tomorrow(), '2026-03-29', '9999-12-31'),
      ...(freshCodes.has(operation.id) ? { code: codesOf(operation.id) } : {}),
    },
  }
  const body =
    operation.body === undefined
      ? fc.constant(undefined)
      : fc.oneof(valuesOf(operation.body, options), filled(workingBodies[operation.id] ?? operation.example ?? {}, options.named))
  const query = fc.record(
    Object.fromEntries(
      operation.query.filter(({ name }) => name !== 'cursor').map(({ name, schema }) => [name, valuesOf(schema, options)]),
    ),
    { requiredKeys: operation.query.filter(({ required }) => required).map(({ name }) => name) },
  )
  const sent =
    operation.body === undefined
      ? { body, query: kind === 'valid' ? query : mutated(query) }
      : { body: kind === 'valid' ? body : mutated(body), query }
  const resource = operation.path.split('/')[operation.path.startsWith('/v1/auth') ? 3 : 2] ?? ''
  const code = resource === 'carriers' ? fc.constantFrom('GND', 'AIR', 'NONE') : fc.constantFrom('validation-failed', 'no-such-code')
  const address = fc.record({ id: one(resource), code, number: fc.constantFrom(1, 2) }).map((values) => addressOf(operation, values))
  const keys = { none: fc.constant(undefined), optional: fc.option(fc.uuid(), { nil: undefined }), required: fc.uuid() }
  const key = keys[operation.idempotency]
  return fc
    .record({ ...sent, path: address, key })
    .map(({ path, query: parameters, ...rest }) => ({ ...rest, path, query: queryText(parameters) }))
}

function queryText(parameters: unknown): string {
  if (typeof parameters !== 'object' || parameters === null) return ''
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined)
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value)).slice(0, 2_000).toWellFormed()
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(text(value))}`).join('&')
}

/** What they make is found by its code, so that each time another is needed. */
const freshCodes = new Set(['createCarrier', 'createTariff', 'addCarrierService'])
const codesOf = (id: string) => fc.integer({ min: 0, max: 1e9 }).map((number) => `${id === 'addCarrierService' ? 'C' : 'c'}${number}`)

/** Where the document's example is true only for some system, one that is true for this. */
const workingBodies: Readonly<Record<string, object>> = {
  createQuote: { ...demoShipment(), customerId: 1 },
  getRates: { ...demoShipment(), customerId: 1 },
  createPricingRule: { code: 'FUEL', kind: 'surcharge', action: { percent: '10' }, effectiveFrom: tomorrow() },
  updateCustomer: { companyName: 'Acme', tags: ['a'], metadata: { a: 'b' }, taxIds: [{ country: 'US', type: 'ein', value: '1' }] },
  updateCarrier: { name: 'Fast', contact: { name: 'Desk', email: 'desk@example.com' }, insuranceExpiresOn: tomorrow() },
  updateCarrierService: { name: 'Ground', transit: { minDays: 1, maxDays: 3 }, limits: { maxPieces: 10 } },
  updateTariff: { name: 'Public', quoteValidityDays: 3, metadata: {} },
  updateTariffVersion: { changeNote: 'more', minTotal: '9.00', discountStacking: 'best_of' },
  updatePricingRule: { name: 'Fuel', action: { percent: '11' } },
}

/** The value with the members that must name something real. */
function filled(value: unknown, named: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return fc.constant(value)
  if (Array.isArray(value)) return fc.tuple(...value.map((item) => filled(item, named)))
  const members = Object.entries(value).map(([name, member]) => [name, named[name] ?? filled(member, named)] as const)
  return fc.record(Object.fromEntries(members))
}

async function send(operation: Operation, { path, query, body, key }: Input): Promise<Answer> {
  const token = endsSessions.has(operation.id) ? await tokenOf(demoEmails.customer, password).catch(() => undefined) : adminToken
  const headers: Record<string, string> = {}
  if (key !== undefined) headers['idempotency-key'] = key
  if (operation.versioned === 'required') {
    const current = await line.ask('GET', path, { token })
    headers['if-match'] = current.headers.etag ?? '"v1"'
  }
  const asked = body === undefined ? { headers } : { ...json(body), headers: { ...headers, 'content-type': 'application/json' } }
  return line.ask(operation.method, query === '' ? path : `${path}?${query}`, { ...asked, token })
}

/** Codes of a request that the schemas allow and the words in it do not. */
const beyondSchemas = new Set(['CURSOR_INVALID'])

it('what the document allows is never malformed, what it forbids never succeeds, and nothing breaks', {
  timeout: runs * 9_000,
}, async () => {
  const reports: string[] = []
  const reached = new Map<string, Set<number>>()
  let [sent, succeeded] = [0, 0]
  // What ends things comes when everything else has had them.
  const isLast = ({ id }: Operation) => /^(?:retire|close|deactivate|suspend|logOut|withdraw|delete)/.test(id)
  const operations = document.operations.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)))
  for (const kind of ['valid', 'mutated'] as const) {
    for (const operation of operations) {
      const statuses = reached.get(operation.id) ?? new Set()
      reached.set(operation.id, statuses)
      const property = fc.asyncProperty(inputsOf(operation, kind), async (input) => {
        const answer = await send(operation, input)
        statuses.add(answer.status)
        sent += 1
        if (answer.status < 300) succeeded += 1
        const wrong = wrongWith(document, operation, answer)
        const fits = operation.body === undefined || operation.takes(JSON.parse(JSON.stringify(input.body ?? null)))
        const needed = staffMustName[operation.id]
        const isNamed = needed === undefined || Reflect.has(Object(input.body), needed)
        if (kind === 'valid' && fits && isNamed && answer.status === 400 && !beyondSchemas.has(String(answer.body?.code)))
          wrong.push(`refused: ${answer.text}`)
        if (!fits && answer.status < 300)
          wrong.push(`accepted what the document forbids: ${JSON.stringify(operation.takes.errors?.slice(0, 2))}`)
        if (wrong.length > 0) throw new Error(wrong.join('\n'))
      })
      const details = await fc.check(property, { seed, numRuns: runs })
      if (details.failed) {
        const why = details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance)
        reports.push(`${operation.method} ${operation.path} of ${JSON.stringify(details.counterexample)}:\n  ${why}`)
      }
    }
  }

  expect(reports.join('\n\n'), `FUZZ_SEED=${seed}`).toBe('')
  // Inputs that are all refused at the door would prove nothing about what lies behind it.
  expect(succeeded / sent).toBeGreaterThan(0.2)
  const unreached = document.operations
    .filter(({ id, gives }) => ![...gives.keys()].some((status) => reached.get(id)?.has(status)))
    .map(({ id }) => id)
  console.info(`fuzz: FUZZ_SEED=${seed}, ${sent} inputs, ${succeeded} successes, none of ${unreached.join(', ') || 'none'}`)
})

it('the administrator is still the administrator, and the main job still works', async () => {
  const me = await line.ask('GET', '/v1/auth/me', { token: adminToken })
  expect(me.body).toMatchObject({ permissions: ['*:*:any'] })

  expect((await line.ask('GET', '/health/ready')).status).toBe(200)
  await expect(system.api.call('GET', '/v1/customers')).rejects.toBeInstanceOf(ApiProblem)
})
