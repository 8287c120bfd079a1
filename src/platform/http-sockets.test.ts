import { connect, type Socket } from 'node:net'
import Type from 'typebox'
import { Agent, request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { httpNeeds, memoryLog } from '#support/http.ts'
import { currentContext } from './context.ts'
import { answers, createHttp, type Http, type HttpNeeds, type ModuleRoutes } from './http.ts'

/** What only real sockets show: broken HTTP, slow clients, time running out, clients that leave, and the way down. */

let http: Http | undefined
const sockets: Socket[] = []
const agents: Agent[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()))
  await http?.app.close()
})

interface Gate {
  entered: Promise<AbortSignal>
  open(): void
}

/** `/v1/slow` waits for the gate; what it sees of its caller is handed out. */
function gated(): Gate & { routes: ModuleRoutes } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  let enter = (_signal: AbortSignal): void => {}
  const entered = new Promise<AbortSignal>((resolve) => {
    enter = resolve
  })
  const schema = (operationId: string) => ({
    operationId,
    summary: 'Test',
    tags: ['test'],
    response: answers({ 200: Type.Object({ ok: Type.Boolean() }) }),
  })
  const routes: ModuleRoutes = async (app) => {
    app.get('/v1/fast', { schema: schema('fast'), config: { access: 'public' } }, async () => ({ ok: true }))
    app.get('/v1/slow', { schema: schema('slow'), config: { access: 'public' } }, async () => {
      const { signal } = currentContext()
      if (signal) enter(signal)
      await opened
      return { ok: true }
    })
    app.post(
      '/v1/body',
      {
        schema: { ...schema('body'), body: Type.Object({}, { additionalProperties: false }) },
        config: { access: 'public' },
        bodyLimit: 1_000,
      },
      async () => ({ ok: true }),
    )
  }
  return { entered, open, routes }
}

async function listen(routes: ModuleRoutes, over: Partial<HttpNeeds> = {}): Promise<{ http: Http; port: number; url: string }> {
  const made = createHttp(httpNeeds(over))
  http = made
  await made.app.register(routes)
  const url = await made.app.listen({ host: '127.0.0.1', port: 0 })
  return { http: made, url, port: Number(new URL(url).port) }
}

async function raw(port: number, bytes: string): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  const answer = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(bytes)
  return { socket, answer }
}

describe('what is no HTTP', () => {
  it.each([
    ['noise', 'noise\r\n\r\n', 400, 'MALFORMED_REQUEST'],
    ['headers that are too large', `GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [
      'two lengths',
      'POST /v1/body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
      'MALFORMED_REQUEST',
    ],
  ])('is answered with a problem and the end of the connection: %s', async (_what, bytes, status, code) => {
    const { port } = await listen(gated().routes)

    const answer = await (await raw(port, bytes)).answer

    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toMatch(/content-type: application\/problem\+json/i)
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({ status, code })
  })
})

describe('a client that is slow', () => {
  it('with its headers is cut off after seconds', async () => {
    const { port } = await listen(gated().routes)
    const started = performance.now()

    const answer = await (await raw(port, 'GET /v1/fast HTTP/1.1\r\nHost: a\r\nX-')).answer

    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(performance.now() - started).toBeLessThan(9_000)
  })

  it('with its body gets 408 and the end of the connection', async () => {
    const { port } = await listen(gated().routes, { limits: { life: { receiveMs: 300, everyMs: 50 } } })

    const answer = await (
      await raw(port, 'POST /v1/body HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{')
    ).answer

    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toMatch(/connection: close/i)
    expect(answer).toContain('REQUEST_TIMEOUT')
  })
})

describe('work that takes too long', () => {
  it('is answered with 503 in time, its context is aborted, and its late result goes nowhere', async () => {
    const gate = gated()
    const { url } = await listen(gate.routes, { limits: { life: { handlerMs: 300, everyMs: 50 } } })

    const answer = await request(`${url}/v1/slow`)
    const problem = await answer.body.json()
    const signal = await gate.entered
    gate.open()

    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
    expect(problem).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(signal.aborted).toBe(true)
    expect((await request(`${url}/v1/fast`)).statusCode).toBe(200)
  })

  it('is aborted when its client leaves, and counted as left', async () => {
    const gate = gated()
    const log = memoryLog()
    const { port } = await listen(gate.routes, { log })
    const { socket } = await raw(port, 'GET /v1/slow HTTP/1.1\r\nHost: a\r\n\r\n')
    const signal = await gate.entered

    socket.destroy()
    await expect.poll(() => signal.aborted).toBe(true)

    await expect.poll(() => log.lines.find(({ message }) => message === 'request')?.fields.status).toBe(499)
    gate.open()
  })
})

describe('going down', () => {
  it('sends keep-alive clients away, finishes what is at work and closes at once', async () => {
    const gate = gated()
    const { http: surface, url } = await listen(gate.routes)
    const agent = new Agent({ connections: 1, keepAliveTimeout: 60_000 })
    agents.push(agent)
    const idle = await request(`${url}/v1/fast`, { dispatcher: agent })
    await idle.body.dump()
    const other = new Agent({ connections: 1 })
    agents.push(other)
    const busy = request(`${url}/v1/slow`, { dispatcher: other })
    await gate.entered
    expect(surface.inFlight()).toEqual([expect.stringMatching(/^GET \/v1\/slow for \d+ ms/)])

    void surface.drain()
    const late = await request(`${url}/v1/fast`, { dispatcher: agent })
    await late.body.dump()
    const started = performance.now()
    const closed = surface.app.close()
    gate.open()
    const finished = await busy
    await finished.body.dump()
    await closed

    expect([late.statusCode, late.headers.connection]).toEqual([200, 'close'])
    expect([finished.statusCode, finished.headers.connection]).toEqual([200, 'close'])
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('more work than there is time', () => {
  it('is refused with 503 while the loop is late, but never the question for health and what is essential', async () => {
    const { app } = createHttp(httpNeeds({ limits: { load: { delayMs: -1, busyDelayMs: -1, utilisation: 0, everyMs: 10 } } }))
    const schema = (operationId: string) => ({ operationId, summary: 'Test', tags: ['test'], response: answers({ 200: Type.Object({}) }) })
    app.get('/health/live', { schema: schema('live'), config: { access: 'public' } }, async () => ({}))
    app.get('/v1/work', { schema: schema('work'), config: { access: 'public' } }, async () => ({}))
    app.get('/v1/way-out', { schema: schema('wayOut'), config: { access: 'public', essential: true } }, async () => ({}))
    await app.ready()

    await expect.poll(async () => (await app.inject('/v1/work')).statusCode).toBe(503)
    expect((await app.inject('/v1/work')).json()).toMatchObject({ code: 'OVERLOADED' })
    expect((await app.inject('/health/live')).statusCode).toBe(200)
    expect((await app.inject('/v1/way-out')).statusCode).toBe(200)
    await app.close()
  })
})

describe('long answers', () => {
  const long: ModuleRoutes = async (app) => {
    const schema = (operationId: string) => ({
      operationId,
      summary: 'Long',
      tags: ['test'],
      response: answers({ 200: Type.Object({ text: Type.String() }) }),
    })
    app.get('/v1/long', { schema: schema('long'), config: { access: 'public' } }, async () => ({ text: 'a'.repeat(5_000) }))
    app.get('/v1/auth/long', { schema: schema('authLong'), config: { access: 'public' } }, async () => ({ text: 'a'.repeat(5_000) }))
  }

  it.each([
    ['br', '/v1/long', 'br'],
    ['gzip', '/v1/long', 'gzip'],
    ['br;q=0, gzip', '/v1/long', 'gzip'],
    ['identity', '/v1/long', undefined],
    ['gzip', '/v1/auth/long', undefined],
  ])('for who accepts %s at %s are sent as %s', async (accepted, url, encoding) => {
    const { url: base } = await listen(long)

    const answer = await request(`${base}${url}`, { headers: { 'accept-encoding': accepted } })

    expect(answer.headers['content-encoding']).toBe(encoding)
    expect(Number(answer.headers['content-length'])).toBeLessThan(encoding ? 200 : 6_000)
    await answer.body.dump()
  })
})
