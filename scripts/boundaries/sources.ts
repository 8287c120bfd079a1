import { globSync, readFileSync } from 'node:fs'

/** What the gate walks over. Fixtures are refused on purpose and stay outside. */
export const guardedFolders = ['src', 'scripts', 'tests', 'drizzle'] as const

const isFixture = (path: string) => path.startsWith('tests/architecture/fixtures/')

export interface Source {
  path: string
  text: string
}

function read(pattern: string, root: string): Source[] {
  return globSync(`{${guardedFolders.join(',')}}/${pattern}`, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !isFixture(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }))
}

export const typescriptSources = (root: string) => read('**/*.ts', root)
export const sqlSources = (root: string) => read('**/*.sql', root)

/** The module a path lies in, or undefined outside the modules. */
export const moduleOf = (path: string) => /^src\/modules\/([^/]+)\//.exec(path)?.[1]
export const isTest = (path: string) => /\.(test|test-d)\.ts$/.test(path) || path.startsWith('tests/')

/** Which database a module lives in; auth and user share one by design. */
export const databases: Readonly<Record<string, string>> = {
  user: 'shared_user_db',
  auth: 'shared_user_db',
  customer: 'customer_service_db',
  carrier: 'carrier_service_db',
  pricing: 'pricing_service_db',
}
