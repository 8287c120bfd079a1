import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type DatabaseName, databaseNames } from '#platform/config.ts'
import { sourceOf } from '#platform/database-names.ts'
import { checkData, eventKey } from '#platform/event-contracts.ts'
import { partitionOf } from '#platform/event-partitions.ts'
import { until } from '#support/event-world.ts'
import { startSystem } from '#support/system.ts'
import { databases as databaseOf } from '../../scripts/boundaries/sources.ts'
import {
  type CorpusFile,
  corpusFaults,
  corpusFolder,
  envelopeOf,
  keyOf,
  lostEntries,
  type Manifest,
  missingShapes,
  readCorpus,
  readManifest,
} from '../../scripts/contracts/corpus.ts'
import { declaredEvents } from '../../scripts/contracts/snapshot.ts'

const corpus = readCorpus(import.meta.dirname)
const manifest = readManifest(import.meta.dirname)
const sourceOfModule = (module: string): string => {
  const name = databaseNames.find((database) => database === databaseOf[module])
  if (!name) throw new TypeError(`module ${module} has no database`)
  return sourceOf(name)
}

test('EV-21: the corpus is what its manifest says: no file was changed, none is gone', () => {
  expect(corpusFaults(manifest, corpus)).toEqual([])
})

test('EV-21: the manifest has lost nothing that the last commits held', () => {
  const root = resolve(import.meta.dirname, '../..')
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    } catch {
      // A copy without history, or a commit from before the corpus.
      return ''
    }
  }
  const commits = git('log', '--format=%H', '-20', '--', `${corpusFolder}/manifest.json`).split('\n').filter(Boolean)
  for (const commit of commits) {
    const text = git('show', `${commit}:${corpusFolder}/manifest.json`)
    if (text === '') continue
    const older: Manifest = JSON.parse(text)
    expect(lostEntries(older, manifest), `against ${commit}`).toEqual([])
  }
})

test('EV-21: a removed, a changed and an unlisted file are each found', () => {
  const [first, ...rest] = corpus
  if (!first) throw new Error('the corpus is empty')
  const changed: CorpusFile = { ...first, text: first.text.replace('"version"', '"Version"') }

  expect(corpusFaults(manifest, rest)).toEqual([`${first.path} is gone`])
  expect(corpusFaults(manifest, [changed, ...rest])).toEqual([`${first.path} was changed`])
  expect(corpusFaults(manifest, [...corpus, { path: 'user.created@1/new.json', text: '{}' }])).toEqual([
    'user.created@1/new.json is not in the manifest',
  ])
  const { [first.path]: _gone, ...shorter } = manifest
  expect(lostEntries(manifest, shorter)).toEqual([`${first.path} is gone`])
})

test('EV-21: every event of every module stands in the corpus in full and in its least form', async () => {
  const missing = (await declaredEvents()).flatMap(({ key, module, declaration }) =>
    missingShapes({ key, source: sourceOfModule(module), declaration }, corpus, []),
  )

  expect(
    missing.map(({ path }) => path),
    'run npm run contracts -- corpus',
  ).toEqual([])
})

test('EV-21: whatever was once released fits the schema of its version today', async () => {
  const declarations = new Map((await declaredEvents()).map(({ key, declaration }) => [key, declaration]))
  for (const file of corpus) {
    const { type, version, data } = envelopeOf(file)
    const declaration = declarations.get(keyOf(file))
    if (!declaration) continue
    expect(eventKey(type, version)).toBe(keyOf(file))
    expect(() => checkData(type, declaration, data), file.path).not.toThrow()
  }
})

test('EV-21: every consumer of today bears whatever was once released', async () => {
  const system = await startSystem()
  onTestFinished(() => system.stop())
  const { databases } = system
  const rows = async (name: DatabaseName, text: string): Promise<Record<string, unknown>[]> => {
    const found = await databases.asRoot(text.replaceAll('#', `\`${databases.settings[name].schema}\`.`), name)
    return Array.isArray(found) ? found : []
  }
  const text = (value: unknown): string => `'${JSON.stringify(value).replace(/[\\']/g, '\\$&')}'`
  for (const [index, file] of corpus.entries()) {
    const { id, type, version, source, data, subject, correlationId, causationId, actor, traceparent } = envelopeOf(file)
    const name = databaseNames.find((database) => sourceOf(database) === source)
    if (!name) throw new Error(`${file.path} names no source`)
    // A subject of its own for each: what fails must not hold others back.
    const own = `${subject.replace(/\/.*/, '')}/corpus-${index}`
    const meta = { correlationId, causationId, actor, traceparent }
    await rows(
      name,
      `INSERT INTO #outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at)
       VALUES ('${id}', ${partitionOf(own)}, '${own}', 1, '${type}', ${version}, ${text(data)}, ${text(meta)}, NOW(3))`,
    )
  }
  const heads = async (): Promise<Map<string, number>> => {
    const found = new Map<string, number>()
    for (const name of databaseNames)
      for (const { part, next_seq } of await rows(name, 'SELECT part, next_seq FROM #outbox_sequence'))
        found.set(`${sourceOf(name)}/${part}`, Number(next_seq) - 1)
    return found
  }
  const isSettled = async (): Promise<boolean> => {
    const newest = await heads()
    for (const name of databaseNames) {
      if ((await rows(name, 'SELECT id FROM #outbox WHERE pub_seq IS NULL LIMIT 1')).length > 0) return false
      const cursors = await rows(name, 'SELECT source, part, last_seq FROM #inbox_cursor')
      if (cursors.some(({ source, part, last_seq }) => Number(last_seq) < (newest.get(`${source}/${part}`) ?? 0))) return false
      if ((await rows(name, 'SELECT event_id FROM #inbox_parked WHERE next_at IS NOT NULL LIMIT 1')).length > 0) return false
    }
    return true
  }

  system.app.events.look()
  await until(isSettled, 'every event of the corpus, at every consumer', 60_000)

  for (const name of databaseNames)
    expect(await rows(name, 'SELECT consumer, type, event_id, error_code, error FROM #inbox_parked'), name).toEqual([])
  const heard = system.app.events.consumers().flatMap(({ sources }) => [...sources.values()].flat())
  const keys = new Set(corpus.map(keyOf))
  expect(heard.filter((key) => !keys.has(key))).toEqual([])
}, 90_000)
