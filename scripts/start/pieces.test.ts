import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { firstAdministrator } from './administrator.ts'
import { banner } from './banner.ts'
import { apiEnvironment, embedded, migrationEnvironment, startSettings, writeEnvironmentFile } from './environment.ts'
import { isReady, isWarning, readableLogLine } from './log-lines.ts'
import { createProgress } from './progress.ts'
import { keptSecrets } from './secrets.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const prefixes = ['SHARED_DB', 'CUSTOMER_DB', 'CARRIER_DB', 'PRICING_DB']

describe('the kept secrets', () => {
  it('are made once and stay', () => {
    const first = keptSecrets(folder, prefixes)

    expect(keptSecrets(folder, prefixes)).toEqual(first)
    expect(statSync(join(folder, 'secrets.json')).mode & 0o777).toBe(0o600)
  })

  it('are long, different from each other, and readable where a person types them', () => {
    const { authSecret, databaseRoot, redis, databases, admin, demoPassword } = keptSecrets(folder, prefixes)
    const all = [authSecret, databaseRoot, redis, ...Object.values(databases).flatMap(({ account, migrator }) => [account, migrator])]

    expect(new Set(all).size).toBe(11)
    expect(Math.min(...all.map((secret) => secret.length))).toBeGreaterThanOrEqual(32)
    expect(admin.password).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/)
    expect(demoPassword).not.toBe(admin.password)
  })

  it('are not replaced when their file is damaged', () => {
    const damaged = mkdtempSync(join(folder, 'damaged-'))
    writeFileSync(join(damaged, 'secrets.json'), '{')

    expect(() => keptSecrets(damaged, prefixes)).toThrow('The kept secrets cannot be read.')
  })
})

describe('the environment of the API', () => {
  const secrets = keptSecrets(folder, prefixes)
  const ports = { mariadb: 4001, redis: 4002 }

  it('names the private servers and their secrets when nothing is given', () => {
    const settings = startSettings({}, folder)
    const environment = apiEnvironment({}, settings, secrets, ports)

    expect(environment).toMatchObject({
      PRICING_DB_HOST: '127.0.0.1',
      PRICING_DB_PORT: '4001',
      PRICING_DB_PASSWORD: secrets.databases.PRICING_DB?.account,
      REDIS_PORT: '4002',
      AUTH_SECRET: secrets.authSecret,
    })
  })

  it('leaves given servers as they are given and starts none for them', () => {
    const given = { PRICING_DB_HOST: 'db.example', PRICING_DB_PASSWORD: 'theirs', REDIS_HOST: 'redis.example' }
    const settings = startSettings(given, folder)
    const environment = apiEnvironment(given, settings, secrets, ports)

    expect(embedded(settings).map(({ prefix }) => prefix)).toEqual(['SHARED_DB', 'CUSTOMER_DB', 'CARRIER_DB'])
    expect(environment).toMatchObject({ PRICING_DB_HOST: 'db.example', PRICING_DB_PASSWORD: 'theirs', REDIS_HOST: 'redis.example' })
    expect(environment.REDIS_PASSWORD).toBeUndefined()
  })

  it('holds no password of a migrator; that of the migrations does', () => {
    const settings = startSettings({}, folder)
    const api = apiEnvironment({}, settings, secrets, ports)

    expect(Object.keys(api).filter((name) => name.includes('MIGRATOR'))).toEqual([])
    expect(migrationEnvironment(api, settings, secrets).CARRIER_DB_MIGRATOR_PASSWORD).toBe(secrets.databases.CARRIER_DB?.migrator)
  })

  it('is written for other scripts, readable by its owner only', () => {
    const settings = { ...startSettings({}, folder), dataDir: folder }
    writeEnvironmentFile(migrationEnvironment(apiEnvironment({}, settings, secrets, ports), settings, secrets), settings)

    expect(readFileSync(join(folder, 'env'), 'utf8')).toContain('CUSTOMER_DB_PORT=4001\n')
    expect(statSync(join(folder, 'env')).mode & 0o777).toBe(0o600)
  })
})

describe('the first administrator', () => {
  const secrets = keptSecrets(folder, prefixes)
  const settings = { ...startSettings({}, folder), dataDir: folder }
  mkdirSync(join(folder, 'mariadb/data'), { recursive: true })

  it('is made up once, and its password then stays out of the environment of the API', () => {
    const first = firstAdministrator({}, settings, secrets)
    first.made()
    const later = firstAdministrator({}, settings, secrets)

    expect(first.environment).toEqual({ BOOTSTRAP_ADMIN_EMAIL: secrets.admin.email, BOOTSTRAP_ADMIN_PASSWORD: secrets.admin.password })
    expect(later).toMatchObject({ email: secrets.admin.email, environment: {} })
  })

  it('is the one whom the environment names', () => {
    const given = { BOOTSTRAP_ADMIN_EMAIL: 'me@mine.example', BOOTSTRAP_ADMIN_PASSWORD: 'mine' }

    expect(firstAdministrator(given, settings, secrets)).toMatchObject({ email: 'me@mine.example', password: 'mine', environment: {} })
  })

  it('is never made up in production', () => {
    const given = { NODE_ENV: 'production', SHARED_DB_HOST: 'db.example' }

    expect(firstAdministrator(given, startSettings(given, folder), secrets).environment).toEqual({})
  })
})

describe('the log on the terminal', () => {
  it('shows a request as one short line', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2026-01-02T03:04:05.678Z',
      method: 'GET',
      url: '/v1/users',
      status: 200,
      ms: 4.21,
      msg: 'request',
    })

    expect(readableLogLine(line)).toBe('03:04:05.678 info  GET /v1/users 200 4.2 ms')
  })

  it('shows an error with its stack', () => {
    const line = JSON.stringify({ level: 50, time: 0, msg: 'relay failed', error: { message: 'gone', stack: 'Error: gone\n    at relay' } })

    expect(readableLogLine(line)).toBe('00:00:00.000 error relay failed \nError: gone\n    at relay')
  })

  it('passes what is not JSON as it is', () => {
    expect(readableLogLine('Debugger attached.')).toBe('Debugger attached.')
  })

  it('tells warnings and the word that the API is ready from the rest', () => {
    expect(isWarning('{"level":"warn","msg":"slow"}')).toBe(true)
    expect(isWarning('{"level":"info","msg":"fine"}')).toBe(false)
    expect(isReady('{"level":"info","msg":"ready"}')).toBe(true)
  })
})

describe('the progress', () => {
  const recorder = (isTTY: boolean) => {
    const written: string[] = []
    return { isTTY, write: (text: string) => written.push(text), text: () => written.join('') }
  }

  it('writes one line per finished step where there is no terminal', async () => {
    const output = recorder(false)
    await createProgress(output).step('servers', async (say) => say('on 4001'))

    expect(output.text()).toMatch(/^ {2}✓ servers: on 4001 \(\d+\.\d\d s\)\n$/)
  })

  it('marks the step that failed and passes the reason on', async () => {
    const output = recorder(true)
    const step = createProgress(output).step('servers', async () => Promise.reject(new Error('no disk')))

    await expect(step).rejects.toThrow('no disk')
    expect(output.text()).toContain('✗ servers')
  })
})

describe('the banner', () => {
  const facts = { url: 'http://x:1', internalUrl: 'http://x:2', dataDir: '/d', seconds: 0.4, databases: 'here', redis: 'there', logins: [] }

  it('names the addresses, and the log-ins and the quote when there are any', () => {
    const text = banner({
      ...facts,
      logins: [{ role: 'customer', email: 'cora@demo.example', password: 'secret-word' }],
      quote: { text: 'fast GND  21.80 USD\n  BASE', curl: 'curl -s http://x:1/v1/quotes' },
    })

    for (const part of [
      'http://x:1/docs',
      'http://x:1/health/ready',
      'cora@demo.example  secret-word',
      '  fast GND  21.80 USD',
      '\ncurl -s',
    ]) {
      expect(text).toContain(part)
    }
  })

  it('is complete without demo data', () => {
    expect(banner(facts)).not.toMatch(/Log-ins|quote/)
  })
})
