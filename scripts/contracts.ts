import { parseArgs } from 'node:util'
import { breakingAdvice, compareSnapshots, type Verdict } from './contracts/compatibility.ts'
import { commitTree, diskTree, recordedSnapshots, recordOf, staleFiles, writeRecord } from './contracts/record.ts'
import { currentSnapshots } from './contracts/snapshot.ts'

/**
 * `npm run contracts` writes what the modules promise into contracts/, unless that would break a caller or a hearer.
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

const root = new URL('..', import.meta.url).pathname
const promised = recordedSnapshots(values.against ? commitTree(root, values.against) : diskTree(root))
const snapshots = await currentSnapshots()
const verdicts: Verdict[] = snapshots.flatMap((snapshot) =>
  compareSnapshots(
    promised.find(({ module }) => module === snapshot.module) ?? { module: snapshot.module, contracts: {}, events: {} },
    snapshot,
  ),
)
const isRetired = ({ where, sentence }: Verdict) => sentence.endsWith(' is gone') && (values.retire ?? []).includes(where)
const breaking = verdicts.filter((verdict) => verdict.kind === 'breaking' && !isRetired(verdict))
const record = recordOf(snapshots)
const stale = staleFiles(diskTree(root), record)

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
  writeRecord(root, record)
  process.stdout.write(`contracts: ${snapshots.length} modules, ${record.size} files, ${stale.length} changed\n`)
}
