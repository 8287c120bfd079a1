import { join } from 'node:path'
import { callsOf, isModuleName, type ModuleName, moduleNames, unitOf } from './module-table.ts'
import { isProcessName, readServiceIdentity, type ServiceIdentity } from './service-keys.ts'
import type { Settings } from './settings.ts'

/** Which modules this process hosts and where it finds the rest. */
export interface Topology {
  /** In the order of the table. */
  modules: readonly ModuleName[]
  /** Addresses of the internal listeners that serve a module elsewhere, in turn. */
  peers: Readonly<Partial<Record<ModuleName, readonly string[]>>>
  /** Absent: the process calls no other and is called by none. */
  service?: ServiceIdentity
}

type TopologySettings = Pick<
  Settings,
  'MODULES' | 'PEERS' | 'PROCESS_NAME' | 'SERVICE_KEY_FILE' | 'SERVICE_KEYS_FILE' | 'INTERNAL_HOST' | 'INTERNAL_PORT' | 'BULKHEAD_DATA_DIR'
>

/** Reads it from the settings; every need that is not met is added to the faults. Opens nothing. */
export function readTopology(settings: TopologySettings, faults: string[]): Topology {
  const modules = readModules(settings.MODULES, faults)
  const peers = readPeers(settings.PEERS, faults)
  for (const module of modules) {
    for (const other of unitOf(module)) {
      if (!modules.includes(other)) faults.push(`MODULES has ${module} without ${other}: they share a database and are hosted together`)
    }
    if (peers[module]) faults.push(`PEERS names ${module}, which is hosted here as well: take it away from PEERS or from MODULES`)
  }
  for (const [need, who] of unmetNeeds(modules, peers)) {
    faults.push(
      `PEERS does not say where ${need} is, and ${who} ${who.includes(' and ') ? 'need' : 'needs'} it: add ${need}=http://host:port, or host it here`,
    )
  }
  for (const [module, urls] of Object.entries(peers)) {
    for (const url of urls)
      if (isOwnAddress(url, settings))
        faults.push(`PEERS says that ${module} is at ${url}, which is the internal listener of this very process`)
  }
  const service = readService(settings, { modules, peers }, faults)
  return { modules, peers, ...(service ? { service } : {}) }
}

function readModules(text: string | undefined, faults: string[]): readonly ModuleName[] {
  if (text === undefined) return moduleNames
  const named = items(text)
  const unknown = named.filter((name) => !isModuleName(name))
  if (unknown.length > 0) faults.push(`MODULES has ${unknown.join(', ')}: there are ${moduleNames.join(', ')}`)
  if (named.length === 0) faults.push(`MODULES names no module: there are ${moduleNames.join(', ')}`)
  return moduleNames.filter((name) => named.includes(name))
}

function readPeers(text: string | undefined, faults: string[]): Partial<Record<ModuleName, readonly string[]>> {
  const peers: Partial<Record<ModuleName, readonly string[]>> = {}
  for (const item of items(text ?? '')) {
    const cut = item.indexOf('=')
    const name = item.slice(0, Math.max(cut, 0)).trim()
    const urls = item
      .slice(cut + 1)
      .split('|')
      .map((url) => url.trim())
    const wrong = urls.filter((url) => !isOrigin(url))
    if (!isModuleName(name)) {
      faults.push(`PEERS has ${JSON.stringify(item)}: write module=http://host:port with one of ${moduleNames.join(', ')}`)
      continue
    }
    if (peers[name]) faults.push(`PEERS names ${name} twice: separate its addresses by |`)
    if (wrong.length > 0) faults.push(`PEERS says that ${name} is at ${wrong.join(' and ')}, which is not an address like http://host:7400`)
    peers[name] = urls.filter(isOrigin).map((url) => new URL(url).origin)
  }
  return peers
}

/** What is neither hosted nor elsewhere, and who misses it. Who is asking is told by auth, to every process. */
function unmetNeeds(modules: readonly ModuleName[], peers: Topology['peers']): [ModuleName, string][] {
  const isMet = (need: ModuleName): boolean => modules.includes(need) || peers[need] !== undefined
  return moduleNames
    .filter((need) => !isMet(need))
    .map((need): [ModuleName, string] => {
      const who: string[] = modules.filter((module) => callsOf(module).includes(need))
      if (need === 'auth' && modules.length > 0) who.push('the public listener')
      return [need, who.join(' and ')]
    })
    .filter(([, who]) => who !== '')
}

/** Keys are needed as soon as something is elsewhere; a whole process may have them to be called by others. */
function readService(
  settings: TopologySettings,
  { modules, peers }: Pick<Topology, 'modules' | 'peers'>,
  faults: string[],
): ServiceIdentity | undefined {
  const isWhole = modules.length === moduleNames.length && Object.keys(peers).length === 0
  const { PROCESS_NAME: name = modules.join('-'), SERVICE_KEY_FILE, SERVICE_KEYS_FILE } = settings
  if (modules.length === 0 || (isWhole && SERVICE_KEYS_FILE === undefined)) return undefined
  if (!isProcessName(name)) {
    faults.push(`PROCESS_NAME is ${JSON.stringify(name)}: use up to 40 small letters, digits and hyphens, a letter first`)
    return undefined
  }
  const folder = join(settings.BULKHEAD_DATA_DIR, 'keys')
  const keyFile = SERVICE_KEY_FILE ?? join(folder, `${name}.pem`)
  return readServiceIdentity({ name, modules, keyFile, keysFile: SERVICE_KEYS_FILE ?? join(folder, 'processes.json') }, faults)
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

const everywhere = new Set(['0.0.0.0', '::', '[::]'])
const here = new Set(['127.0.0.1', 'localhost', '[::1]', '::1'])

function isOwnAddress(address: string, { INTERNAL_HOST: host, INTERNAL_PORT: port }: TopologySettings): boolean {
  const url = new URL(address)
  if (Number(url.port || (url.protocol === 'https:' ? 443 : 80)) !== port) return false
  return url.hostname === host || (here.has(url.hostname) && (here.has(host) || everywhere.has(host)))
}

const items = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
