import { randomBytes } from 'node:crypto'
import Type from 'typebox'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { httpNeeds, memoryLog, principalOf } from '#support/http.ts'
import { answers, createHttp, type ModuleRoutes } from './http.ts'
import { createPermitCounter } from './permit-counter.ts'
import { createRateLimits, networkOf, type PermitCounter, type RateLimits } from './rate-limits.ts'
import { createRedis, type Redis } from './redis.ts'

const limits = (perMinute: number) => ({ perMinute, writesPerMinute: Math.ceil(perMinute / 2), anonymousPerMinute: 10 })

const route: ModuleRoutes = async (app) => {
  const schema = (operationId: string) => ({ operationId, summary: 'Empty', tags: ['test'], response: answers({ 200: Type.Object({}) }) })
  app.get('/v1/empty', { schema: schema('getEmpty'), config: { access: 'public' } }, async () => ({}))
  app.post('/v1/empty', { schema: schema('postEmpty'), config: { access: 'public' } }, async () => ({}))
  app.get('/health/test', { schema: schema('getHealth'), config: { access: 'public' } }, async () => ({}))
  app.get('/v1/own', { schema: schema('getOwn'), config: { access: 'authenticated' } }, async () => ({}))
}

async function surface(rateLimits: RateLimits) {
  const { app } = createHttp(
    httpNeeds({
      rateLimits,
      log: memoryLog(),
      security: {
        authenticate: ({ authorization = '' }) => {
          if (authorization === 'wrong') throw Object.assign(new Error('wrong'), { code: 'UNAUTHENTICATED', status: 401, details: {} })
          return principalOf(Number(authorization))
        },
      },
    }),
  )
  await app.register(route)
  const send = async (count: number, options: { user?: string; method?: 'GET' | 'POST'; url?: string } = {}) => {
    const { user, method = 'GET', url = '/v1/empty' } = options
    const answers = await Promise.all(
      Array.from({ length: count }, () => app.inject({ method, url, ...(user && { headers: { authorization: user } }) })),
    )
    return {
      ok: answers.filter(({ statusCode }) => statusCode === 200).length,
      refused: answers.filter(({ statusCode }) => statusCode === 429),
      answers,
    }
  }
  return { app, send }
}

describe('without a common counter', () => {
  it('each caller has exactly the limit', async () => {
    const { send, app } = await surface(createRateLimits(limits(100), { secret: 's' }))

    const [one, two] = [await send(250, { user: '1' }), await send(50, { user: '2' })]

    expect([one.ok, two.ok]).toEqual([100, 50])
    await app.close()
  })

  it('writes have a limit of their own inside it', async () => {
    const { send, app } = await surface(createRateLimits(limits(100), { secret: 's' }))

    const writes = await send(80, { user: '1', method: 'POST' })

    expect(writes.ok).toBe(50)
    expect(writes.refused[0]?.headers.ratelimit).toMatch(/^"default";r=\d+;t=\d+, "writes";r=0;t=\d+$/)
    await app.close()
  })

  it('strangers share the limit of their address, health is free', async () => {
    const { send, app } = await surface(createRateLimits(limits(100), { secret: 's' }))

    expect((await send(30)).ok).toBe(10)
    expect((await send(30, { url: '/health/test' })).ok).toBe(30)
    await app.close()
  })

  it('who guesses tokens has the limit of strangers', async () => {
    const { send, app } = await surface(createRateLimits(limits(100), { secret: 's' }))

    const { answers } = await send(30, { user: 'wrong', url: '/v1/own' })

    expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(10)
    expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(20)
    await app.close()
  })

  it('every answer says what is left, and a refusal when to go on', async () => {
    const { send, app } = await surface(createRateLimits(limits(100), { secret: 's' }))

    const [first] = (await send(1, { user: '1' })).answers
    const refused = (await send(150, { user: '1' })).refused[0]

    expect(first?.headers['ratelimit-policy']).toBe('"default";q=100;w=60')
    expect(first?.headers.ratelimit).toBe('"default";r=99;t=60')
    expect(refused?.json()).toMatchObject({ code: 'RATE_LIMITED', status: 429 })
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0)
    await app.close()
  })
})

describe('with the counter of all processes', () => {
  let redis: Redis
  let counter: PermitCounter
  beforeAll(async () => {
    const server = inject('servers').redis
    // Patient: all processes share the event loop of this one, and a counter that is too slow is one that is away.
    redis = createRedis({ ...server, keyPrefix: `t${randomBytes(4).toString('hex')}:` }, { log: memoryLog(), commandMs: 10_000 })
    await vi.waitFor(() => expect(redis.available).toBe(true), { timeout: 5_000 })
    counter = createPermitCounter(redis.forModule('http'))
  })
  afterAll(() => redis.close())

  it('eight processes together grant exactly the limit', async () => {
    const processes = await Promise.all(Array.from({ length: 8 }, () => surface(createRateLimits(limits(100), { counter, secret: 's' }))))

    const granted = await Promise.all(processes.map(({ send }) => send(125, { user: '1' })))

    expect(granted.reduce((sum, { ok }) => sum + ok, 0)).toBe(100)
    await Promise.all(processes.map(({ app }) => app.close()))
  })

  it('asks the counter once for many requests while the caller is far from the limit', async () => {
    let asked = 0
    const counted: PermitCounter = {
      take: (...args) => {
        asked += 1
        return counter.take(...args)
      },
    }
    const { send, app } = await surface(createRateLimits(limits(6_000), { counter: counted, secret: 's' }))

    await send(95, { user: '2' })

    expect(asked).toBe(1)
    await app.close()
  })

  it('counts for itself while the counter is away', async () => {
    const away: PermitCounter = { take: () => Promise.reject(new Error('away')) }
    const { send, app } = await surface(createRateLimits(limits(100), { counter: away, secret: 's' }))

    expect((await send(150, { user: '1' })).ok).toBe(100)
    await app.close()
  })

  it('ends when a counter grants nothing although something is left', async () => {
    const mean: PermitCounter = { take: async () => ({ granted: 0, used: 0, resetMs: 60_000 }) }
    const { send, app } = await surface(createRateLimits(limits(100), { counter: mean, secret: 's' }))

    expect((await send(5, { user: '1' })).ok).toBe(0)
    await app.close()
  })
})

describe('networks', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('%s is counted as %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network)
  })
})
