import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { privateMariaDb, privateRedis } from '#support/servers.ts'
import { findBinaries, hasAll } from './binaries.ts'
import { Failure } from './failure.ts'
import { createGuard } from './guard.ts'
import { socketPath } from './mariadb.ts'
import { missingPackages } from './packages.ts'
import { firstAnswer, freePort, isPortFree, onFreePort } from './ports.ts'
import { endLeftover, identityOf, isAlive, launch, until } from './processes.ts'
import { startRedis } from './redis.ts'

const clean: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step()
})

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-test-'))
  clean.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const sleeper = (folder: string) =>
  launch({ command: 'sleep', args: ['600'], pidFile: join(folder, 'server.json'), logFile: join(folder, 'log'), cwd: folder })

describe('the servers of a test run', () => {
  it('are one MariaDB with utf8mb4, UTC and strict SQL', async () => {
    const { host, port, rootUser, rootPassword } = inject('servers').mariadb
    const connection = await createConnection({ host, port, user: rootUser, password: rootPassword })

    const [rows] = await connection.query('SELECT @@character_set_server cs, @@time_zone tz, @@sql_mode mode')
    await connection.end()

    expect(rows).toEqual([{ cs: 'utf8mb4', tz: '+00:00', mode: expect.stringContaining('STRICT_TRANS_TABLES') }])
  })

  it('let nobody in without the password', async () => {
    const { host, port } = inject('servers').mariadb

    await expect(createConnection({ host, port, user: 'root' })).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' })
    expect(await firstAnswer(inject('servers').redis.port, { request: 'PING\r\n' })).toContain('NOAUTH')
  })
})

describe('a private server', () => {
  it('keeps its data over kill -9 and restart', async () => {
    const mariadb = await privateMariaDb()
    clean.push(mariadb.remove)
    const { host, port, rootUser: user, rootPassword: password } = mariadb.server
    const before = await createConnection({ host, port, user, password })
    await before.query('CREATE DATABASE kept')
    before.destroy()

    await mariadb.restart()

    const after = await createConnection({ host, port, user, password })
    const [rows] = await after.query("SHOW DATABASES LIKE 'kept'")
    await after.end()
    expect(rows).toHaveLength(1)
  })

  it('keeps its temporary tables where no other server that starts deletes them', async () => {
    const [one, other] = await Promise.all([privateMariaDb(), privateMariaDb()])
    clean.push(one.remove, other.remove)
    const folders = await Promise.all(
      [one, other].map(async ({ server: { host, port, rootUser: user, rootPassword: password } }) => {
        const connection = await createConnection({ host, port, user, password, rowsAsArray: true })
        const [[row]] = await connection.query<RowDataPacket[][]>('SELECT @@tmpdir, @@datadir')
        await connection.end()
        return { temporary: String(row?.[0]), data: String(row?.[1]) }
      }),
    )
    for (const { temporary, data } of folders) expect(dirname(temporary)).toBe(dirname(data.replace(/\/$/, '')))
    expect(folders[0]?.temporary).not.toBe(folders[1]?.temporary)
  })

  it('answers nothing while frozen and everything after the thaw', async () => {
    const redis = await privateRedis()
    clean.push(redis.remove)
    const { port, password } = redis.server
    const request = `AUTH ${password}\r\n`

    redis.server.freeze()
    const frozen = await firstAnswer(port, { request, timeoutMs: 200 })
    redis.server.thaw()

    expect(frozen).toBeUndefined()
    expect(await firstAnswer(port, { request })).toContain('+OK')
  })

  it('says why it did not start when its port is taken', async () => {
    const { port } = inject('servers').redis
    const binaries = findBinaries()
    if (!hasAll(binaries)) throw missingPackages(binaries)

    const start = startRedis({ binaries, folder: scratch(), port, password: 'irrelevant', profile: 'fast' })

    await expect(start).rejects.toMatchObject({ name: 'Failure', why: expect.stringContaining('Address already in use') })
  })
})

describe('a process left by a killed run', () => {
  it('is ended by the next start', async () => {
    const folder = scratch()
    const left = sleeper(folder)

    const ended = await endLeftover(join(folder, 'server.json'))

    expect(ended).toBe(true)
    expect(identityOf(left.pid)).toBeUndefined()
  })

  it('is left alone when its id belongs to another process by now', async () => {
    const folder = scratch()
    const pidFile = join(folder, 'server.json')
    const stranger = sleeper(folder)
    clean.push(() => stranger.kill())
    writeFileSync(pidFile, JSON.stringify({ pid: stranger.pid, identity: 'began at another time' }))

    const ended = await endLeftover(pidFile)

    expect(ended).toBe(false)
    expect(stranger.hasEnded()).toBe(false)
    expect(isAlive(pidFile)).toBe(false)
  })

  it('is killed when it does not end by itself', async () => {
    const folder = scratch()
    const deaf = launch({
      command: 'sh',
      args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
      pidFile: join(folder, 'server.json'),
      logFile: join(folder, 'log'),
      cwd: folder,
    })
    await until(() => readFileSync(join(folder, 'log'), 'utf8').includes('ready'), 5_000)

    await deaf.stop(100)

    expect(deaf.hasEnded()).toBe(true)
  })
})

describe('the guard', () => {
  it('ends the servers and removes the folder of a process that was killed', async () => {
    const folder = scratch()
    const program = `
      import { createGuard } from ${JSON.stringify(join(import.meta.dirname, 'guard.ts'))}
      import { launch } from ${JSON.stringify(join(import.meta.dirname, 'processes.ts'))}
      const folder = ${JSON.stringify(folder)}
      const server = launch({ command: 'sleep', args: ['600'], pidFile: folder + '/server.json', logFile: folder + '/log', cwd: '/' })
      createGuard(2).watch([server.pid], [folder])
      process.stdout.write(String(server.pid))
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<number>((resolve) => owner.stdout.once('data', (bytes) => resolve(Number(bytes))))

    owner.kill('SIGKILL')

    expect(await until(() => identityOf(pid) === undefined, 5_000)).toBe(true)
    expect(await until(() => !isAlive(join(folder, 'server.json')), 5_000)).toBe(true)
  })

  it('does nothing once dismissed', async () => {
    const server = sleeper(scratch())
    clean.push(() => server.kill())
    const guard = createGuard(1)

    guard.watch([server.pid])
    guard.dismiss()

    expect(await until(() => server.hasEnded(), 400)).toBe(false)
  })
})

describe('ports and paths', () => {
  it('keeps a preferred port while it is free and takes another when it is not', async () => {
    const free = await freePort()

    expect(await freePort(free)).toBe(free)
    expect(await isPortFree(inject('servers').redis.port)).toBe(false)
    expect(await freePort(inject('servers').redis.port)).not.toBe(inject('servers').redis.port)
  })

  it('starts on another port when somebody was faster', async () => {
    const tried: number[] = []
    const port = await onFreePort(undefined, async (port) => {
      tried.push(port)
      if (tried.length < 3) throw new Failure({ what: '', why: 'bind: Address already in use', mend: '' })
      return port
    })

    expect(tried).toHaveLength(3)
    expect(port).toBe(tried[2])
  })

  it('gives a deep folder a short socket path', () => {
    const deep = `/tmp/${'deep/'.repeat(30)}`

    expect(Buffer.byteLength(socketPath(deep))).toBeLessThanOrEqual(100)
    expect(socketPath('/srv/bulkhead')).toBe('/srv/bulkhead/mariadb.sock')
  })
})

describe('a machine without the programs', () => {
  it('is told the one line that installs what is missing', () => {
    const failure = missingPackages({ mariadbd: '/usr/sbin/mariadbd', installDb: '/usr/bin/mariadb-install-db' })

    expect(failure.message).toBe('Not found on this machine: redis-server.')
    expect(failure.mend).toContain('redis')
    expect(failure.mend).not.toContain('mariadb')
  })

  it('is searched on the PATH and in the folders of the system', () => {
    expect(hasAll(findBinaries(''))).toBe(true)
  })
})
