import type { InjectOptions } from 'fastify'
import Type from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, httpNeeds, memoryLog } from '#support/http.ts'
import { currentContext } from './context.ts'
import { ContractInputInvalid } from './contracts.ts'
import { answers, created, createHttp, type Http, IdParams, idPath, type ModuleRoutes, NoContent } from './http.ts'
import { FieldImmutable, VersionMismatch } from './http-errors.ts'
import { commaList, listQuery } from './lists.ts'
import { Id, Page, Personal, Reason, Text } from './schemas.ts'

const Thing = Type.Object({ id: Id, name: Type.String(), version: Type.Integer() }, { additionalProperties: false })
const NewThing = Type.Object(
  {
    name: Text(1, 20),
    size: Type.Optional(Type.Integer({ minimum: 1 })),
    email: Type.Optional(Personal(Text(3, 50))),
    password: Type.Optional(Type.String({ maxLength: 30 })),
  },
  { additionalProperties: false },
)
const things = { tags: ['thing'] }

const routes: ModuleRoutes = async (app) => {
  app.get(
    idPath('/v1/things/:id'),
    {
      schema: { ...things, operationId: 'getThing', summary: 'Read', params: IdParams, response: answers({ 200: Thing }) },
      config: { access: { permission: 'thing:read' } },
    },
    async (request) => ({ id: request.params.id, name: 'a', version: 7 }),
  )
  app.get(
    '/v1/things',
    {
      schema: {
        ...things,
        operationId: 'listThings',
        summary: 'List',
        querystring: listQuery({ sorts: ['name'], filters: { status: commaList(['a', 'b']), userId: Id } }),
        response: answers({ 200: Page(Thing) }),
      },
      config: { access: { permission: 'thing:read' } },
    },
    async () => ({ data: [], page: { nextCursor: null, hasMore: false } }),
  )
  app.post(
    '/v1/things',
    {
      schema: { ...things, operationId: 'createThing', summary: 'Create', body: NewThing, response: answers({ 201: Thing }) },
      config: { access: { permission: 'thing:create' }, answer: created<{ id: number }>(({ id }) => `/v1/things/${id}`) },
      bodyLimit: 2_000,
    },
    async (request) => ({ id: 1, name: request.body.name, version: 1 }),
  )
  app.patch(
    idPath('/v1/things/:id'),
    {
      schema: {
        ...things,
        operationId: 'updateThing',
        summary: 'Change',
        params: IdParams,
        body: Type.Object({ name: Type.Optional(Text(1, 20)) }, { additionalProperties: false }),
        response: answers({ 200: Thing }),
      },
      config: { access: { permission: 'thing:update' }, versioned: 'required' },
      bodyLimit: 2_000,
    },
    async (request) => {
      if (request.expectedVersion !== 7) throw VersionMismatch({ current: 7 })
      return { id: request.params.id, name: request.body.name ?? 'a', version: 8 }
    },
  )
  app.post(
    idPath('/v1/things/:id/suspend'),
    {
      schema: {
        ...things,
        operationId: 'suspendThing',
        summary: 'Suspend',
        params: IdParams,
        body: Type.Object({ reason: Reason }, { additionalProperties: false }),
        response: answers({ 200: Thing }),
      },
      config: { access: { permission: 'thing:suspend' }, versioned: 'when-sent' },
      bodyLimit: 2_000,
    },
    async (request) => ({ id: request.params.id, name: String(request.expectedVersion), version: 8 }),
  )
  app.delete(
    idPath('/v1/things/:id'),
    {
      schema: { ...things, operationId: 'deleteThing', summary: 'Delete', params: IdParams, response: answers({ 204: NoContent }) },
      config: { access: { permission: 'thing:update' } },
    },
    async () => {},
  )
  app.get(
    '/v1/secret',
    {
      schema: { ...things, operationId: 'readSecret', summary: 'Hidden', response: answers({ 200: Type.Object({}) }) },
      config: { access: { permission: 'secret:read' }, hidden: true },
    },
    async () => ({}),
  )
  app.post(
    '/v1/failures',
    {
      schema: {
        ...things,
        operationId: 'fail',
        summary: 'Fail',
        body: Type.Object({ how: Type.String() }, { additionalProperties: false }),
        response: answers({ 200: Thing }),
      },
      config: { access: 'public' },
      bodyLimit: 2_000,
    },
    async (request) => {
      if (request.body.how === 'declared') throw FieldImmutable({ path: '/name' })
      if (request.body.how === 'contract') throw ContractInputInvalid({ operation: 'user.getUser', faults: '/id must be integer' })
      if (request.body.how === 'payload') return { id: 0, name: 'a', version: 1 }
      throw Object.assign(new Error("Duplicate entry 'a@b.c' for key users.email"), { code: 'ER_DUP_ENTRY', errno: 1062 })
    },
  )
  app.get(
    '/v1/context',
    {
      schema: {
        ...things,
        operationId: 'readContext',
        summary: 'Context',
        response: answers({ 200: Type.Object({ requestId: Type.String(), user: Type.Integer(), traceparent: Type.String() }) }),
      },
      config: { access: 'authenticated', interactive: true },
    },
    async () => {
      await Promise.resolve()
      const { requestId, principal, traceparent = '' } = currentContext()
      return { requestId, user: principal.userId ?? 0, traceparent }
    },
  )
}

const all = bearer(1, 'thing:read:any', 'thing:create:any', 'thing:update:any', 'thing:suspend:any')
const log = memoryLog()
let http: Http

beforeAll(async () => {
  http = createHttp(httpNeeds({ log }))
  await http.app.register(routes)
  await http.app.ready()
})
afterAll(() => http.app.close())

const call = (options: InjectOptions) => http.app.inject({ ...options, headers: { authorization: all, ...options.headers } })
const json = (method: 'POST' | 'PATCH', url: string, payload: unknown, headers: Record<string, string> = {}) =>
  call({
    method,
    url,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  })

describe('answers', () => {
  it('sends a resource with its version as ETag', async () => {
    const answer = await call({ url: '/v1/things/3' })

    expect(answer.statusCode).toBe(200)
    expect(answer.headers.etag).toBe('"v7"')
    expect(answer.json()).toEqual({ id: 3, name: 'a', version: 7 })
  })

  it('answers 304 to who has the version already', async () => {
    const answer = await call({ url: '/v1/things/3', headers: { 'if-none-match': '"v6", W/"v7"' } })

    expect([answer.statusCode, answer.body]).toEqual([304, ''])
  })

  it('answers 201 with the address of what was made', async () => {
    const answer = await json('POST', '/v1/things', { name: 'a' })

    expect([answer.statusCode, answer.headers.location]).toEqual([201, '/v1/things/1'])
  })

  it('answers 204 without a body', async () => {
    const answer = await call({ method: 'DELETE', url: '/v1/things/3' })

    expect([answer.statusCode, answer.body, answer.headers['content-type']]).toEqual([204, '', undefined])
  })

  it('answers HEAD like GET without the body', async () => {
    const answer = await call({ method: 'HEAD', url: '/v1/things/3' })

    expect([answer.statusCode, answer.headers.etag, answer.body]).toEqual([200, '"v7"', ''])
  })

  it('carries the security headers and the request id, and no name of a product', async () => {
    const { headers } = await call({ url: '/v1/things/3', headers: { 'x-request-id': 'abcdefgh-1' } })

    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-request-id': 'abcdefgh-1',
    })
    expect(headers.server).toBeUndefined()
    expect(headers['x-powered-by']).toBeUndefined()
  })

  it('makes a request id when none or a strange one is sent', async () => {
    const { headers } = await call({ url: '/v1/things/3', headers: { 'x-request-id': 'a b' } })

    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('hands request id, caller and trace to the work as its context', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const context = (await call({ url: '/v1/context', headers: { 'x-request-id': 'abcdefgh-2', traceparent } })).json()

    expect(context).toMatchObject({ requestId: 'abcdefgh-2', user: 1 })
    expect(context.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/)
  })
})

describe('payloads', () => {
  const leaky: ModuleRoutes = async (app) => {
    app.get(
      '/v1/leaky',
      {
        schema: { ...things, operationId: 'leak', summary: 'Leak', response: answers({ 200: Thing }) },
        config: { access: 'public' },
      },
      async () => Object.assign({ id: 1, name: 'a', version: 1 }, { password: 'geheim' }),
    )
  }

  it.each([
    ['production', 200],
    ['development', 500],
  ] as const)('hold only what their schema names; outside production the mistake is loud: %s', async (env, status) => {
    const needs = httpNeeds()
    const { app } = createHttp({ ...needs, config: { ...needs.config, env } })
    await app.register(leaky)

    const answer = await app.inject({ url: '/v1/leaky' })

    expect(answer.statusCode).toBe(status)
    expect(answer.body).not.toContain('geheim')
    await app.close()
  })
})

describe('problems', () => {
  const hostile: [string, number, string, () => ReturnType<typeof call>][] = [
    ['bad JSON', 400, 'MALFORMED_JSON', () => json('POST', '/v1/things', '{"name":')],
    [
      'bytes that are no UTF-8',
      400,
      'MALFORMED_JSON',
      () =>
        call({
          method: 'POST',
          url: '/v1/things',
          payload: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
          headers: { 'content-type': 'application/json' },
        }),
    ],
    ['a wrong type', 400, 'VALIDATION_FAILED', () => json('POST', '/v1/things', { name: 1 })],
    ['null instead of an object', 400, 'VALIDATION_FAILED', () => json('POST', '/v1/things', 'null')],
    ['no body', 400, 'VALIDATION_FAILED', () => call({ method: 'POST', url: '/v1/things' })],
    ['a body that is too big', 413, 'BODY_TOO_LARGE', () => json('POST', '/v1/things', { name: 'a'.repeat(3_000) })],
    [
      'a wrong media type',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      () => call({ method: 'POST', url: '/v1/things', payload: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    ],
    ['a wrong method', 405, 'METHOD_NOT_ALLOWED', () => call({ method: 'PUT', url: '/v1/things/3' })],
    ['a wrong method on an action', 405, 'METHOD_NOT_ALLOWED', () => call({ method: 'GET', url: '/v1/things/3/suspend' })],
    ['an unknown path', 404, 'ROUTE_NOT_FOUND', () => call({ url: '/v1/nothing' })],
    [
      'a wrong method on an unknown path with a body',
      404,
      'ROUTE_NOT_FOUND',
      () => call({ method: 'POST', url: '/v1/nothing', payload: 'x', headers: { 'content-type': 'text/strange' } }),
    ],
    ['a trailing slash', 404, 'ROUTE_NOT_FOUND', () => call({ url: '/v1/things/' })],
    ['another case', 404, 'ROUTE_NOT_FOUND', () => call({ url: '/v1/Things' })],
    ['an address that cannot be decoded', 400, 'MALFORMED_URL', () => call({ url: '/v1/%zz' })],
    ['an address that is too long', 414, 'URL_TOO_LONG', () => call({ url: `/v1/things?q=${'a'.repeat(5_000)}` })],
    ['an unknown parameter', 400, 'VALIDATION_FAILED', () => call({ url: '/v1/things/3?verbose=1' })],
    ['a parameter twice', 400, 'VALIDATION_FAILED', () => call({ url: '/v1/things?userId=1&userId=2' })],
    ['a parameter of the wrong type', 400, 'VALIDATION_FAILED', () => call({ url: '/v1/things?userId=a' })],
    ['a broken sort', 400, 'VALIDATION_FAILED', () => call({ url: '/v1/things?sort=password' })],
    ['nobody', 401, 'UNAUTHENTICATED', () => http.app.inject({ url: '/v1/things/3' })],
    ['a bad token', 401, 'TEST_TOKEN_INVALID', () => call({ url: '/v1/things/3', headers: { authorization: 'Bearer x' } })],
    ['a caller without the permission', 403, 'FORBIDDEN', () => call({ url: '/v1/things/3', headers: { authorization: bearer(1) } })],
    ['a caller without the permission of a hidden route', 404, 'ROUTE_NOT_FOUND', () => call({ url: '/v1/secret' })],
    [
      'an API key where people are meant',
      403,
      'API_KEY_NOT_ALLOWED',
      () => call({ url: '/v1/context', headers: { authorization: 'ApiKey 1' } }),
    ],
    ['a declared refusal', 422, 'FIELD_IMMUTABLE', () => json('POST', '/v1/failures', { how: 'declared' })],
    ['an error of the database', 500, 'INTERNAL', () => json('POST', '/v1/failures', { how: 'database' })],
    ['an inner contract that was broken', 500, 'INTERNAL', () => json('POST', '/v1/failures', { how: 'contract' })],
    ['a payload its schema refuses', 500, 'INTERNAL', () => json('POST', '/v1/failures', { how: 'payload' })],
  ]

  it.each(hostile)('answers %s with %i %s, as a problem that tells nothing of the inside', async (_what, status, code, send) => {
    const answer = await send()

    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    const problem = answer.json()
    expect(problem).toMatchObject({ status, code, type: `http://127.0.0.1:3000/problems/${code.toLowerCase().replaceAll('_', '-')}` })
    expect(
      Object.keys(problem).filter(
        (name) => !['type', 'title', 'status', 'code', 'detail', 'instance', 'requestId', 'errors'].includes(name),
      ),
    ).toEqual([])
    expect(answer.body + JSON.stringify(answer.headers)).not.toMatch(/ER_|getUser|node_modules|\.ts:|ECONN|Duplicate|stack|FST_/)
  })

  it('lists every fault of body and query at once, with the place of each', async () => {
    const answer = await json('POST', '/v1/things?strange=1', { name: '', size: 0, other: true })

    expect(answer.json().errors.map(({ in: part, path, code }: { in: string; path: string; code: string }) => [part, path, code])).toEqual([
      ['query', '/strange', 'UNKNOWN_MEMBER'],
      ['body', '/other', 'UNKNOWN_MEMBER'],
      ['body', '/name', 'TOO_SHORT'],
      ['body', '/size', 'OUT_OF_RANGE'],
    ])
  })

  it('repeats what was sent, but nothing personal and no secret', async () => {
    const { body } = await json('POST', '/v1/things', { name: 'a'.repeat(30), email: 'x', password: 'p'.repeat(31) })

    expect(body).toContain('a'.repeat(30))
    expect(
      JSON.parse(body).errors.filter(({ path, value }: { path: string; value?: string }) => path !== '/name' && value !== undefined),
    ).toEqual([])
  })

  it('names the methods an address answers to', async () => {
    const answer = await call({ method: 'PUT', url: '/v1/things/3' })

    expect(answer.headers.allow).toBe('GET, HEAD, PATCH, DELETE, OPTIONS')
  })

  it('answers OPTIONS with the methods and nothing else', async () => {
    const answer = await http.app.inject({ method: 'OPTIONS', url: '/v1/things/3' })

    expect([answer.statusCode, answer.headers.allow]).toEqual([204, 'GET, HEAD, PATCH, DELETE, OPTIONS'])
  })

  it('says with 401 how to log in', async () => {
    expect((await http.app.inject({ url: '/v1/things/3' })).headers['www-authenticate']).toBe('Bearer')
    expect((await call({ url: '/v1/things/3', headers: { authorization: 'Bearer x' } })).headers['www-authenticate']).toContain(
      'invalid_token',
    )
  })

  it('writes the cause of a 500 to the log, under the request id', async () => {
    await json('POST', '/v1/failures', { how: 'database' }, { 'x-request-id': 'failing-1' })

    expect(log.lines.find(({ level, fields }) => level === 'error' && fields.requestId === 'failing-1')).toBeDefined()
  })
})

describe('input', () => {
  it.each(['abc', '0', '007', '1e1', '7%20', '12345678901', '2147483648', '-1', '%00'])('knows no thing with the id %s', async (id) => {
    const answers = await Promise.all([call({ url: `/v1/things/${id}` }), json('POST', `/v1/things/${id}/suspend`, { reason: 'r' })])

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404])
  })

  it.each(['1', '9', '10', '999999999', '1999999999', '2099999999', '2147483647'])('takes the id %s', async (id) => {
    expect((await call({ url: `/v1/things/${id}` })).statusCode).toBe(200)
  })

  it.each([
    '{"__proto__":{"a":1},"name":"a"}',
    '{"constructor":{"prototype":{}},"name":"a"}',
    '{"name":"\\u0000"}',
    '{"name":"\\ud800"}',
    `${'['.repeat(30)}${']'.repeat(30)}`,
  ])('refuses the body %s', async (body) => {
    expect((await json('POST', '/v1/things', body)).statusCode).toBe(400)
  })

  it('refuses names that JavaScript treats specially even where any name is taken', async () => {
    const open: ModuleRoutes = async (app) => {
      app.post(
        '/v1/notes',
        {
          schema: {
            ...things,
            operationId: 'note',
            summary: 'Note',
            body: Type.Record(Type.String(), Type.Unknown()),
            response: answers({ 204: NoContent }),
          },
          config: { access: 'public' },
          bodyLimit: 1_000,
        },
        async () => {},
      )
    }
    const { app } = createHttp(httpNeeds())
    await app.register(open)
    const send = (payload: string) =>
      app.inject({ method: 'POST', url: '/v1/notes', payload, headers: { 'content-type': 'application/json' } })

    const statuses = [
      await send('{"a":{"b":1}}'),
      await send('{"__proto__":{"admin":true}}'),
      await send('{"a":[{"constructor":{}}]}'),
    ].map(({ statusCode }) => statusCode)

    expect(statuses).toEqual([204, 400, 400])
    await app.close()
  })

  it('brings text to one form of Unicode', async () => {
    const answer = await json('POST', '/v1/things', { name: 'e\u0301' })

    expect(answer.json().name).toBe('\u00e9')
  })

  it('refuses a body where none is taken', async () => {
    expect((await json('POST', '/v1/things/3/suspend', { reason: 'r', more: 1 })).statusCode).toBe(400)
    expect(
      (await call({ method: 'DELETE', url: '/v1/things/3', payload: '{"a":1}', headers: { 'content-type': 'application/json' } }))
        .statusCode,
    ).toBe(400)
  })
})

describe('versions', () => {
  const patch = (headers: Record<string, string>) => json('PATCH', '/v1/things/3', { name: 'b' }, headers)

  it.each([
    ['no If-Match', {}, 428],
    ['a star', { 'if-match': '*' }, 400],
    ['a weak tag', { 'if-match': 'W/"v7"' }, 400],
    ['a list', { 'if-match': '"v6", "v7"' }, 400],
    ['an old version', { 'if-match': '"v6"' }, 412],
    ['the version', { 'if-match': '"v7"' }, 200],
  ])('answers a change with %s', async (_what, headers, status) => {
    expect((await patch({ ...headers })).statusCode).toBe(status)
  })

  it('shows the current version beside 412', async () => {
    expect((await patch({ 'if-match': '"v6"' })).headers.etag).toBe('"v7"')
  })

  it('takes a merge patch under its own media type', async () => {
    const answer = await json(
      'PATCH',
      '/v1/things/3',
      { name: 'b' },
      { 'if-match': '"v7"', 'content-type': 'application/merge-patch+json' },
    )

    expect(answer.statusCode).toBe(200)
  })

  it('looks at the version of an action only when it is sent', async () => {
    expect((await json('POST', '/v1/things/3/suspend', { reason: 'r' })).json().name).toBe('undefined')
    expect((await json('POST', '/v1/things/3/suspend', { reason: 'r' }, { 'if-match': '"v4"' })).json().name).toBe('4')
  })
})

describe('the line of a request', () => {
  it('says who did what with which outcome, and nothing of query or body', async () => {
    await json('POST', '/v1/things?token=geheim', { name: 'geheim' }, { 'x-request-id': 'logged-1' })

    const line = log.lines.find(({ message, fields }) => message === 'request' && fields.requestId === 'logged-1')
    expect(line?.fields).toMatchObject({ method: 'POST', route: '/v1/things', path: '/v1/things', status: 400, actor: 'user/1' })
    expect(JSON.stringify(line)).not.toContain('geheim')
  })
})

describe('an address whose database has not been found in order', () => {
  it('is held back however it is written', async () => {
    const unready = (path: string): string | undefined => (path.startsWith('/v1/things') ? 'thing' : undefined)
    const { app } = createHttp(httpNeeds({ unready }))
    await app.register(routes)
    await app.ready()

    const urls = ['/v1/things', '/v1/things/3', '/v1/%74hings', '/%761/things/3?x=1', 'http://api.example/v1/things']
    const answers = await Promise.all(urls.map((url) => app.inject({ url, headers: { authorization: all } })))

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503, 503, 503])
    await app.close()
  })
})
