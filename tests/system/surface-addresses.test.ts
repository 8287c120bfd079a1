import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { laySiege, type Siege, valid } from '#support/siege.ts'
import { addressOf, askRaw, wrongWith } from '#support/surface.ts'

/** The surface, attacked from outside at its addresses, its headers and its wire; see surface.test.ts for what requests hold. */

let siege: Siege
beforeAll(async () => {
  siege = await laySiege()
})
afterAll(() => siege?.end())

describe('an address', () => {
  it('answers only to its own methods and names them', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY']
    const paths = Map.groupBy(siege.document.operations, ({ path }) => path)
    const wrong: string[] = []
    for (const operations of paths.values()) {
      const [first] = operations
      if (first === undefined) continue
      const own = operations.map(({ method }) => method)
      if (own.includes('GET')) own.push('HEAD')
      for (const method of methods.filter((each) => !own.includes(each))) {
        const answer = await siege.line.ask(method, addressOf(first), { token: siege.token })
        const allowed = (answer.headers.allow ?? '').split(', ').filter((each) => each !== 'OPTIONS')
        const problems = method === 'HEAD' ? [] : wrongWith(siege.document, undefined, answer)
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
        const answer = await siege.line.ask(method, path, { token: siege.token })
        for (const each of wrongWith(siege.document, undefined, answer)) wrong.push(`${method} ${path}: ${each}`)
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
    const { sent, wrong } = await siege.attack(
      siege.document.operations.filter(({ path }) => path.includes('{id}')),
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
      const answer = await siege.line.ask('GET', path, { token: siege.token })
      wrong.push(...wrongWith(siege.document, undefined, answer).map((each) => `${path}: ${each}`))
      if (answer.body?.code !== 'MALFORMED_URL') wrong.push(`${path}: ${answer.status} ${answer.body?.code}`)
    }
    expect(wrong).toEqual([])
  })

  it('that is too long is refused, and so are too many headers', async () => {
    const long = await siege.line.ask('GET', `/v1/customers?q=${'a'.repeat(5_000)}`, { token: siege.token })
    const wide = await siege.line.ask('GET', '/v1/customers', { token: siege.token, headers: { 'x-wide': 'a'.repeat(20_000) } })

    expect([long.status, long.body?.code]).toEqual([414, 'URL_TOO_LONG'])
    expect([wide.status, wide.body?.code]).toEqual([431, 'HEADERS_TOO_LARGE'])
  })
})

describe('a precondition', () => {
  it('is needed for every change of a versioned resource', async () => {
    const guarded = siege.document.operations.filter(({ versioned }) => versioned === 'required')
    const wrong: string[] = []
    for (const operation of guarded) {
      const answer = await siege.line.ask(operation.method, addressOf(operation), { token: siege.token, ...valid(operation) })
      wrong.push(...wrongWith(siege.document, operation, answer))
      if (answer.status !== 428 || answer.body?.code !== 'IF_MATCH_REQUIRED')
        wrong.push(`${operation.method} ${operation.path}: ${answer.status} ${answer.body?.code}`)
    }
    expect(wrong).toEqual([])
    expect(guarded.length).toBeGreaterThan(8)
  })

  it('that is no version is refused', async () => {
    const { wrong } = await siege.attack(
      siege.document.operations.filter(({ versioned }) => versioned !== undefined),
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
    const { sent, wrong } = await siege.attack(
      siege.document.operations.filter(({ idempotency }) => idempotency !== 'none'),
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
    const answer = await askRaw(siege.system.url, bytes)

    expect(wrongWith(siege.document, undefined, answer)).toEqual([])
    expect(answer).toMatchObject({ status, headers: { connection: 'close' } })
  })

  it('leaves the process well', async () => {
    expect((await siege.line.ask('GET', '/health/ready')).status).toBe(200)
  })
})
