import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { Failure } from './failure.ts'
import { firstAnswer } from './ports.ts'
import { endLeftover, launch, type PrivateProcess, until } from './processes.ts'

export interface RedisServer extends PrivateProcess {
  readonly host: string
  readonly port: number
  readonly password: string
}

interface RedisOptions {
  binaries: Pick<Binaries, 'redis'>
  folder: string
  port: number
  password: string
  /** `durable`: loses at most the last second. `fast`: memory only. */
  profile: 'durable' | 'fast'
  extraSettings?: readonly string[]
}

const profiles = {
  // volatile-lru: only what has a lifetime (the cache) makes room; streams stay.
  durable: ['appendonly yes', 'appendfsync everysec', 'maxmemory 256mb', 'maxmemory-policy volatile-lru'],
  fast: ['save ""', 'appendonly no', 'maxmemory 256mb', 'maxmemory-policy volatile-lru'],
} as const

/** Starts a private Redis and returns when it answers. Ends one that an earlier, killed run left in the folder. */
export async function startRedis({ binaries, folder, port, password, profile, extraSettings = [] }: RedisOptions): Promise<RedisServer> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pidFile = join(folder, 'server.json')
  const logFile = join(folder, 'redis.log')
  await endLeftover(pidFile)
  const server = launch({
    command: binaries.redis,
    // The settings go in by the pipe: a password among the arguments could be read by everybody on the machine.
    args: ['-'],
    input: [
      'bind 127.0.0.1',
      `port ${port}`,
      `dir ${JSON.stringify(folder)}`,
      `requirepass ${JSON.stringify(password)}`,
      'daemonize no',
      ...profiles[profile],
      ...extraSettings,
      '',
    ].join('\n'),
    pidFile,
    logFile,
    cwd: folder,
  })
  const request = command('AUTH', password) + command('PING')
  const answered = await until(
    async () => server.hasEnded() || ((await firstAnswer(port, { request }))?.startsWith('+OK') ?? false),
    30_000,
  )
  if (!answered || server.hasEnded()) {
    await server.kill()
    throw new Failure({
      what: `Redis did not start on port ${port}.`,
      why: readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join('\n        ') || 'it said nothing',
      mend: `look into ${logFile}; a full disk, a taken port or a damaged folder ${folder} are the usual causes`,
    })
  }
  return { ...server, host: '127.0.0.1', port, password }
}

function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}
