import { join } from 'node:path'
import { foreignSettings, isSecretSetting, settingsInOrder } from '../../src/platform/foreign-settings.ts'
import { moduleNames } from '../../src/platform/module-table.ts'
import { leavingMs } from '../servers/haproxy.ts'
import type { PlannedProcess } from './topologies.ts'

type Environment = Readonly<Record<string, string | undefined>>

interface Surroundings {
  plan: readonly PlannedProcess[]
  /** Of the whole house. */
  environment: Environment
  publicUrl: string
  /** Where the keys are by which the processes know each other. */
  keys: string
}

/**
 * Everything a process is told: what makes it the one of the plan, and of the settings of the house those of the modules it hosts. No
 * process migrates, and the plain names of a database would mean another one in each.
 */
export function processSettings(planned: PlannedProcess, { plan, environment, publicUrl, keys }: Surroundings): Environment {
  const foreign = foreignSettings(planned.modules)
  const settings: Record<string, string | undefined> = placeOf(planned, plan, keys)
  for (const name of settingsInOrder) {
    if (foreign.has(name) || name.includes('_MIGRATOR_') || plainDatabase.has(name)) continue
    settings[name] ??= environment[name] || undefined
    if (isSecretSetting(name)) settings[`${name}_FILE`] = environment[`${name}_FILE`] || undefined
  }
  return {
    ...settings,
    HOST: '127.0.0.1',
    PORT: String(planned.port),
    INTERNAL_HOST: '127.0.0.1',
    INTERNAL_PORT: String(planned.internalPort),
    PUBLIC_URL: publicUrl,
    TRUST_PROXY: '127.0.0.1',
    DRAIN_DELAY_MS: environment.DRAIN_DELAY_MS || String(leavingMs),
    REPLICAS: String(planned.count),
  }
}

/** What it hosts, where the rest is, and by which key the others know it. One that hosts everything calls nobody. */
function placeOf({ modules, kind }: PlannedProcess, plan: readonly PlannedProcess[], keys: string): Record<string, string> {
  const elsewhere = moduleNames.filter((module) => !modules.includes(module))
  if (elsewhere.length === 0) return { MODULES: modules.join(',') }
  const addressesOf = (module: (typeof moduleNames)[number]): string =>
    plan
      .filter((other) => other.modules.includes(module))
      .map(({ internalPort }) => `http://127.0.0.1:${internalPort}`)
      .join('|')
  return {
    MODULES: modules.join(','),
    PEERS: elsewhere.map((module) => `${module}=${addressesOf(module)}`).join(','),
    PROCESS_NAME: kind,
    SERVICE_KEY_FILE: join(keys, `${kind}.pem`),
    SERVICE_KEYS_FILE: join(keys, 'processes.json'),
  }
}

const plainDatabase: ReadonlySet<string> = new Set(['DB_HOST', 'DB_PORT', 'DB_NAME', 'DB_USERNAME', 'DB_PASSWORD'])

/** What a process gets of the surroundings of npm start besides its settings: what programs need, and nothing that might be a secret. */
export function surroundings(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name !== 'NODE_ENV' && ofPrograms.test(name)))
}

/** NODE_AUTH_TOKEN is a secret of registries and no setting of Node. */
const ofPrograms = /^(PATH|HOME|USER|LANG|LC_[A-Z]+|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|NODE_(?!AUTH_TOKEN)[A-Z_]+)$/
