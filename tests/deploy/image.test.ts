import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { privateMariaDb, privateRedis, type Restartable } from '#support/servers.ts'
import { bundle } from '../../scripts/bundle.ts'
import { initFile } from '../../scripts/compose-init.ts'
import type { MariaDbServer } from '../../scripts/servers/mariadb.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { until } from '../../scripts/servers/processes.ts'
import type { RedisServer } from '../../scripts/servers/redis.ts'
import { readComposition } from './compose-files.ts'
import { environmentOf } from './compose-rules.ts'
import { readStages } from './dockerfile-rules.ts'

/**
 * The composition without containers: a folder with exactly what the image holds, the environments of docker-compose.yml, the
 * accounts of its init script, production settings. What the image lacks, or an account may not do, shows here.
 */
const root = resolve(import.meta.dirname, '../..')

/** What the last stage copies, from where it lies in this working tree. */
function imageFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-image-'))
  const stage = readStages(readFileSync(resolve(root, 'Dockerfile'), 'utf8')).at(-1)
  for (const line of stage?.lines.filter((line) => line.startsWith('COPY ')) ?? []) {
    const paths = line
      .split(/\s+/)
      .slice(1)
      .filter((word) => !word.startsWith('--'))
    const target = paths.at(-1) ?? ''
    for (const source of paths.slice(0, -1)) {
      const path = source.replace(/^\/app\//, '')
      cpSync(resolve(root, path), target.endsWith('/') ? join(folder, path) : join(folder, target), { recursive: true })
    }
  }
  return folder
}

describe('the image, run as the composition runs it', { timeout: 90_000 }, () => {
  let image: string
  let mariadb: Restartable<MariaDbServer>
  let redis: Restartable<RedisServer>
  let api: ChildProcess | undefined
  let ports: { PORT: string; INTERNAL_PORT: string }

  beforeAll(async () => {
    await bundle()
    ;[mariadb, redis] = await Promise.all([privateMariaDb(), privateRedis()])
    ports = { PORT: String(await freePort()), INTERNAL_PORT: String(await freePort()) }
    image = imageFolder()
  }, 90_000)
  afterAll(async () => {
    api?.kill('SIGKILL')
    await Promise.all([mariadb.remove(), redis.remove()])
    rmSync(image, { recursive: true, force: true })
  })

  /** The environment of a service, with the addresses of our servers in place of those inside the composition. */
  function environment(service: string): Record<string, string> {
    const asked = environmentOf(readComposition('docker-compose.yml'), service)
    const addresses = Object.keys(asked).map((name) => {
      if (/_DB_HOST$/.test(name)) return [name, mariadb.server.host]
      if (/_DB_PORT$/.test(name)) return [name, String(mariadb.server.port)]
      return [name, asked[name] ?? '']
    })
    const { host, port, password } = redis.server
    return {
      ...Object.fromEntries(addresses),
      ...(service === 'api' ? { REDIS_HOST: host, REDIS_PORT: String(port), REDIS_PASSWORD: password, ...ports } : {}),
    }
  }

  const node = (args: string[], env: Record<string, string>) => spawnSync(process.execPath, args, { cwd: image, env, encoding: 'utf8' })

  it('makes the accounts, then migrates with them', async () => {
    const composition = readComposition('docker-compose.yml')
    const servers = ['shared-database', 'customer-service-db', 'carrier-service-db', 'pricing-service-db']
    const given = Object.assign({}, ...servers.map((server) => environmentOf(composition, server)))
    const script = spawnSync('bash', ['--norc', '-euc', `docker_process_sql() { cat; echo; }; . ${initFile}`], {
      encoding: 'utf8',
      env: given,
    })
    const { host, port, rootUser: user, rootPassword: password } = mariadb.server
    const server = await createConnection({ host, port, user, password, multipleStatements: true })
    await server.query(script.stdout)
    await server.end()

    const migrations = node(['dist/db.mjs', 'migrate'], environment('migrate'))

    expect(migrations.stderr).toBe('')
    expect(migrations.status).toBe(0)
  })

  it('starts with production settings, becomes healthy and passes the smoke test', async () => {
    const admin = { BOOTSTRAP_ADMIN_EMAIL: 'admin@bulkhead.example', BOOTSTRAP_ADMIN_PASSWORD: 'tide-lantern-orchard-9' }
    const envFile = join(image, 'smoke.env')
    writeFileSync(
      envFile,
      Object.entries(admin)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    )
    api = spawn(process.execPath, ['dist/server.mjs'], {
      cwd: image,
      env: { ...environment('api'), ...admin, HOST: '127.0.0.1', INTERNAL_HOST: '127.0.0.1', DRAIN_DELAY_MS: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log: string[] = []
    api.stdout?.on('data', (bytes) => log.push(String(bytes)))
    api.stderr?.on('data', (bytes) => log.push(String(bytes)))
    const ready = await until(() => log.join('').includes('"ready"') || api?.exitCode !== null, 60_000)

    const health = node(['deploy/healthcheck.mjs'], { PORT: ports.PORT })
    const smoke = node([resolve(root, 'deploy/smoke.mjs'), `http://127.0.0.1:${ports.PORT}`, envFile], {})

    expect(ready && api.exitCode === null, log.join('')).toBe(true)
    expect(health.status).toBe(0)
    expect(`${smoke.stdout}${smoke.stderr}`).not.toContain('✗')
    expect(smoke.status).toBe(0)
  })

  it('brings what its operators run: accounts of administrators, and events', () => {
    const env = { ...environment('api'), HOST: '127.0.0.1', INTERNAL_HOST: '127.0.0.1' }
    const made = spawnSync(process.execPath, ['dist/admin.mjs', 'create', '--email', 'grace@bulkhead.example'], {
      cwd: image,
      env,
      encoding: 'utf8',
      input: 'harbour-lantern-meadow-4',
    })
    const consumers = node(['dist/events.mjs', 'consumers'], env)

    expect([made.stderr, made.stdout]).toEqual(['', expect.stringContaining('administrator grace@bulkhead.example created')])
    expect([consumers.stderr, consumers.stdout]).toEqual(['', expect.stringContaining('customer.profile')])
  })

  it('ends with 0 when the engine stops it', async () => {
    const running = api
    if (!running) throw new Error('not started')
    running.kill('SIGTERM')
    if (running.exitCode === null) await once(running, 'exit')

    expect(running.exitCode).toBe(0)
  })
})
