import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { Failure } from './failure.ts'
import { firstAnswer } from './ports.ts'
import { endLeftover, launch, type PrivateProcess, until } from './processes.ts'

export interface MariaDbServer extends PrivateProcess {
  readonly host: string
  readonly port: number
  readonly rootUser: string
  readonly rootPassword: string
}

interface MariaDbOptions {
  binaries: Binaries
  /** Holds `data/`, the log and the process id. */
  folder: string
  port: number
  rootPassword: string
  /** `durable`: nothing acknowledged is lost when the machine stops. `fast`: for data that nobody misses. */
  profile: 'durable' | 'fast'
  extraArgs?: readonly string[]
}

const run = promisify(execFile)

const common = [
  '--bind-address=127.0.0.1',
  '--character-set-server=utf8mb4',
  '--collation-server=utf8mb4_general_ci',
  '--default-time-zone=+00:00',
  '--explicit-defaults-for-timestamp=1',
  '--skip-name-resolve',
  '--skip-log-bin',
  '--performance-schema=off',
  '--max-connections=400',
  '--table-open-cache=2000',
  // No table of ours uses the engines these are for.
  '--key-buffer-size=1M',
  '--aria-pagecache-buffer-size=8M',
]

const profiles = {
  // MariaDB's own default for sync_binlog is 0; it counts as soon as somebody turns the binary log on.
  durable: ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1', '--innodb-buffer-pool-size=64M'],
  fast: ['--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0', '--innodb-buffer-pool-size=256M', '--debug-no-sync'],
} as const

/** Both when the folder is made and when it is used: the sizes must agree. */
const logSize = '--innodb-log-file-size=32M'

/**
 * A folder of its own for temporary tables: a server that starts deletes all it finds in its temporary folder, those of a
 * neighbour in /tmp as well, and the neighbour's statements fail.
 */
function temporaryFolder(folder: string): string {
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary, { recursive: true, mode: 0o700 })
  return `--tmpdir=${temporary}`
}

/** mariadbd refuses to run as root unless told so by name; an ordinary user cannot change to another. */
const account = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : [])

export const hasMariaDbData = (folder: string): boolean => existsSync(join(folder, 'data', 'mysql'))

/** Makes an empty data folder once. A folder whose making was interrupted is made again. */
export async function initialiseMariaDb({ binaries, folder }: Pick<MariaDbOptions, 'binaries' | 'folder'>): Promise<void> {
  if (hasMariaDbData(folder)) return
  const draft = join(folder, 'data.draft')
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true, mode: 0o700 })
  try {
    await run(binaries.installDb, [
      '--no-defaults',
      `--datadir=${draft}`,
      temporaryFolder(folder),
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
      logSize,
      ...account(),
    ])
  } catch (error) {
    throw new Failure({
      what: 'The data folder of MariaDB could not be made.',
      why: lastLines(error instanceof Error ? error.message : String(error)),
      mend: `rm -rf ${folder} and start again; if it stays, the lines above say what ${binaries.installDb} missed`,
    })
  }
  renameSync(draft, join(folder, 'data'))
}

/** Starts the server on an initialised folder and returns when it answers. Ends a server that an earlier, killed run left there. */
export async function startMariaDb({
  binaries,
  folder,
  port,
  rootPassword,
  profile,
  extraArgs = [],
}: MariaDbOptions): Promise<MariaDbServer> {
  const pidFile = join(folder, 'server.json')
  const logFile = join(folder, 'mariadb.log')
  const initFile = join(folder, 'init.sql')
  await endLeftover(pidFile)
  const from = logLength(logFile)
  const socket = socketPath(folder)
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 })
  // Runs inside the server before it listens: there is no moment in which root has no password.
  writeFileSync(initFile, rootStatements(rootPassword).join('\n'), { mode: 0o600 })
  const server = launch({
    command: binaries.mariadbd,
    args: [
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      temporaryFolder(folder),
      `--port=${port}`,
      `--socket=${socket}`,
      `--pid-file=${join(folder, 'mariadb.pid')}`,
      `--init-file=${initFile}`,
      logSize,
      ...account(),
      ...common,
      ...profiles[profile],
      ...extraArgs,
    ],
    pidFile,
    logFile,
    cwd: folder,
  })
  const answered = await until(async () => server.hasEnded() || (await firstAnswer(port)) !== undefined, 60_000)
  rmSync(initFile, { force: true })
  if (!answered || server.hasEnded()) {
    await server.kill()
    throw new Failure({
      what: `MariaDB did not start on port ${port}.`,
      why: reasonIn(logFile, from),
      mend: `look into ${logFile}; a full disk, a taken port or a damaged folder ${folder} are the usual causes`,
    })
  }
  return { ...server, host: '127.0.0.1', port, rootUser: 'root', rootPassword }
}

/** Without name resolution a TCP client is `127.0.0.1`, over the socket it is `localhost`: root may be both. */
function rootStatements(password: string): string[] {
  const quoted = `'${password.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  return [
    "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host NOT IN ('localhost', '127.0.0.1'));",
    'FLUSH PRIVILEGES;',
    `CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';`,
    `ALTER USER 'root'@'localhost' IDENTIFIED BY ${quoted};`,
    `ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY ${quoted};`,
    `GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;`,
    '',
  ]
}

/** The kernel cuts socket paths at 108 bytes, so a deep folder gets a short one elsewhere that only its owner may enter. */
export function socketPath(folder: string): string {
  const inside = join(folder, 'mariadb.sock')
  if (Buffer.byteLength(inside) <= 100) return inside
  const short = join(
    tmpdir().length <= 60 ? tmpdir() : '/tmp',
    `bulkhead-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`,
  )
  mkdirSync(short, { recursive: true, mode: 0o700 })
  return join(short, 'mariadb.sock')
}

const logLength = (logFile: string): number => (existsSync(logFile) ? readFileSync(logFile).length : 0)

/** What the server said about this start, most telling first. */
function reasonIn(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8')
  const errors = lines.split('\n').filter((line) => line.includes('[ERROR]'))
  return lastLines(errors.length > 0 ? errors.join('\n') : lines) || 'it said nothing'
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-4).join('\n        ')
