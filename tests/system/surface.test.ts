import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiDocument, type Operation, readApiDocument } from '#support/api-document.ts'
import { type Answer, type Asked, addressOf, askRaw, json, type Line, openLine, wrongWith } from '#support/surface.ts'
import { type System, startSystem } from '#support/system.ts'

/**
 * The surface, attacked from outside. Every attack goes over every operation of the API document, so that a route made
 * tomorrow is attacked by what is written here today.
 */

let system: System
let document: ApiDocument
let line: Line
let token: string

beforeAll(async () => {
  system = await startSystem()
  document = await readApiDocument(system.url)
  line = openLine(system.url)
  const { body } = await system.api.call<{ accessToken: string }>('POST', '/v1/auth/login', {
    body: { email: system.admin.email, password: system.admin.password },
  })
  token = body.accessToken
})
afterAll(async () => {
  await line?.close()
  await system?.stop()
})

/** One attack: what is sent, and what must come back. */
interface Attack extends Asked {
  /** Where it differs from the operation's own address. */
  path?: string
  method?: string
}
interface Expected {
  status: number
  code?: string
  also?: (answer: Answer) => string | undefined
}

/** Sends the attacks of each operation and lists every answer that is not the expected one. */
async function attack(
  operations: readonly Operation[],
  attacksOf: (operation: Operation) => readonly Attack[],
  expected: Expected | ((operation: Operation) => Expected),
): Promise<{ sent: number; wrong: string[] }> {
  let sent = 0
  const wrong: string[] = []
  for (const operation of operations) {
    for (const { path = addressOf(operation), method = operation.method, ...asked } of attacksOf(operation)) {
      sent += 1
      const headers = { ...(operation.versioned === 'required' ? { 'if-match': '"v1"' } : {}), ...asked.headers }
      const answer = await line.ask(method, path, { token, ...asked, headers })
      const { status, code, also } = typeof expected === 'function' ? expected(operation) : expected
      const found = wrongWith(document, operation, answer)
      if (answer.status !== status || (code !== undefined && answer.body?.code !== code))
        found.push(`answered ${answer.status} ${answer.body?.code ?? ''}, not ${status} ${code ?? ''}`)
      const more = also?.(answer)
      if (more !== undefined) found.push(more)
      const what = `${method} ${path} ${asked.body === undefined ? '' : String(asked.body).slice(0, 80)}`
      for (const each of found) wrong.push(`${what}: ${each}`)
    }
  }
  return { sent, wrong }
}

const withBody = () => document.operations.filter(({ body }) => body !== undefined)
const writing = () => document.operations.filter(({ method }) => method !== 'GET')
const jsonText = (body: string | Buffer): Attack => ({ body, headers: { 'content-type': 'application/json' } })

describe('a body', () => {
  it.each([
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
    ['a word', 'undefined'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['raw bytes', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
  ])('that is no JSON is refused everywhere: %s', async (_what, body) => {
    const { sent, wrong } = await attack(writing(), () => [jsonText(body)], { status: 400, code: 'MALFORMED_JSON' })

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(40)
  })

  it.each([
    ['a text', '"text"'],
    ['a list', '[]'],
    ['a number', '42'],
    ['true', 'true'],
  ])('of the wrong type is refused everywhere: %s', async (_what, body) => {
    const { wrong } = await attack(writing(), () => [jsonText(body)], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
  })

  it('with a member nobody declared is refused everywhere, at every level', async () => {
    const { sent, wrong } = await attack(
      withBody(),
      ({ body, example }) => (body === undefined ? [] : strangers(body, example).map((value) => ({ ...json(value) }))),
      {
        status: 400,
        code: 'VALIDATION_FAILED',
        also: ({ body }) =>
          JSON.stringify(body?.errors).includes('stranger') ? undefined : `does not name the member: ${JSON.stringify(body?.errors)}`,
      },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(withBody().length)
  })

  it.each(['__proto__', 'constructor', 'prototype'])('with a member named %s is refused everywhere', async (name) => {
    const { wrong } = await attack(
      withBody(),
      ({ example }) => [jsonText(`{${JSON.stringify(name)}:{"isAdmin":true},${JSON.stringify(example ?? {}).slice(1)}`.replace(',}', '}'))],
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
  })

  it('nested too deep is refused everywhere', async () => {
    const deep = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`

    const { wrong } = await attack(withBody(), () => [jsonText(deep)], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
  })

  it('one byte above the limit is refused everywhere, whether its length is said or not', async () => {
    const { wrong } = await attack(withBody(), ({ bodyLimit = 0 }) => [jsonText(JSON.stringify('a'.repeat(bodyLimit - 1)))], {
      status: 413,
      code: 'BODY_TOO_LARGE',
    })

    expect(wrong).toEqual([])
  })

  it('in another media type is refused everywhere', async () => {
    const types = [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      'x',
    ]

    const { wrong } = await attack(writing(), () => types.map((type) => ({ body: '{}', headers: { 'content-type': type } })), {
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    })

    expect(wrong).toEqual([])
  })

  it('sent to an operation that takes none is refused', async () => {
    const bare = writing().filter(({ body }) => body === undefined)

    const { sent, wrong } = await attack(bare, () => [json({ reason: 'x' })], { status: 400, code: 'VALIDATION_FAILED' })

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(0)
  })
})

describe('a query', () => {
  it('with a parameter nobody declared is refused everywhere', async () => {
    const names = ['stranger=1', 'id=1', '__proto__=1', 'constructor=1', 'limit[]=1', '=1']

    const { wrong } = await attack(
      document.operations,
      (operation) => names.map((query) => ({ path: `${addressOf(operation)}?${query}`, ...valid(operation) })),
      {
        status: 400,
        code: 'VALIDATION_FAILED',
      },
    )

    expect(wrong).toEqual([])
  })

  it('with a parameter twice is refused everywhere', async () => {
    const { sent, wrong } = await attack(
      document.operations,
      (operation) =>
        operation.query.map(({ name, schema }) => {
          const value = encodeURIComponent(String(schemaExample(schema)))
          return { path: `${addressOf(operation)}?${encodeURIComponent(name)}=${value}&${encodeURIComponent(name)}=${value}` }
        }),
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(60)
  })

  it('with a value of the wrong type is refused everywhere', async () => {
    const { wrong } = await attack(
      document.operations,
      (operation) =>
        operation.query
          .filter(({ schema }) => schema.type === 'integer' || schema.format !== undefined || schema.enum !== undefined)
          .flatMap(({ name }) =>
            ['', 'NaN', '1e1', '0x10', '+7', '07', '%207', '-1', 'null', '%00', '2147483648000000000000'].map((value) => ({
              path: `${addressOf(operation)}?${encodeURIComponent(name)}=${value}`,
            })),
          ),
      { status: 400, code: 'VALIDATION_FAILED' },
    )

    expect(wrong).toEqual([])
  })

  it('with a cursor of another making is refused by every list', async () => {
    const lists = document.operations.filter(({ path, query }) => !path.includes('{') && query.some(({ name }) => name === 'cursor'))
    const cursors = [
      'x',
      'AAAA',
      Buffer.from('[]').toString('base64url'),
      Buffer.from('["x",null,1]').toString('base64url'),
      Buffer.from('{"__proto__":1}').toString('base64url'),
    ]

    const { sent, wrong } = await attack(
      lists,
      (operation) => cursors.map((cursor) => ({ path: `${addressOf(operation)}?cursor=${cursor}` })),
      { status: 400, code: 'CURSOR_INVALID' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(20)
  })
})

describe('an address', () => {
  it('answers only to its own methods and names them', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY']
    const paths = Map.groupBy(document.operations, ({ path }) => path)
    const wrong: string[] = []
    for (const operations of paths.values()) {
      const [first] = operations
      if (first === undefined) continue
      const own = operations.map(({ method }) => method)
      if (own.includes('GET')) own.push('HEAD')
      for (const method of methods.filter((each) => !own.includes(each))) {
        const answer = await line.ask(method, addressOf(first), { token })
        const allowed = (answer.headers.allow ?? '').split(', ').filter((each) => each !== 'OPTIONS')
        const problems = method === 'HEAD' ? [] : wrongWith(document, undefined, answer)
        if (answer.status !== 405) problems.push(`answered ${answer.status}`)
        if (allowed.sort().join() !== own.sort().join()) problems.push(`Allow: ${answer.headers.allow}`)
        for (const each of problems) wrong.push(`${method} ${first.path}: ${each}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('nobody declared does not exist, whoever asks and with whatever method', async () => {
    const wrong: string[] = []
    const paths = [
      '/',
      '/v1',
      '/v2/customers',
      '/V1/customers',
      '/v1//customers',
      '/v1/customers/',
      '/v1/Customers',
      '/v1/customers/1/nothing',
      '/v1/customers/../users',
      '/v1/customers/%2e%2e/users',
      '/v1/customers/1%2f',
      '/v1/customers;x=1',
      '/.env',
      '/metrics',
      '/internal',
      '/docs/../../package.json',
      '/docs/%2e%2e/server.ts',
      '/constructor',
      '/__proto__',
      '/v1/customers%00',
    ]
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
        const answer = await line.ask(method, path, { token })
        for (const each of wrongWith(document, undefined, answer)) wrong.push(`${method} ${path}: ${each}`)
        if (answer.status !== 404) wrong.push(`${method} ${path}: answered ${answer.status}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('with an id that is none does not exist', async () => {
    const ids = [
      'abc',
      '0',
      '007',
      '1e1',
      '7 ',
      '+7',
      '-7',
      '7.0',
      '0x7',
      '12345678901',
      '2147483648',
      '4294967297',
      '٧',
      '7\u0000',
      "7'--",
      '7,8',
      '..',
      '',
    ]
    const { sent, wrong } = await attack(
      document.operations.filter(({ path }) => path.includes('{id}')),
      (operation) =>
        ids.map((id) => ({ path: operation.path.replace('{id}', encodeURIComponent(id)).replace(/\{\w+\}/g, '1'), ...valid(operation) })),
      { status: 404, code: 'ROUTE_NOT_FOUND' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(500)
  })

  it('that cannot be decoded is refused', async () => {
    const wrong: string[] = []
    for (const path of ['/v1/customers/%zz', '/v1/customers/%', '/v1/customers/%E0%A4%A', '/%c3%28']) {
      const answer = await line.ask('GET', path, { token })
      wrong.push(...wrongWith(document, undefined, answer).map((each) => `${path}: ${each}`))
      if (answer.body?.code !== 'MALFORMED_URL') wrong.push(`${path}: ${answer.status} ${answer.body?.code}`)
    }
    expect(wrong).toEqual([])
  })

  it('that is too long is refused, and so are too many headers', async () => {
    const long = await line.ask('GET', `/v1/customers?q=${'a'.repeat(5_000)}`, { token })
    const wide = await line.ask('GET', '/v1/customers', { token, headers: { 'x-wide': 'a'.repeat(20_000) } })

    expect([long.status, long.body?.code]).toEqual([414, 'URL_TOO_LONG'])
    expect([wide.status, wide.body?.code]).toEqual([431, 'HEADERS_TOO_LARGE'])
  })
})

describe('a precondition', () => {
  it('is needed for every change of a versioned resource', async () => {
    const guarded = document.operations.filter(({ versioned }) => versioned === 'required')
    const wrong: string[] = []
    for (const operation of guarded) {
      const answer = await line.ask(operation.method, addressOf(operation), { token, ...valid(operation) })
      wrong.push(...wrongWith(document, operation, answer))
      if (answer.status !== 428 || answer.body?.code !== 'IF_MATCH_REQUIRED')
        wrong.push(`${operation.method} ${operation.path}: ${answer.status} ${answer.body?.code}`)
    }
    expect(wrong).toEqual([])
    expect(guarded.length).toBeGreaterThan(8)
  })

  it('that is no version is refused', async () => {
    const { wrong } = await attack(
      document.operations.filter(({ versioned }) => versioned !== undefined),
      (operation) =>
        ['*', 'v1', '"1"', 'W/"v1"', '"v0"', '"v01"', '"v1", "v2"', '"v99999999999"', ''].map((tag) => {
          const asked = valid(operation)
          return { ...asked, headers: { ...asked.headers, 'if-match': tag } }
        }),
      { status: 400, code: 'HEADER_INVALID' },
    )

    expect(wrong).toEqual([])
  })

  it('an Idempotency-Key that is none is refused wherever one is taken', async () => {
    const { sent, wrong } = await attack(
      document.operations.filter(({ idempotency }) => idempotency !== 'none'),
      (operation) =>
        ['', 'a'.repeat(256), 'a\tb', 'é'].map((key) => {
          const asked = valid(operation)
          return { ...asked, headers: { ...asked.headers, 'idempotency-key': key } }
        }),
      { status: 400, code: 'IDEMPOTENCY_KEY_INVALID' },
    )

    expect(wrong).toEqual([])
    expect(sent).toBeGreaterThan(60)
  })
})

describe('what is no HTTP', () => {
  it.each([
    ['bytes', Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 37) % 256)), 400],
    ['a TLS greeting', Buffer.from('160301020001000', 'hex'), 400],
    ['two lengths', 'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}', 400],
    ['a length and chunks', 'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a negative length', 'POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n', 400],
    ['a folded header', 'GET /health/live HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
    ['a space before the colon', 'GET /health/live HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x\r\n\r\n', 400],
    ['headers without end', `GET /health/live HTTP/1.1\r\nHost: x\r\n${'A: bbbbbbbbbbbbbbbbbbbbbbbbb\r\n'.repeat(1_000)}\r\n`, 431],
  ])('is refused in words of our own: %s', async (_what, bytes, status) => {
    const answer = await askRaw(system.url, bytes)

    expect(wrongWith(document, undefined, answer)).toEqual([])
    expect(answer).toMatchObject({ status, headers: { connection: 'close' } })
  })

  it('leaves the process well', async () => {
    expect((await line.ask('GET', '/health/ready')).status).toBe(200)
  })
})

it('the document names every route that is served, and no other', () => {
  const served = system.app.http.routes.map(({ method, path }) => `${method} ${path}`)

  expect(document.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort())
})

/** A request of the operation that its schemas take, as far as the document's example goes. */
function valid(operation: Operation): Pick<Asked, 'body' | 'headers'> {
  return operation.body === undefined ? {} : json(operation.example ?? {})
}

/** The example with a member nobody knows: once at the top, once in every object in it that is not free in its names. */
function strangers(schema: Readonly<Record<string, unknown>>, example: unknown): unknown[] {
  const found: unknown[] = []
  const visit = (value: unknown, put: (changed: unknown) => unknown, at: string): void => {
    if (typeof value !== 'object' || value === null || at === '/metadata') return
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) visit(item, (changed) => put(value.with(index, changed)), `${at}/${index}`)
      return
    }
    found.push(put({ ...value, stranger: 1 }))
    for (const [name, member] of Object.entries(value)) visit(member, (changed) => put({ ...value, [name]: changed }), `${at}/${name}`)
  }
  visit(example ?? (schema.type === 'object' ? {} : null), (changed) => changed, '')
  return found
}

function schemaExample(schema: Readonly<Record<string, unknown>>): unknown {
  const [example] = Array.isArray(schema.examples) ? schema.examples : []
  const [first] = Array.isArray(schema.enum) ? schema.enum : []
  return example ?? first ?? schema.default ?? (schema.type === 'integer' ? 1 : 'a')
}
