import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isModuleName, type ModuleName } from './module-table.ts'

/**
 * The processes of a system by name: what each hosts, and the public half of its key. The file with all of them is the same for
 * every process and holds no secret; the private half is a file of its own that only its process reads.
 */
export interface ServiceProcess {
  readonly modules: readonly ModuleName[]
  /** PEM. */
  readonly publicKey: string
}

/** Who a process is among the others. Plain data, so that it can be part of the configuration. */
export interface ServiceIdentity {
  readonly name: string
  /** PEM, Ed25519. Never leaves the process. */
  readonly privateKey: string
  readonly processes: Readonly<Record<string, ServiceProcess>>
}

const namePattern = /^[a-z][a-z0-9-]{0,39}$/
export const isProcessName = (name: string): boolean => namePattern.test(name)

export interface KeyFiles {
  name: string
  modules: readonly ModuleName[]
  /** Files that settings name, or the usual places. */
  keyFile: string
  keysFile: string
}

/** Reads and compares both files; what is wrong is added to the faults, one readable line each. */
export function readServiceIdentity({ name, modules, keyFile, keysFile }: KeyFiles, faults: string[]): ServiceIdentity | undefined {
  const remedy = 'npm run keys -- service writes it'
  const before = faults.length
  const privateKey = readKey(keyFile)
  if (privateKey === undefined) faults.push(`SERVICE_KEY_FILE: ${keyFile} holds no Ed25519 private key: ${remedy}`)
  const processes = readProcesses(keysFile)
  if (processes === undefined) faults.push(`SERVICE_KEYS_FILE: ${keysFile} does not list the processes with their keys: ${remedy}`)
  const own = processes?.[name]
  if (processes && !own)
    faults.push(`PROCESS_NAME is ${name}, which ${keysFile} does not know; it knows ${Object.keys(processes).join(', ')}`)
  if (own) {
    const unlisted = modules.filter((module) => !own.modules.includes(module))
    if (unlisted.length > 0)
      faults.push(`MODULES has ${unlisted.join(', ')}, which ${keysFile} does not grant to ${name}: other processes would refuse its calls`)
    if (privateKey && publicPem(privateKey) !== publicPem(createPublicKey(own.publicKey)))
      faults.push(`SERVICE_KEY_FILE: ${keyFile} is not the key that ${keysFile} has for ${name}`)
  }
  if (faults.length > before || !privateKey || !processes) return undefined
  return { name, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), processes }
}

const publicPem = (key: KeyObject): string =>
  (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'pem' }).toString()

function readKey(file: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(readFileSync(file))
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

function readProcesses(file: string): Readonly<Record<string, ServiceProcess>> | undefined {
  try {
    const listed: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof listed !== 'object' || listed === null) return undefined
    const entries = Object.entries(listed).map(([name, entry]) => [name, processOf(name, entry)] as const)
    return Object.fromEntries(entries)
  } catch {
    return undefined
  }
}

function processOf(name: string, entry: unknown): ServiceProcess {
  if (!isProcessName(name) || typeof entry !== 'object' || entry === null) throw new TypeError(`${name} is no process`)
  const { modules, publicKey }: { modules?: unknown; publicKey?: unknown } = entry
  if (typeof publicKey !== 'string' || createPublicKey(publicKey).asymmetricKeyType !== 'ed25519') throw new TypeError(`${name} has no key`)
  if (!Array.isArray(modules)) throw new TypeError(`${name} hosts nothing`)
  const hosted: ModuleName[] = []
  for (const module of modules) {
    if (typeof module !== 'string' || !isModuleName(module)) throw new TypeError(`${name} hosts no ${String(module)}`)
    hosted.push(module)
  }
  return { modules: hosted, publicKey }
}
