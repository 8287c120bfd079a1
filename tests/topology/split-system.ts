import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModuleName, moduleOfPath } from '#platform/module-table.ts'
import { type Api, createApi } from '../../scripts/api.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { writeServiceKeys } from '../../scripts/topology/service-keys.ts'
import { createTestDatabases, type TestDatabases } from '../support/databases.ts'
import { type RunningProcess, startProcess } from '../support/process.ts'
import { startRouter } from './router.ts'

/** The system as several real processes on fresh databases, each with the settings of what it hosts and no others. */
export interface SplitSystem {
  /** All of them behind a router that knows which address belongs to which process. */
  url: string
  api: Api
  databases: TestDatabases
  process(name: string): RunningProcess & { api: Api }
  /** The settings that make a process what it is in this layout. */
  settingsOf(name: string): Record<string, string>
  /** What its keys are in, for tests that speak for a process. */
  keys: string
  /** Starts one again, on the same ports, after it has ended. */
  restart(name: string): Promise<void>
  stop(): Promise<void>
}

export type SplitLayout = Readonly<Record<string, readonly ModuleName[]>>

export interface SplitOptions {
  /** Where the modules of a process are to be found instead of at its internal listener. */
  through?: (name: string, url: string) => string
  settings?: Record<string, string>
  /** Instead of fresh ones; they are dropped all the same. */
  databases?: TestDatabases
}

export async function startSplit(
  layout: SplitLayout,
  { through = (_, url) => url, settings = {}, databases: given }: SplitOptions = {},
): Promise<SplitSystem> {
  const databases = given ?? (await createTestDatabases())
  const keys = mkdtempSync(join(tmpdir(), 'bulkhead-keys-'))
  writeServiceKeys(keys, layout)
  const ports = new Map<string, { port: number; internal: number }>()
  for (const name of Object.keys(layout)) ports.set(name, { port: await freePort(), internal: await freePort() })
  const running = new Map<string, RunningProcess & { api: Api }>()

  const internalUrl = (name: string): string => `http://127.0.0.1:${ports.get(name)?.internal}`
  function settingsOf(name: string): Record<string, string> {
    const modules = layout[name] ?? []
    const elsewhere = Object.entries(layout).filter(([other]) => other !== name)
    const peers = elsewhere.flatMap(([other, hosted]) => hosted.map((module) => `${module}=${through(other, internalUrl(other))}`))
    return {
      MODULES: modules.join(','),
      PEERS: peers.join(','),
      PROCESS_NAME: name,
      SERVICE_KEY_FILE: join(keys, `${name}.pem`),
      SERVICE_KEYS_FILE: join(keys, 'processes.json'),
      PORT: String(ports.get(name)?.port),
      INTERNAL_PORT: String(ports.get(name)?.internal),
      PUBLIC_URL: 'http://bulkhead.test',
      ...settings,
    }
  }

  async function start(name: string): Promise<void> {
    const process = await startProcess(databases, settingsOf(name))
    running.set(name, { ...process, api: createApi(process.url) })
  }

  await Promise.all(Object.keys(layout).map(start))
  const nameFor = (path: string): string | undefined => {
    const module = moduleOfPath(path)
    return Object.keys(layout).find((name) => module === undefined || layout[name]?.includes(module))
  }
  const router = await startRouter((path) => ports.get(nameFor(path) ?? '')?.port ?? 0)
  return {
    url: router.url,
    api: createApi(router.url),
    databases,
    keys,
    settingsOf,
    process(name) {
      const found = running.get(name)
      if (!found) throw new TypeError(`no process ${name} runs`)
      return found
    },
    restart: start,
    async stop() {
      await router.close()
      await Promise.all([...running.values()].map((process) => process.kill()))
      await databases.drop()
      rmSync(keys, { recursive: true, force: true })
    },
  }
}
