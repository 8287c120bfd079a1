import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../servers/failure.ts'
import { firstAnswer, freePort, isPortFree } from '../servers/ports.ts'
import { isAlive, writePidFile } from '../servers/processes.ts'
import type { StartSettings } from './environment.ts'

/** One `npm start` per data folder; returns how to give the folder back. */
export function claimDataFolder({ dataDir, host, port }: Pick<StartSettings, 'dataDir' | 'host' | 'port'>): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const pidFile = join(dataDir, 'start.json')
  const addressFile = join(dataDir, 'address')
  if (isAlive(pidFile)) {
    throw new Failure({
      what: `Bulkhead already runs in ${dataDir}, at ${readIfThere(addressFile) ?? 'an unknown address'}.`,
      why: 'One data folder has one set of servers, and one start that looks after them.',
      mend: 'stop that one, or begin a second one: PORT=3100 INTERNAL_PORT=7500 BULKHEAD_DATA_DIR=.bulkhead-2 npm start',
    })
  }
  writePidFile(pidFile)
  writeFileSync(addressFile, `http://${host}:${port}`)
  return () => {
    rmSync(pidFile, { force: true })
    rmSync(addressFile, { force: true })
  }
}

/** Said before anything is started, because it is the commonest reason why a start fails. */
export async function requireFreePorts({ host, port, internalHost, internalPort }: StartSettings): Promise<void> {
  const wanted = [
    { name: 'PORT', host, port },
    { name: 'INTERNAL_PORT', host: internalHost, port: internalPort },
  ]
  for (const { name, host, port } of wanted) {
    // What is no port at all is named by the configuration, with everything else that is wrong.
    if (!isPort(port) || (await isPortFree(port, host))) continue
    throw new Failure({
      what: `Port ${port} on ${host} is taken.`,
      why: `Another program listens there, or this user may not; the setting is ${name}.`,
      mend: `${name}=${await freePort(port + 100)} npm start`,
    })
  }
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536

/** Servers that somebody else looks after are asked before anything is started. */
export async function requireAnswers(environment: Record<string, string | undefined>, given: StartSettings['given']): Promise<void> {
  const named = [...given.databases.map(({ prefix, port }) => ({ prefix, port, request: '' })), ...(given.redis ? [redis] : [])]
  for (const { prefix, port: usual, request } of named) {
    const host = environment[`${prefix}_HOST`] ?? ''
    const port = Number(environment[`${prefix}_PORT`] || usual)
    if ((await firstAnswer(port, { host, request, timeoutMs: 2_000 })) !== undefined) continue
    throw new Failure({
      what: `${prefix}_HOST names ${host}:${port}, which does not answer.`,
      why: 'No server listens there, or a firewall stands between.',
      mend: `start that server, correct ${prefix}_HOST and ${prefix}_PORT, or take ${prefix}_HOST away to use the private one`,
    })
  }
}

const redis = { prefix: 'REDIS', port: 6379, request: 'PING\r\n' }

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
