import { afterEach, describe, expect, it, vi } from 'vitest'
import { bearer, httpNeeds, memoryLog } from '#support/http.ts'
import { createHealth, diskComponent, type Health } from './health.ts'
import { healthRoutes } from './health-routes.ts'
import { createHttp } from './http.ts'
import { createInternal } from './internal.ts'
import { createMetrics } from './metrics.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function world() {
  const log = memoryLog()
  const health = createHealth({ log, modules: ['pricing', 'customer'], everyMs: 20, probeMs: 200 })
  let away = false
  health.add({
    name: 'pricing_service_db',
    modules: ['pricing'],
    probe: async () => (away ? Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7')) : { latencyMs: 1 }),
  })
  const { app } = createHttp(httpNeeds({ log }))
  await app.register(healthRoutes(health))
  const internal = createInternal({ health, log, metrics: createMetrics() })
  const { port } = await internal.listen({ host: '127.0.0.1', port: 0 })
  ends.push(
    () => app.close(),
    () => internal.close(),
    () => health.stop(),
  )
  return {
    health,
    ask: (url: string, authorization?: string) => app.inject({ url, ...(authorization && { headers: { authorization } }) }),
    inside: async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`)
      const text = await answer.text()
      return { status: answer.status, text, json: () => JSON.parse(text) }
    },
    takeAway: async (gone: boolean) => {
      away = gone
      await expect.poll(() => health.report().status).toBe(gone ? 'degraded' : 'ok')
    },
  }
}

async function serving(health: Health): Promise<void> {
  await health.start()
  health.started()
}

describe('the questions for health', () => {
  it('are answered by phase: starting, ready, draining', async () => {
    const { health, ask } = await world()
    const answers = async () => Promise.all(['live', 'startup', 'ready'].map(async (name) => (await ask(`/health/${name}`)).statusCode))

    const starting = await answers()
    await serving(health)
    const ready = await answers()
    health.drain()
    const draining = await answers()

    expect({ starting, ready, draining }).toEqual({ starting: [200, 503, 503], ready: [200, 200, 200], draining: [200, 200, 503] })
  })

  it('say degraded, not unready, when a database is away; the module that needs it is not served', async () => {
    const { health, ask, takeAway } = await world()
    await serving(health)

    await takeAway(true)
    const [ready, pricing, customer] = [
      await ask('/health/ready'),
      await ask('/health/ready?module=pricing'),
      await ask('/health/ready?module=customer'),
    ]
    await takeAway(false)

    expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'degraded' }])
    expect([pricing.statusCode, pricing.json().code]).toEqual([503, 'MODULE_UNAVAILABLE'])
    expect(customer.statusCode).toBe(200)
    expect((await ask('/health/ready?module=pricing')).statusCode).toBe(200)
  })

  it('know no other module', async () => {
    const { health, ask } = await world()
    await serving(health)

    expect((await ask('/health/ready?module=nothing')).statusCode).toBe(404)
  })

  it('show components to operators and to the inside only, without addresses', async () => {
    const { health, ask, inside, takeAway } = await world()
    await serving(health)
    await takeAway(true)

    const [stranger, user, operator, internal] = [
      await ask('/health/ready'),
      await ask('/health/ready', bearer(1)),
      await ask('/health/ready', bearer(1, 'ops:read:any')),
      (await inside('/health/ready')).json(),
    ]

    expect([stranger.json(), user.json()]).toEqual([{ status: 'degraded' }, { status: 'degraded' }])
    expect(operator.json().components).toMatchObject([{ name: 'pricing_service_db', status: 'down', reason: 'does not answer' }])
    expect(internal.components).toEqual(operator.json().components)
    expect(operator.body).not.toContain('10.0.0.7')
  })
})

describe('the internal listener', () => {
  it('serves the metrics of requests, which the surface does not', async () => {
    const { inside, ask } = await world()

    const metrics = await inside('/metrics')

    expect(metrics.text).toContain('process_cpu_user_seconds_total')
    expect((await ask('/metrics')).statusCode).toBe(404)
  })

  it.each(['/nothing', '//', '/_rpc/user/getUser'])('has nothing at %s, and no error in the log for it', async (path) => {
    const { inside } = await world()

    expect((await inside(path)).status).toBe(404)
  })

  it('says why the process is not ready', async () => {
    const { health, inside } = await world()
    const starting = await inside('/health/ready')
    await serving(health)
    const ready = await inside('/health/ready')

    expect([starting.status, starting.json().status]).toEqual([503, 'NOT_READY'])
    expect(ready.status).toBe(200)
  })
})

it('warns of a disk that is nearly full', async () => {
  expect((await diskComponent('/tmp', 0).probe()).degraded).toBeUndefined()
  expect((await diskComponent('/tmp', 1.1).probe()).degraded).toBe('disk_low')
})

it('looks every second while something is away, and half as often while all is well', async () => {
  vi.useFakeTimers()
  ends.push(() => vi.useRealTimers())
  let away = false
  let probes = 0
  const health = createHealth({ log: memoryLog(), modules: [] })
  health.add({
    name: 'redis',
    modules: [],
    async probe() {
      probes += 1
      if (away) throw new Error('away')
      return { latencyMs: 1 }
    },
  })
  ends.push(() => health.stop())
  await health.start()
  const probesIn = async (ms: number): Promise<number> => {
    const before = probes
    await vi.advanceTimersByTimeAsync(ms)
    return probes - before
  }
  await probesIn(2_000)

  const well = await probesIn(20_000)
  away = true
  await probesIn(4_000)
  const ill = await probesIn(20_000)

  expect([well, ill]).toEqual([10, 20])
})
