/**
 * Writes the keys by which the processes of a split system know each other.
 *
 *     npm run keys -- service front=auth,user,pricing back=customer,carrier
 *     npm run keys -- service auth-user customer carrier pricing
 *
 * A process without modules is named after them, joined by hyphens. Each process reads its own `<name>.pem` and all of them the
 * same `processes.json`; the folder is keys/ in BULKHEAD_DATA_DIR unless --out names another.
 */
import { join } from 'node:path'
import { Command } from 'commander'
import { isModuleName, moduleNames } from '../src/platform/module-table.ts'
import { isProcessName } from '../src/platform/service-keys.ts'
import { type Layout, writeServiceKeys } from './topology/service-keys.ts'

function layoutOf(processes: readonly string[]): Layout {
  const entries = processes.map((text): [string, string[]] => {
    const [name = '', modules = name.replaceAll('-', ',')] = text.split('=', 2)
    if (!isProcessName(name)) throw new TypeError(`${name} is no name of a process: small letters, digits and hyphens, a letter first`)
    const hosted = modules.split(',').map((module) => module.trim())
    const unknown = hosted.filter((module) => !isModuleName(module))
    if (unknown.length > 0) throw new TypeError(`${name} cannot host ${unknown.join(', ')}: there are ${moduleNames.join(', ')}`)
    return [name, hosted]
  })
  return Object.fromEntries(entries)
}

function service(processes: string[], { out }: { out: string }): void {
  const { made, kept } = writeServiceKeys(out, layoutOf(processes))
  for (const name of made) console.log(`made  ${join(out, `${name}.pem`)}`)
  for (const name of kept) console.log(`kept  ${join(out, `${name}.pem`)}`)
  console.log(`wrote ${join(out, 'processes.json')}`)
}

const program = new Command('keys').description('Keys of the processes of this installation')
program
  .command('service')
  .description('keys by which processes know each other')
  .argument('<processes...>', 'name=module,module or module-module')
  .option('--out <folder>', 'where to write them', join(process.env.BULKHEAD_DATA_DIR || '.bulkhead', 'keys'))
  .action(service)

try {
  await program.parseAsync()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
