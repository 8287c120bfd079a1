import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inject } from 'vitest'
import { loadConfig } from '#platform/config.ts'
import { isModuleName } from '#platform/module-table.ts'
import { bundleFile } from '../../scripts/bundle.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { redisAccount } from '../../scripts/topology/redis-rights.ts'
import { bareEnvironment } from './bare-environment.ts'
import type { TestDatabases } from './databases.ts'
import { firstAdmin, testEnvironment } from './environment.ts'
import { redisCommand } from './redis-command.ts'

/** The real process on databases of a test: what is killed here is what runs in production. */
export interface RunningProcess {
  url: string
  internalUrl: string
  pid: number
  admin: { email: string; password: string }
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>
  /** The exit code, once there is one; null when a signal ended it. */
  exited: Promise<number | null>
  /** Lines of its log so far. */
  log: string[]
}

const secrets = new WeakMap<TestDatabases, string>()

/** Returns when a line of its log matches, by default the one that says it is ready. */
export async function startProcess(
  databases: TestDatabases,
  settings: Record<string, string> = {},
  until = /"msg":"ready"/,
): Promise<RunningProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-process-'))
  const [port, internalPort] = [settings.PORT ?? (await freePort()), settings.INTERNAL_PORT ?? (await freePort())]
  const base = testEnvironment(databases, dataDir, settings.MODULES?.split(',').filter(isModuleName))
  // A restart on the same databases needs the same secret: signing keys are sealed with it.
  const secret = base.AUTH_SECRET && (secrets.get(databases) ?? base.AUTH_SECRET)
  if (secret) secrets.set(databases, secret)
  const environment = {
    ...bareEnvironment,
    ...base,
    ...(secret ? { AUTH_SECRET: secret } : {}),
    LOG_LEVEL: 'info',
    PORT: String(port),
    INTERNAL_PORT: String(internalPort),
    ...settings,
  }
  // Where the test has a Redis of its own, it says who logs in there.
  if (settings.REDIS_PORT === undefined) Object.assign(environment, await ownRedisAccount(environment))
  const child = spawn(process.execPath, [bundleFile], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
  void exited.then(() => rmSync(dataDir, { recursive: true, force: true }))
  const log: string[] = []
  await said(until, child, log)
  return {
    url: `http://127.0.0.1:${port}`,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    pid: child.pid ?? 0,
    admin: firstAdmin,
    log,
    exited,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async terminate() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** An account that may do what the modules of the process need and no more: whatever a test does, these rights suffice for it. */
async function ownRedisAccount(environment: Record<string, string>): Promise<Record<string, string>> {
  const account = { REDIS_USERNAME: `p${environment.PORT}`, REDIS_PASSWORD: randomBytes(12).toString('hex') }
  const [, , ...rules] = redisAccount(loadConfig({ ...environment, ...account })).split(' ')
  await redisCommand(inject('servers').redis, 'ACL', 'SETUSER', ...rules)
  return account
}

function said(what: RegExp, child: ChildProcess, log: string[]): Promise<void> {
  return new Promise((done, failed) => {
    const hear = (line: string): void => {
      log.push(line)
      if (what.test(line)) done()
    }
    if (child.stdout) createInterface({ input: child.stdout }).on('line', hear)
    if (child.stderr) createInterface({ input: child.stderr }).on('line', hear)
    child.once('exit', (code) => failed(new Error(`the process ended with ${code} before it said ${what}:\n${log.slice(-20).join('\n')}`)))
  })
}
