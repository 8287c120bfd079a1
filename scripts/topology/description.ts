import { type Config, settingPrefix } from '../../src/platform/config.ts'
import { databaseNames } from '../../src/platform/database-names.ts'
import type { LentContract } from '../../src/platform/exchange.ts'
import { callsOf, isModuleName, type ModuleName, moduleNames, ownerOf } from '../../src/platform/module-table.ts'
import { type TopologyReport, topologyReport } from '../../src/platform/topology-report.ts'
import { hearingOf } from '../contracts/hearing.ts'

/** What a process with these settings would say of itself, found without starting anything. */
export async function describeTopology(config: Config): Promise<TopologyReport> {
  const isHere = (module: ModuleName): boolean => config.modules.includes(module)
  const place = (module: ModuleName): LentContract['at'] => (isHere(module) ? 'here' : (config.peers[module] ?? []))
  const calls = config.modules.flatMap((caller) => callsOf(caller).map((module) => ({ caller, module, at: place(module) })))
  // Who is asking is told by auth; and what operators want to know of a database is asked where it is, if that is known.
  const asked = ['auth' as const, ...databaseNames.map(ownerOf)].filter((module) => !isHere(module) && config.peers[module])
  const asking = asked.map((module) => ({ caller: 'platform' as const, module, at: place(module) }))
  const publishers = await publishersByKey()
  const heard = [...(await hearingOf(moduleNames))].flatMap(([key, consumers]) => consumers.map((consumer) => ({ consumer, key })))
  const events = heard
    .filter(({ consumer }) => config.modules.some((module) => consumer.startsWith(`${module}.`)))
    .map(({ consumer, key }) => {
      const publisher = publishers.get(key)
      return { consumer, key, at: publisher !== undefined && isHere(publisher) ? ('here' as const) : ('stream' as const) }
    })
  return topologyReport(config, [...calls, ...asking], events)
}

async function publishersByKey(): Promise<ReadonlyMap<string, ModuleName>> {
  const { declaredEvents } = await import('../contracts/snapshot.ts')
  return new Map((await declaredEvents()).flatMap(({ key, module }) => (isModuleName(module) ? [[key, module] as const] : [])))
}

/** The variables without which such a process does not start in production. */
export function neededVariables({ databases, modules, service }: Config): string[] {
  const ofDatabases = databaseNames
    .filter((name) => databases[name])
    .flatMap((name) => [`${settingPrefix[name]}_HOST`, `${settingPrefix[name]}_PASSWORD`])
  return [
    ...ofDatabases,
    'REDIS_HOST',
    'REDIS_PASSWORD',
    'PUBLIC_URL',
    ...(modules.includes('auth') ? ['AUTH_SECRET', 'AUTH_EMAIL_VERIFICATION'] : []),
    ...(service ? ['MODULES', 'PEERS', 'PROCESS_NAME', 'SERVICE_KEY_FILE', 'SERVICE_KEYS_FILE'] : []),
  ]
}

export function topologyInWords({ process, modules, calls, events }: TopologyReport, variables: readonly string[]): string {
  const at = (place: 'here' | 'stream' | 'nowhere' | readonly string[]): string => (typeof place === 'string' ? place : place.join(' | '))
  const table = (rows: readonly (readonly [string, string])[]): string[] => {
    const width = Math.max(0, ...rows.map(([left]) => left.length))
    return rows.length === 0 ? ['  none'] : rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
  }
  return [
    `process ${process}`,
    `  hosts ${modules.join(', ')}`,
    'calls',
    ...table(calls.map(({ caller, module, at: place }) => [`${caller} → ${module}`, at(place)])),
    'hears',
    ...table(events.map(({ consumer, key, at: place }) => [`${consumer} ← ${key}`, at(place)])),
    'needs in production',
    ...variables.map((name) => `  ${name}`),
    '',
  ].join('\n')
}
