import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faultsOf } from '#support/config-faults.ts'
import { loadConfig, loadMigratorConfig } from './config.ts'

const development = {
  AUTH_SECRET: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b',
  SHARED_DB_HOST: '127.0.0.1',
  CUSTOMER_DB_HOST: '127.0.0.1',
  CARRIER_DB_HOST: '127.0.0.1',
  PRICING_DB_HOST: '127.0.0.1',
  REDIS_HOST: '127.0.0.1',
}
const production = {
  ...development,
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://api.example.com/',
  AUTH_EMAIL_VERIFICATION: 'off',
  REDIS_PASSWORD: 'kJ2l9sQpW7xZ',
  SHARED_DB_PASSWORD: 'aW3kd92LqPz1',
  CUSTOMER_DB_PASSWORD: 'bW3kd92LqPz2',
  CARRIER_DB_PASSWORD: 'cW3kd92LqPz3',
  PRICING_DB_PASSWORD: 'dW3kd92LqPz4',
}

describe('the configuration', () => {
  it('takes a development environment and fills the defaults', () => {
    const config = loadConfig(development)

    expect(config).toMatchObject({
      env: 'development',
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://127.0.0.1:3000',
      drainDelayMs: 0,
      transport: 'local',
    })
    expect(config.databases.pricing_service_db).toMatchObject({
      port: 3311,
      schema: 'pricing_service_db',
      username: 'pricing_user',
      poolSize: 6,
    })
  })

  it('cannot be changed after it was read', () => {
    const config = loadConfig(development)

    expect(() => Object.assign(config.auth, { secret: 'another' })).toThrow(TypeError)
  })

  it('lists every fault in one message', () => {
    const faults = faultsOf({ ...development, PORT: 'abc', LOG_LEVEL: 'loud', REPLICAS: '0' })

    expect(faults.map((fault) => fault.split(' ')[0]).sort()).toEqual(['LOG_LEVEL', 'PORT', 'REPLICAS'])
  })

  it.each(['api.example.com', 'ftp://example.com', 'https://u:p@example.com', 'https://example.com/?a=1', 'https://example.com/#a'])(
    'refuses %s as the address of the world',
    (url) => {
      expect(faultsOf({ ...development, PUBLIC_URL: url })).toEqual([expect.stringMatching(/^PUBLIC_URL /)])
    },
  )

  it('treats an empty variable as one that is not set', () => {
    expect(loadConfig({ ...development, PUBLIC_URL: '' }).publicUrl).toBe('http://127.0.0.1:3000')
  })

  it('reads a secret from the file that NAME_FILE names', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'bulkhead-config-')), 'secret')
    writeFileSync(file, 'fc3ff98e8c6a0d3087d515c0473f8677aa11\n')

    expect(loadConfig({ ...development, AUTH_SECRET_FILE: file }).auth.secret).toBe('fc3ff98e8c6a0d3087d515c0473f8677aa11')
    expect(faultsOf({ ...development, AUTH_SECRET_FILE: '/nowhere/secret' })).toEqual([
      expect.stringContaining('AUTH_SECRET_FILE names /nowhere/secret'),
    ])
  })

  it('takes a production environment whose secrets are its own', () => {
    expect(loadConfig(production)).toMatchObject({ env: 'production', publicUrl: 'https://api.example.com', drainDelayMs: 5000 })
  })

  it.each([
    ['AUTH_SECRET', undefined],
    ['AUTH_SECRET', 'tooshort'],
    ['AUTH_SECRET', 'change-me-change-me-change-me-change-me'],
    ['REDIS_PASSWORD', undefined],
    ['SHARED_DB_PASSWORD', undefined],
    ['PRICING_DB_PASSWORD', 'password1234567'],
    ['PUBLIC_URL', undefined],
    ['AUTH_EMAIL_VERIFICATION', undefined],
    ['TRANSPORT', 'loopback'],
  ])('refuses production when %s is %s', (name, value) => {
    const environment: Record<string, string> = { ...production }
    if (value === undefined) delete environment[name]
    else environment[name] = value

    expect(faultsOf(environment)).toEqual(expect.arrayContaining([expect.stringContaining(name)]))
  })

  it('gives the migrations their own accounts and tells the process nothing of them', () => {
    const environment = {
      ...development,
      SHARED_DB_MIGRATOR_PASSWORD: 'm1',
      CUSTOMER_DB_MIGRATOR_PASSWORD: 'm2',
      CARRIER_DB_MIGRATOR_PASSWORD: 'm3',
      PRICING_DB_MIGRATOR_PASSWORD: 'm4',
    }

    expect(loadMigratorConfig(environment).carrier_service_db).toMatchObject({ username: 'carrier_user_migrator', password: 'm3' })
    expect(JSON.stringify(loadConfig(environment))).not.toMatch(/migrator|"m[1-4]"/)
  })
})
