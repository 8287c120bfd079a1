import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { type Binaries, findBalancer, findBinaries, findBrowser, hasAll, isExecutable } from './binaries.ts'
import { Failure } from './failure.ts'

/** How each system names the packages and installs them. */
const installers = [
  {
    tool: '/usr/bin/apt-get',
    line: 'apt-get install --no-install-recommends',
    packages: { database: ['mariadb-server-core', 'mariadb-client'], redis: ['redis-server'] },
  },
  { tool: '/usr/bin/dnf', line: 'dnf install', packages: { database: ['mariadb-server'], redis: ['redis'] } },
  { tool: '/usr/bin/pacman', line: 'pacman -S', packages: { database: ['mariadb'], redis: ['redis'] } },
  { tool: '/usr/bin/zypper', line: 'zypper install', packages: { database: ['mariadb'], redis: ['redis'] } },
  { tool: '/sbin/apk', line: 'apk add', packages: { database: ['mariadb', 'mariadb-client'], redis: ['redis'] } },
  { tool: '/opt/homebrew/bin/brew', line: 'brew install', packages: { database: ['mariadb'], redis: ['redis'] } },
  { tool: '/usr/local/bin/brew', line: 'brew install', packages: { database: ['mariadb'], redis: ['redis'] } },
] as const

interface Installation {
  /** Whether system packages may be installed at all (`--no-install` says no). */
  allowed: boolean
  /** Whether to ask sudo for it (`--install`), when we are not root. */
  withSudo: boolean
  say: (line: string) => void
}

/** The servers' programs; installs the system's packages when they are missing and it may, else says which line does. */
export function requirePrograms({ allowed, withSudo, say }: Installation): Binaries {
  const found = findBinaries()
  if (hasAll(found)) return found
  const apt = installers[0]
  const isRoot = process.getuid?.() === 0
  if (!allowed || !isExecutable(apt.tool) || !(isRoot || withSudo)) throw missingPackages(found)

  const packages = missing(found, apt.packages)
  const prefix = isRoot ? [] : ['sudo']
  say(`Installing system packages: ${[...prefix, apt.line, ...packages].join(' ')}`)
  withoutService('redis-server', isRoot, () => installWithApt(prefix, packages))
  const installed = findBinaries()
  if (!hasAll(installed)) throw missingPackages(installed)
  return installed
}

/** A browser for the tests that look at pages; installed like the servers. Returns its path. */
export const requireBrowser = (installation: Installation): string =>
  requireOne(installation, {
    find: () => findBrowser(),
    program: 'chromium',
    why: 'One test opens the API reference in a real browser and counts what it loads from elsewhere.',
    otherwise: 'install Chromium or Chrome so that it is on the PATH',
  })

/** The balancer of topologies with several processes; installed like the servers. Returns its path. */
export const requireBalancer = (installation: Installation, find = () => findBalancer()): string =>
  requireOne(installation, {
    find,
    program: 'haproxy',
    why: 'It stands before the processes of a topology and gives them one address. A plain npm start does without it.',
    otherwise: 'install HAProxy (2.6 or later) so that haproxy is on the PATH',
  })

interface Wanted {
  find: () => string | undefined
  /** Its package has the same name everywhere. */
  program: string
  why: string
  /** What to do on a system whose packages we do not know. */
  otherwise: string
}

function requireOne({ allowed, withSudo, say }: Installation, { find, program, why, otherwise }: Wanted): string {
  const found = find()
  if (found) return found
  const apt = installers[0]
  const isRoot = process.getuid?.() === 0
  if (allowed && isExecutable(apt.tool) && (isRoot || withSudo)) {
    const prefix = isRoot ? [] : ['sudo']
    say(`Installing system packages: ${[...prefix, apt.line, program].join(' ')}`)
    withoutService(program, isRoot, () => installWithApt(prefix, [program]))
    const installed = find()
    if (installed) return installed
  }
  const installer = installers.find(({ tool }) => existsSync(tool))
  throw new Failure({
    what: `Not found on this machine: ${program}.`,
    why,
    mend: installer ? `${sudoFor(installer.line)}${installer.line} ${program}` : otherwise,
  })
}

/** What is missing, and the line for the system at hand. */
export function missingPackages(found: Partial<Binaries>): Failure {
  const absent = [found.mariadbd && found.installDb ? [] : ['mariadbd'], found.redis ? [] : ['redis-server']].flat()
  const installer = installers.find(({ tool }) => existsSync(tool))
  return new Failure({
    what: `Not found on this machine: ${absent.join(', ')}.`,
    why: 'Bulkhead starts a private MariaDB and a private Redis, unless SHARED_DB_HOST and the others, and REDIS_HOST, name servers.',
    mend: installer
      ? `${sudoFor(installer.line)}${installer.line} ${missing(found, installer.packages).join(' ')}`
      : 'install MariaDB (10.11 or later) and Redis (7 or later) so that mariadbd and redis-server are on the PATH',
  })
}

const sudoFor = (line: string): string => (process.getuid?.() === 0 || line.startsWith('brew') ? '' : 'sudo ')

function missing(found: Partial<Binaries>, packages: { database: readonly string[]; redis: readonly string[] }): string[] {
  return [...(found.mariadbd && found.installDb ? [] : packages.database), ...(found.redis ? [] : packages.redis)]
}

function installWithApt(prefix: readonly string[], packages: readonly string[]): void {
  const apt = (...args: string[]) => {
    const [command = '', ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args]
    return spawnSync(command, rest, { encoding: 'utf8', stdio: ['inherit', 'pipe', 'pipe'] })
  }
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages)
  // The package lists of a fresh image are empty, old ones name versions that are gone: one update, one more try.
  let result = install()
  if (result.status !== 0) {
    apt('update')
    result = install()
  }
  if (result.status === 0) return
  throw new Failure({
    what: `apt-get could not install ${packages.join(', ')}.`,
    why: `${result.stderr ?? ''}`.trim().split('\n').slice(-3).join('\n        ') || String(result.error ?? 'it gave no reason'),
    mend: `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get update && apt-get install --no-install-recommends ${packages.join(' ')}`,
  })
}

const policy = '/usr/sbin/policy-rc.d'

/** Debian starts a service as soon as it is installed; a second Redis on 6379 is not what anybody asked for. */
function withoutService(service: string, isRoot: boolean, install: () => void): void {
  const hadService = existsSync(`/lib/systemd/system/${service}.service`)
  const forbids = isRoot && !existsSync(policy)
  if (forbids) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (forbids) rmSync(policy, { force: true })
  }
  if (!hadService && existsSync('/run/systemd/system')) {
    const [command = '', ...rest] = [...(isRoot ? [] : ['sudo']), 'systemctl', 'disable', '--now', service]
    spawnSync(command, rest, { stdio: 'ignore' })
  }
}
