import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiDocument, type Operation, readApiDocument } from '#support/api-document.ts'
import { type Actor, actors, type Cast, gatherCast, type Thing } from '#support/cast.ts'
import { type Answer, type Asked, addressOf, json, type Line, openLine, wrongWith } from '#support/surface.ts'
import { type System, startSystem } from '#support/system.ts'

/**
 * Who reaches what, asked of the running system: every operation by every kind of caller. The expected answer stands in
 * access-matrix.json and is read by people; UPDATE_MATRIX=1 writes it anew, to be read again.
 */

const matrixFile = join(import.meta.dirname, 'access-matrix.json')

let system: System
let document: ApiDocument
let line: Line
let cast: Cast

beforeAll(async () => {
  system = await startSystem()
  document = await readApiDocument(system.url)
  line = openLine(system.url)
  cast = await gatherCast(system)
})
afterAll(async () => {
  await line?.close()
  await system?.stop()
})

const nobody = 2_147_483_647
const nothingsId = '01890a5d-ac96-774b-bcce-b302099a8057'
const resourceOf = ({ path }: Operation): string => path.split('/')[path.startsWith('/v1/auth/') ? 3 : 2] ?? ''
const hasId = ({ path }: Operation): boolean => path.includes('{id}')

/** What everybody may write, where the document's example names more than that. */
const modest: Readonly<Record<string, object>> = { updateCustomer: { companyName: 'Knock' } }

/** A request that would work, but for the version it names: it tells whether the thing is seen and changes nothing. */
function knock(operation: Operation): Pick<Asked, 'body' | 'headers'> {
  const asked = operation.body === undefined ? {} : json(modest[operation.id] ?? operation.example ?? {})
  return operation.versioned === undefined ? asked : { ...asked, headers: { ...asked.headers, 'if-match': '"v999999999"' } }
}

async function reach(operation: Operation, actor: Actor, { id, owner }: Thing): Promise<Answer> {
  // Ending a session cannot be tried without doing it.
  const target = operation.id === 'endSession' && owner !== undefined ? await cast.anotherSession(owner) : id
  return line.ask(operation.method, addressOf(operation, { id: target }), { ...knock(operation), token: cast.players[actor].token })
}

/**
 * `401`; `403`; `hidden`: answers as if it did not exist; `none`, `own`, `any`: may ask, and reaches nothing, what is theirs,
 * what is anybody's; `yes`: may ask, where nothing belongs to anybody.
 */
async function cellOf(operation: Operation, actor: Actor): Promise<string> {
  const { token } = cast.players[actor]
  // Rights are looked at before input: a parameter nobody knows shows that they were enough.
  const asked = await line.ask(operation.method, `${addressOf(operation)}?probe=1`, { ...knock(operation), token })
  if (asked.status === 404) return 'hidden'
  if (asked.status !== 400) return String(asked.status)
  const things = cast.things[resourceOf(operation)] ?? []
  const isTheirs = ({ owner }: Thing) => owner === actor
  if (hasId(operation)) {
    for (const thing of things.filter((each) => !isTheirs(each))) if ((await reach(operation, actor, thing)).status !== 404) return 'any'
    for (const thing of things.filter(isTheirs)) if ((await reach(operation, actor, thing)).status !== 404) return 'own'
    return 'none'
  }
  if (operation.method !== 'GET' || things.length === 0) return 'yes'
  const { body } = await line.ask('GET', `${addressOf(operation)}?limit=200`, { token })
  const seen = new Set(idsIn(body))
  if (things.some((thing) => !isTheirs(thing) && seen.has(thing.id))) return 'any'
  return things.some((thing) => seen.has(thing.id)) ? 'own' : 'none'
}

function idsIn(body: Answer['body']): Thing['id'][] {
  const rows: unknown = body?.data
  return Array.isArray(rows) ? rows.map(({ id }) => id) : []
}

describe('the matrix', () => {
  it('of who reaches what is the committed one, for every operation and every caller', { timeout: 60_000 }, async () => {
    const found: Record<string, string> = { '': columns(actors) }
    for (const operation of document.operations) {
      const cells: string[] = []
      for (const actor of actors) cells.push(await cellOf(operation, actor))
      found[`${operation.method} ${operation.path}`] = columns(cells)
    }

    if (process.env.UPDATE_MATRIX === '1') writeFileSync(matrixFile, `${JSON.stringify(found, null, 2)}\n`)
    expect(found).toEqual(JSON.parse(readFileSync(matrixFile, 'utf8')))
  })
})

const columns = (cells: readonly string[]): string =>
  cells
    .map((cell) => cell.padEnd(13))
    .join(' ')
    .trimEnd()

describe('what belongs to somebody else', () => {
  it('answers like what does not exist, byte for byte', async () => {
    const wrong: string[] = []
    let compared = 0
    for (const operation of document.operations.filter(hasId)) {
      for (const actor of ['customer', 'otherCustomer', 'carrierOwner', 'otherOwner'] as const) {
        const foreign = (cast.things[resourceOf(operation)] ?? []).find(({ owner }) => owner !== actor)
        if (foreign === undefined) continue
        const theirs = await reach(operation, actor, foreign)
        const nothing = await reach(operation, actor, { owner: undefined, id: typeof foreign.id === 'string' ? nothingsId : nobody })
        for (const each of wrongWith(document, operation, theirs)) wrong.push(`${operation.method} ${operation.path} by ${actor}: ${each}`)
        if (theirs.status < 400) continue
        compared += 1
        const [first, second] = [visible(theirs), visible(nothing)]
        if (first !== second) wrong.push(`${operation.method} ${operation.path} by ${actor}:\n  ${first}\n  ${second}`)
      }
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(80)
  })

  it('cannot be referred to: the answer is the one for what does not exist', async () => {
    const [own, foreign] = cast.things.customers ?? []
    const shipment = document.operations.find(({ id }) => id === 'createQuote')?.example
    const { token } = cast.players.customer
    const quoteFor = (customerId: Thing['id'] | undefined) =>
      line.ask('POST', '/v1/quotes', { ...json({ ...Object(shipment), customerId }), token })

    const [mine, theirs, nothing] = [await quoteFor(own?.id), await quoteFor(foreign?.id), await quoteFor(nobody)]

    expect(mine.body?.code).not.toBe('CUSTOMER_NOT_FOUND')
    expect([theirs.status, theirs.body?.code]).toEqual([422, 'CUSTOMER_NOT_FOUND'])
    expect(visible(theirs)).toBe(visible(nothing))
  })

  it('is not found by filtering for it', async () => {
    const wrong: string[] = []
    const questions = [
      ['customer', `/v1/customers?userId=${cast.players.otherCustomer.userId}`],
      ['customer', '/v1/customers?q=Bolt'],
      ['customer', '/v1/quotes?limit=200'],
      ['customer', '/v1/users?q=ops'],
      ['carrierOwner', `/v1/carriers?ownerId=${cast.players.otherOwner.userId}`],
      ['carrierOwner', '/v1/carriers?status=draft&q=other'],
    ] as const
    for (const [actor, path] of questions) {
      const { status, body } = await line.ask('GET', path, { token: cast.players[actor].token })
      const things = cast.things[path.split(/[/?]/)[2] ?? ''] ?? []
      const seen = new Set(idsIn(body))
      if (status !== 200) wrong.push(`${path}: ${status}`)
      for (const thing of things) if (thing.owner !== actor && seen.has(thing.id)) wrong.push(`${path} by ${actor} shows ${thing.owner}'s`)
    }
    expect(wrong).toEqual([])
  })
})

/** All of an answer that two readers could compare, less the names of this one request and the ids they asked for. */
function visible({ status, headers, text }: Answer): string {
  const { 'x-request-id': _id, date: _date, ratelimit: _limit, 'content-length': _length, ...rest } = headers
  const named = text.replace(/"requestId":"[^"]*"/, '"requestId":""').replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '#')
  const neutral = named.replaceAll(/(?<![A-Za-z0-9.])\d+(?![A-Za-z0-9])/g, '#')
  return `${status} ${JSON.stringify(rest)} ${neutral}`
}

describe('what only the service writes', () => {
  const databaseOf: Record<string, 'shared_user_db' | 'customer_service_db' | 'carrier_service_db' | 'pricing_service_db'> = {
    auth: 'shared_user_db',
    user: 'shared_user_db',
    customer: 'customer_service_db',
    carrier: 'carrier_service_db',
    pricing: 'pricing_service_db',
  }

  /** Every column of the module's database, as a column and as a member would be called. */
  async function columnsOf(tag: string): Promise<string[]> {
    const schema = system.databases.settings[databaseOf[tag] ?? 'shared_user_db'].schema
    const rows = await system.databases.asRoot(
      `SELECT DISTINCT column_name AS name FROM information_schema.columns WHERE table_schema = '${schema}'`,
    )
    const names = (Array.isArray(rows) ? rows : []).map(({ name }) => String(name))
    return [...new Set(names.flatMap((name) => [name, name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())]))]
  }

  async function rowsOf(): Promise<unknown> {
    const tables = {
      shared_user_db: ['users', 'roles', 'user_roles'],
      customer_service_db: ['customers'],
      carrier_service_db: ['carriers', 'carrier_services'],
      pricing_service_db: ['tariffs', 'tariff_versions', 'pricing_rules', 'quotes'],
    } as const
    const sums = Object.entries(tables).map(([name, list]) => {
      const database = system.databases.settings[databaseNamed(name)]
      return system.databases.asRoot(`CHECKSUM TABLE ${list.map((table) => `\`${database.schema}\`.${table}`).join(', ')}`)
    })
    return Promise.all(sums)
  }
  const databaseNamed = (name: string) => Object.values(databaseOf).find((each) => each === name) ?? 'shared_user_db'

  it('is refused in every body, each column by its name, and no row changes', async () => {
    const before = await rowsOf()
    const wrong: string[] = []
    let named = 0
    for (const operation of document.operations) {
      if (operation.body === undefined) continue
      const known = Object.keys(Object(document.resolve(operation.body).properties))
      const strangers = (await columnsOf(operation.tag)).filter((name) => !known.includes(name))
      const thing = (cast.things[resourceOf(operation)] ?? [])[0]
      for (let at = 0; at < strangers.length; at += 40) {
        const some = strangers.slice(at, at + 40)
        const body = { ...Object(operation.example), ...Object.fromEntries(some.map((name) => [name, 1])) }
        const answer = await line.ask(operation.method, addressOf(operation, { id: thing?.id ?? nobody }), {
          ...json(body),
          token: cast.players.admin.token,
        })
        for (const each of wrongWith(document, operation, answer)) wrong.push(`${operation.method} ${operation.path}: ${each}`)
        const faults = answer.status === 400 ? JSON.stringify(answer.body?.errors) : ''
        named += some.length
        for (const name of some)
          if (!faults.includes(`"/${name}"`)) wrong.push(`${operation.method} ${operation.path} takes ${name}: ${answer.status}`)
      }
    }
    expect(wrong).toEqual([])
    expect(named).toBeGreaterThan(1_000)
    expect(await rowsOf()).toEqual(before)
  })

  it.each<[Actor, string, object]>([
    ['customer', 'customers', { tier: 'A' }],
    ['customer', 'customers', { status: 'active' }],
    ['customer', 'customers', { paymentTermsDays: 365 }],
    ['customer', 'customers', { userId: 1 }],
    ['customer', 'customers', { companyName: 'Mine', salesRepUserId: 1 }],
    ['carrierOwner', 'carriers', { status: 'active' }],
    ['carrierOwner', 'carriers', { ownerId: 1 }],
    ['carrierOwner', 'carriers', { name: 'Mine', ownerId: 1 }],
  ])('and the %s may not write in their own of %s: %j', async (actor, resource, patch) => {
    const { token } = cast.players[actor]
    const path = `/v1/${resource}/${cast.things[resource]?.find(({ owner }) => owner === actor)?.id}`
    const before = await line.ask('GET', path, { token })

    const answer = await line.ask('PATCH', path, {
      body: JSON.stringify(patch),
      headers: { 'content-type': 'application/merge-patch+json', 'if-match': before.headers.etag ?? '' },
      token,
    })

    expect([answer.status, answer.body?.code]).toEqual([403, 'FIELD_FORBIDDEN'])
    expect((await line.ask('GET', path, { token })).text).toBe(before.text)
  })

  it('a carrier is not made for somebody else by its owner', async () => {
    const body = { code: 'stolen', name: 'Stolen', modes: ['parcel'], ownerId: cast.players.otherOwner.userId }

    const answer = await line.ask('POST', '/v1/carriers', { ...json(body), token: cast.players.carrierOwner.token })

    expect([answer.status, answer.body?.code]).toEqual([403, 'FIELD_FORBIDDEN'])
  })
})
