import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { breakingAdvice, compareSnapshots, type Verdict } from './contracts/compatibility.ts'
import { currentSnapshots, printed, type Snapshot } from './contracts/snapshot.ts'

/**
 * `npm run contracts` writes contracts/<module>.json from the code, unless that would break a caller or a hearer.
 * `-- --check` writes nothing and fails when a file is stale. `-- --against <git ref>` compares with the files of that
 * commit instead, which is what CI does with the branch a change goes into. `-- --retire user@1` lets one promise go.
 */
const { values } = parseArgs({
  options: {
    check: { type: 'boolean' },
    against: { type: 'string' },
    retire: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
})

const folder = new URL('../contracts/', import.meta.url).pathname

function promised(module: string): Snapshot {
  const text = values.against ? committed(values.against, module) : onDisk(module)
  return text === undefined ? { module, contracts: {}, events: {} } : JSON.parse(text)
}

const onDisk = (module: string) => (existsSync(`${folder}${module}.json`) ? readFileSync(`${folder}${module}.json`, 'utf8') : undefined)

function committed(ref: string, module: string): string | undefined {
  const path = `contracts/${module}.json`
  const listed = execFileSync('git', ['ls-tree', '--name-only', ref, '--', path], { cwd: `${folder}..`, encoding: 'utf8' })
  return listed.trim() === '' ? undefined : execFileSync('git', ['show', `${ref}:${path}`], { cwd: `${folder}..`, encoding: 'utf8' })
}

const snapshots = await currentSnapshots()
const verdicts: Verdict[] = snapshots.flatMap((snapshot) => compareSnapshots(promised(snapshot.module), snapshot))
const isRetired = ({ where, sentence }: Verdict) => sentence.endsWith(' is gone') && (values.retire ?? []).includes(where)
const breaking = verdicts.filter((verdict) => verdict.kind === 'breaking' && !isRetired(verdict))
const stale = snapshots.filter((snapshot) => onDisk(snapshot.module) !== printed(snapshot)).map(({ module }) => `contracts/${module}.json`)

if (values.json) process.stdout.write(`${JSON.stringify({ verdicts, stale }, null, 2)}\n`)
else for (const { kind, where, sentence } of verdicts) process.stdout.write(`${kind}: ${where}: ${sentence}\n`)

if (breaking.length > 0) {
  process.stderr.write(`contracts: ${breaking.length} breaking. ${breakingAdvice}\n`)
  process.exitCode = 1
} else if (values.check || values.against) {
  if (stale.length > 0)
    process.stderr.write(`contracts: ${stale.join(', ')} not up to date. Run npm run contracts and commit the result.\n`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  mkdirSync(folder, { recursive: true })
  for (const snapshot of snapshots) writeFileSync(`${folder}${snapshot.module}.json`, printed(snapshot))
  process.stdout.write(`contracts: ${snapshots.length} modules written, ${stale.length} changed\n`)
}
