import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/platform/config.ts'
import { isPortFree } from '../servers/ports.ts'
import type { ApiProcess } from './api.ts'
import { processEnvironment } from './balanced.ts'
import { keepRunning } from './kept-process.ts'
import { planProcesses, requireTopology } from './topologies.ts'

async function freeRow(length: number): Promise<number> {
  for (let from = 15_000; ; from += length) {
    const free = await Promise.all(Array.from({ length }, (_, index) => isPortFree(from + index)))
    if (free.every(Boolean)) return from
  }
}

describe('a topology', () => {
  it('gives every process a name and ports beside those of the settings, around what is taken', async () => {
    const from = await freeRow(10)
    const squatter = createServer().listen(from + 2, '127.0.0.1')
    await new Promise((resolve) => squatter.once('listening', resolve))

    const plan = await planProcesses(requireTopology('replicas3'), { port: from, internalPort: from + 3 })
    squatter.close()

    expect(plan.map(({ name, count, port, internalPort }) => ({ name, count, port, internalPort }))).toEqual([
      { name: 'api-1', count: 3, port: from + 1, internalPort: from + 3 },
      { name: 'api-2', count: 3, port: from + 5, internalPort: from + 4 },
      { name: 'api-3', count: 3, port: from + 7, internalPort: from + 6 },
    ])
  })

  it('makes processes that know the one address, count their connections together and serve on until the balancer has noticed', async () => {
    const [first] = await planProcesses(requireTopology('replicas3'), { port: 3000, internalPort: 7400 })
    const databases = Object.fromEntries(['SHARED', 'CUSTOMER', 'CARRIER', 'PRICING'].map((name) => [`${name}_DB_HOST`, 'db']))
    const given = { ...databases, REDIS_HOST: 'redis', AUTH_SECRET: 'x'.repeat(32), HOST: '0.0.0.0' }

    const config = loadConfig({ ...given, ...(first && processEnvironment(first, given, 'http://api.example')) })

    expect(config).toMatchObject({ host: '127.0.0.1', publicUrl: 'http://api.example', trustProxy: ['127.0.0.1'], replicas: 3 })
    expect(config.drainDelayMs).toBeGreaterThanOrEqual(1_500)
    expect(config.service).toBeUndefined()
  })

  it('is named with those there are when there is none of the name', () => {
    expect(() => requireTopology('toString')).toThrow('There is no topology "toString".')
  })
})

describe('a kept process', () => {
  /** One that ends when it is told to. */
  function fake(pid: number, ready: Promise<void> = Promise.resolve()): ApiProcess & { end(): void } {
    const { promise: ended, resolve } = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>()
    const end = (): void => resolve({ code: 1, signal: null })
    return { pid, ready, ended, end, showLog: () => {}, kill: end, stop: async () => end() }
  }

  it('is started again when it ends, and once more when that one does not become ready', async () => {
    const dead = fake(2, Promise.reject(new Error('no memory')))
    const queue = [fake(1), dead, fake(3)]
    const [one] = queue
    const launched: boolean[] = []
    const said: string[] = []
    const kept = keepRunning({
      name: 'api-1',
      launch: (isFirst) => {
        launched.push(isFirst)
        return queue.shift() ?? fake(0)
      },
      say: (line) => said.push(line),
      changed: () => {},
    })
    await kept.ready

    one?.end()
    await expect.poll(() => said.at(-1)).toBe('api-1 serves again (pid 3).')

    expect(launched).toEqual([true, false, false])
    expect(said).toContain('api-1 did not become ready: Error: no memory')
    expect(kept.pid).toBe(3)
  })

  it('stays ended when it was stopped', async () => {
    let launches = 0
    const kept = keepRunning({
      name: 'api-1',
      launch: () => {
        launches += 1
        return fake(launches)
      },
      say: () => {},
      changed: () => {},
    })
    await kept.ready

    await kept.stop()
    await new Promise((resolve) => setImmediate(resolve))

    expect(launches).toBe(1)
  })
})
