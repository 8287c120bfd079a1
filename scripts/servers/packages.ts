import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { type Binaries, findBinaries, findBrowser, hasAll, isExecutable } from './binaries.ts'
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
  withoutServices(isRoot, () => installWithApt(prefix, packages))
  const installed = findBinaries()
  if (!hasAll(installed)) throw missingPackages(installed)
  return installed
}

/** A browser for the tests that look at pages; installed like the servers. Returns its path. */
export function requireBrowser({ allowed, withSudo, say }: Installation): string {
  const found = findBrowser()
  if (found) return found
  const apt = installers[0]
  const isRoot = process.getuid?.() === 0
  if (allowed && isExecutable(apt.tool) && (isRoot || withSudo)) {
    const prefix = isRoot ? [] : ['sudo']
    say(`Installing system packages: ${[...prefix, apt.line, 'chromium'].join(' ')}`)
    installWithApt(prefix, ['chromium'])
    const installed = findBrowser()
    if (installed) return installed
  }
  throw new Failure({
    what: 'Not found on this machine: chromium.',
    why: 'One test opens the API reference in a real browser and counts what it loads from elsewhere.',
    mend: isExecutable(apt.tool) ? `${isRoot ? '' : 'sudo '}${apt.line} chromium` : 'install Chromium or Chrome so that it is on the PATH',
  })
}

/** What is missing, and the line for the system at hand. */
export function missingPackages(found: Partial<Binaries>): Failure {
  const absent = [found.mariadbd && found.installDb ? [] : ['mariadbd'], found.redis ? [] : ['redis-server']].flat()
  const installer = installers.find(({ tool }) => existsSync(tool))
  const sudo = process.getuid?.() === 0 || installer?.line.startsWith('brew') ? '' : 'sudo '
  return new Failure({
    what: `Not found on this machine: ${absent.join(', ')}.`,
    why: 'Bulkhead starts a private MariaDB and a private Redis, unless SHARED_DB_HOST and the others, and REDIS_HOST, name servers.',
    mend: installer
      ? `${sudo}${installer.line} ${missing(found, installer.packages).join(' ')}`
      : 'install MariaDB (10.11 or later) and Redis (7 or later) so that mariadbd and redis-server are on the PATH',
  })
}

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
function withoutServices(isRoot: boolean, install: () => void): void {
  const hadService = existsSync('/lib/systemd/system/redis-server.service')
  const forbids = isRoot && !existsSync(policy)
  if (forbids) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (forbids) rmSync(policy, { force: true })
  }
  if (!hadService && existsSync('/run/systemd/system')) {
    const [command = '', ...rest] = [...(isRoot ? [] : ['sudo']), 'systemctl', 'disable', '--now', 'redis-server']
    spawnSync(command, rest, { stdio: 'ignore' })
  }
}
