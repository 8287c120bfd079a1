import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where the system keeps the database server and Redis. */
export interface Binaries {
  mariadbd: string
  installDb: string
  redis: string
}

/** Looked into as well: system folders are often not on a user's PATH, nor Homebrew's on that of a service. */
const beyondPath = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  '/opt/homebrew/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/usr/local/opt/mariadb/bin',
]

/** The names a program has had, oldest last: distributions differ. */
const names = {
  mariadbd: ['mariadbd', 'mysqld'],
  installDb: ['mariadb-install-db', 'mysql_install_db'],
  redis: ['redis-server', 'valkey-server'],
} as const

export function findBinaries(path: string = process.env.PATH ?? ''): Partial<Binaries> {
  const mariadbd = find(names.mariadbd, path)
  const installDb = find(names.installDb, path)
  const redis = find(names.redis, path)
  return { ...(mariadbd ? { mariadbd } : {}), ...(installDb ? { installDb } : {}), ...(redis ? { redis } : {}) }
}

/** Chromium or one of its relatives, for tests that look at pages. */
export function findBrowser(path: string = process.env.PATH ?? ''): string | undefined {
  return find(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'], path) ?? [macChrome].find(isExecutable)
}

/** The balancer that stands before several API processes. */
export const findBalancer = (path: string = process.env.PATH ?? ''): string | undefined => find(['haproxy'], path)

const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

function find(candidates: readonly string[], path: string): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...beyondPath]
  for (const name of candidates) {
    const found = folders.map((folder) => join(folder, name)).find(isExecutable)
    if (found !== undefined) return found
  }
  return undefined
}

export function hasAll(found: Partial<Binaries>): found is Binaries {
  return found.mariadbd !== undefined && found.installDb !== undefined && found.redis !== undefined
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
