import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/platform/config.ts'
import { moduleNames, unitOf } from '../../src/platform/module-table.ts'
import { isPortFree } from '../servers/ports.ts'
import { processSettings, surroundings } from './process-settings.ts'
import { type ProcessKind, planProcesses, requireTopology } from './topologies.ts'

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

  const databases = Object.fromEntries(
    ['SHARED', 'CUSTOMER', 'CARRIER', 'PRICING'].flatMap((name) => [
      [`${name}_DB_HOST`, `${name.toLowerCase()}.db`],
      [`${name}_DB_PASSWORD`, `password of ${name}`],
      [`${name}_DB_MIGRATOR_PASSWORD`, 'migrator'],
    ]),
  )
  const house = {
    ...databases,
    REDIS_HOST: 'redis',
    AUTH_SECRET: 'x'.repeat(32),
    BOOTSTRAP_ADMIN_EMAIL: 'a@b.example',
    BOOTSTRAP_ADMIN_PASSWORD: 'eleven brass bells',
    PRICING_DB_PASSWORD_FILE: '/run/secrets/pricing',
    DB_NAME: 'of whom',
    HOST: '0.0.0.0',
    LOG_LEVEL: 'warn',
    SECRET_OF_SOMETHING_ELSE: 'x',
  }
  /** What each process of a layout is told, by its name. */
  async function settingsOf(kinds: readonly ProcessKind[]): Promise<Record<string, Readonly<Record<string, string | undefined>>>> {
    const plan = await planProcesses(kinds, { port: 3000, internalPort: 7400 })
    const around = { plan, environment: house, publicUrl: 'http://api.example', keys: '/keys' }
    return Object.fromEntries(plan.map((planned) => [planned.name, processSettings(planned, around)]))
  }

  it('makes processes that know the one address, count their connections together and serve on until the balancer has noticed', async () => {
    const { PRICING_DB_PASSWORD_FILE: _, ...settings } = (await settingsOf(requireTopology('replicas3')))['api-1'] ?? {}

    const config = loadConfig(settings)

    expect(config).toMatchObject({ host: '127.0.0.1', publicUrl: 'http://api.example', trustProxy: ['127.0.0.1'], replicas: 3 })
    expect(config.drainDelayMs).toBeGreaterThanOrEqual(1_500)
    expect(config.service).toBeUndefined()
  })

  it.each(['split2', 'units', 'replicas3'])('%s hosts each module, and every part of it whole', async (name) => {
    const kinds = requireTopology(name)

    expect(new Set(kinds.flatMap(({ modules }) => modules))).toEqual(new Set(moduleNames))
    for (const { modules } of kinds) for (const module of modules) expect(modules).toEqual(expect.arrayContaining([...unitOf(module)]))
  })

  it('TP-17: tells a process the settings and secrets of what it hosts and no others', async () => {
    const { front = {}, back = {} } = await settingsOf(requireTopology('split2'))
    const ofDatabases = (settings: object): string[] =>
      Object.keys(settings).filter((name) => /^(SHARED|CUSTOMER|CARRIER|PRICING)_DB_(HOST|PASS)/.test(name))

    expect(ofDatabases(front).filter((name) => front[name])).toEqual([
      'SHARED_DB_HOST',
      'SHARED_DB_PASSWORD',
      'PRICING_DB_HOST',
      'PRICING_DB_PASSWORD',
      'PRICING_DB_PASSWORD_FILE',
    ])
    expect(ofDatabases(back).filter((name) => back[name])).toEqual([
      'CUSTOMER_DB_HOST',
      'CUSTOMER_DB_PASSWORD',
      'CARRIER_DB_HOST',
      'CARRIER_DB_PASSWORD',
    ])
    expect(front).toMatchObject({
      AUTH_SECRET: house.AUTH_SECRET,
      BOOTSTRAP_ADMIN_PASSWORD: house.BOOTSTRAP_ADMIN_PASSWORD,
      LOG_LEVEL: 'warn',
    })
    expect(Object.keys(back).filter((name) => /^(AUTH|BOOTSTRAP)_/.test(name) && back[name])).toEqual([])
    for (const settings of [front, back]) expect(JSON.stringify(settings)).not.toMatch(/migrator|of whom|SOMETHING_ELSE/)
  })

  it('tells a process where the rest is, at every process that hosts it, and by which key it is known', async () => {
    const kinds: readonly ProcessKind[] = [
      { name: 'house', modules: ['auth', 'user', 'customer', 'carrier'], count: 2 },
      { name: 'pricing', modules: ['pricing'], count: 2 },
    ]

    const { 'house-2': house = {}, 'pricing-1': pricing = {} } = await settingsOf(kinds)

    const both = 'http://127.0.0.1:7400|http://127.0.0.1:7401'
    expect(pricing).toMatchObject({
      PEERS: `auth=${both},user=${both},customer=${both},carrier=${both}`,
      PROCESS_NAME: 'pricing',
      REPLICAS: '2',
    })
    expect(pricing).toMatchObject({ SERVICE_KEY_FILE: '/keys/pricing.pem', SERVICE_KEYS_FILE: '/keys/processes.json' })
    expect(house.PEERS).toBe('pricing=http://127.0.0.1:7402|http://127.0.0.1:7403')
  })

  it('gives a process of the surroundings what programs need, and nothing else', () => {
    const secrets = { CLOUD_TOKEN: 'x', AUTH_SECRET: 'x', NODE_AUTH_TOKEN: 'x' }
    const given = { PATH: '/bin', LC_ALL: 'C', NODE_OPTIONS: '--x', NODE_ENV: 'production', ...secrets }

    expect(surroundings(given)).toEqual({ PATH: '/bin', LC_ALL: 'C', NODE_OPTIONS: '--x' })
  })

  it('is named with those there are when there is none of the name', () => {
    expect(() => requireTopology('toString')).toThrow('There is no topology "toString".')
  })
})
