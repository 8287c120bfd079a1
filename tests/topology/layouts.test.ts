import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { loadConfig } from '#platform/config.ts'
import { type ModuleName, moduleNames, moduleTable } from '#platform/module-table.ts'
import { until } from '../../scripts/servers/processes.ts'
import { describeTopology } from '../../scripts/topology/description.ts'
import { settingPrefix } from '../../src/platform/database-names.ts'
import { createInstallation, type Installation, quietPorts, type StartProcess } from '../start/start-process.ts'

type Layout = Readonly<Record<string, readonly ModuleName[]>>

const layouts: Readonly<Record<string, Layout>> = {
  split2: { front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'] },
  // Twice the processes for the same ideas.
  ...(process.env.TOPOLOGIES === 'full'
    ? { units: { 'auth-user': ['auth', 'user'], customer: ['customer'], carrier: ['carrier'], pricing: ['pricing'] } }
    : {}),
}

/** The processes of `npm start` are found in /proc. */
describe.runIf(process.platform === 'linux')('npm start with a layout', { timeout: 120_000 }, () => {
  let installation: Installation
  afterEach(() => installation?.remove(), 60_000)

  it.each(Object.entries(layouts))('%s: every process knows what it hosts and no more, and together they quote', async (name, layout) => {
    installation = await createInstallation()
    const base = await quietPorts()
    const settings = { PORT: `${base}`, INTERNAL_PORT: `${base + 10}`, DEMO_DATA: 'on', LOG_LEVEL: 'warn' }
    const run = await installation.start(settings, ['--topology', name])
    await run.ready()

    // The banner shows a quote that was asked for at the one address: its path leads to pricing, which asks its neighbours.
    expect(run.output()).toContain('fast GND  19.63 USD')
    for (const [process, modules] of Object.entries(layout)) {
      expect(run.output()).toMatch(new RegExp(`^ *${process} +${modules.join(', ')}  on \\d+, internal \\d+ \\(pid \\d+\\)$`, 'm'))
      expect(foreignTo(modules, environmentOf(pidOf(run, process)))).toEqual([])
      await expectAsDescribed(process)
    }

    run.child.kill('SIGINT')
    expect(await run.exit()).toBe(0)
    expect(await until(() => installation.processes().length === 0, 30_000)).toBe(true)
  })

  /** TP-03: what its file says of it is what it says of itself. */
  async function expectAsDescribed(name: string): Promise<void> {
    const config = loadConfig(parseEnv(readFileSync(join(installation.dataDir, 'processes', `${name}.env`), 'utf8')))
    const said = await (await fetch(`http://127.0.0.1:${config.internalPort}/topology`)).json()
    expect(said).toEqual(await describeTopology(config))
  }
})

const pidOf = (run: StartProcess, name: string): number => Number(new RegExp(`^ *${name} .*\\(pid (\\d+)\\)`, 'm').exec(run.output())?.[1])

function environmentOf(pid: number): string[] {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  return entries.map((entry) => entry.split('=', 1)[0] ?? '')
}

/** TP-17: settings of databases and of identity that are none of its business. */
function foreignTo(modules: readonly ModuleName[], names: readonly string[]): string[] {
  const prefixes = moduleNames.filter((module) => !modules.includes(module)).map((module) => settingPrefix[moduleTable[module].database])
  const hosted = modules.map((module) => settingPrefix[moduleTable[module].database])
  const others = prefixes.filter((prefix) => !hosted.includes(prefix))
  const ofAuth = modules.includes('auth') ? /_MIGRATOR_|^DB_/ : /_MIGRATOR_|^DB_|^AUTH_|^BOOTSTRAP_/
  return names.filter((name) => ofAuth.test(name) || others.some((prefix) => name.startsWith(`${prefix}_`)))
}
