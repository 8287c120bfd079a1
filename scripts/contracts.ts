import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type DatabaseName, databaseNames } from '#platform/config.ts'
import { sourceOf } from '#platform/database-names.ts'
import { databases } from './boundaries/sources.ts'
import { breakingAdvice, compareSnapshots, type Verdict } from './contracts/compatibility.ts'
import { addToCorpus, corpusFolder, missingShapes, readCorpus } from './contracts/corpus.ts'
import { observedEvents } from './contracts/observed.ts'
import { commitTree, diskTree, recordedSnapshots, recordOf, staleFiles, writeRecord } from './contracts/record.ts'
import { currentSnapshots, declaredEvents } from './contracts/snapshot.ts'

/**
 * `npm run contracts` writes what the modules promise into contracts/, unless that would break a caller or a hearer.
 * `-- --check` writes nothing and fails when a file is stale. `-- --against <git ref>` compares with the files of that
 * commit instead. `-- --retire user@1` lets one promise go.
 *
 * `npm run contracts -- corpus` adds to tests/events what the golden corpus lacks: each event in full and in its least form,
 * and each kind that the system of this environment has published, when one runs. It never changes what is there.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean' },
    against: { type: 'string' },
    retire: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
})

const root = new URL('..', import.meta.url).pathname
if (positionals[0] === 'corpus') await growCorpus()
else await judge()

async function judge(): Promise<void> {
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
}

async function growCorpus(): Promise<void> {
  const folder = `${root}${corpusFolder}`
  for (const file of ['.env', join(process.env.BULKHEAD_DATA_DIR || '.bulkhead', 'env')]) if (existsSync(file)) process.loadEnvFile(file)
  const observed = process.env.SHARED_DB_HOST ? await observedEvents(process.env) : []
  const corpus = readCorpus(folder)
  const added = (await declaredEvents()).flatMap(({ key, module, declaration }) =>
    missingShapes({ key, source: sourceOf(databaseOf(module)), declaration }, corpus, observed),
  )
  addToCorpus(folder, added)
  for (const { path } of added) process.stdout.write(`added: ${corpusFolder}/${path}\n`)
  process.stdout.write(`corpus: ${corpus.length + added.length} files, ${added.length} added, ${observed.length} events observed\n`)
}

function databaseOf(module: string): DatabaseName {
  const found = databaseNames.find((name) => name === databases[module])
  if (!found) throw new TypeError(`module ${module} has no database`)
  return found
}
