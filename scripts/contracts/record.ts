import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from './schema-changes.ts'
import { type EventSnapshot, modules, type Snapshot } from './snapshot.ts'

/**
 * What has been promised, as files: contracts/<module>.json with the operations, contracts/events/<type>@<version>.json with
 * the schema of an event. They are generated and never edited, and a change is judged by them.
 */
const folder = 'contracts'
const eventsFolder = `${folder}/events`

/** A tree of files: the one on disk, or that of a commit. */
export interface Tree {
  /** Names in a folder; none when it is not there. */
  list(folder: string): readonly string[]
  read(path: string): string | undefined
}

export const diskTree = (root: string): Tree => ({
  list: (path) => (existsSync(join(root, path)) ? readdirSync(join(root, path)) : []),
  read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined),
})

export function commitTree(root: string, ref: string): Tree {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' })
  const list = (path: string) => git('ls-tree', '--name-only', ref, '--', `${path}/`).split('\n').filter(Boolean)
  return {
    list: (path) => list(path).map((name) => name.slice(path.length + 1)),
    read: (path) => (git('ls-tree', '--name-only', ref, '--', path) === '' ? undefined : git('show', `${ref}:${path}`)),
  }
}

/** The newest commits of the history, as far as there is one: a clone may be shallow, an archive has none. */
export function commitsBefore(root: string): readonly string[] {
  return ['HEAD', 'HEAD^'].filter((ref) => {
    try {
      execFileSync('git', ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], { cwd: root, stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
}

export function recordedSnapshots(tree: Tree): Snapshot[] {
  const events = recordedEvents(tree)
  return modules.map((module) => {
    const recorded: Pick<Snapshot, 'contracts'> = JSON.parse(tree.read(`${folder}/${module}.json`) ?? '{"contracts":{}}')
    const own = events.filter(({ publisher }) => publisher === module)
    return { module, contracts: recorded.contracts, events: Object.fromEntries(own.map(({ key, event }) => [key, event])) }
  })
}

interface EventFile {
  title: string
  'x-publisher': string
  'x-aggregate': string
  'x-heard-by': readonly string[]
}

function recordedEvents(tree: Tree): { key: string; publisher: string; event: EventSnapshot }[] {
  return tree.list(eventsFolder).map((name) => {
    const file: EventFile & Schema = JSON.parse(tree.read(`${eventsFolder}/${name}`) ?? '')
    const { $schema: _dialect, title, 'x-publisher': publisher, 'x-aggregate': aggregate, 'x-heard-by': heardBy, ...data } = file
    return { key: title, publisher, event: { aggregate, heardBy, data } }
  })
}

/** The files that say what the snapshots say. */
export function recordOf(snapshots: readonly Snapshot[]): ReadonlyMap<string, string> {
  const files = snapshots.flatMap(({ module, contracts, events }) => [
    [`${folder}/${module}.json`, { module, contracts }] as const,
    ...Object.entries(events).map(([key, event]) => [`${eventsFolder}/${key}.json`, eventFile(module, key, event)] as const),
  ])
  return new Map(files.map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`]))
}

const eventFile = (publisher: string, key: string, { aggregate, heardBy, data }: EventSnapshot): EventFile & Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: key,
  'x-publisher': publisher,
  'x-aggregate': aggregate,
  'x-heard-by': heardBy,
  ...data,
})

/** Files that differ from the record, are missing, or stand for an event that is no longer declared. */
export function staleFiles(tree: Tree, record: ReadonlyMap<string, string>): string[] {
  const gone = tree
    .list(eventsFolder)
    .map((name) => `${eventsFolder}/${name}`)
    .filter((path) => !record.has(path))
  return [...[...record].filter(([path, text]) => tree.read(path) !== text).map(([path]) => path), ...gone]
}

export function writeRecord(root: string, record: ReadonlyMap<string, string>): void {
  mkdirSync(join(root, eventsFolder), { recursive: true })
  for (const path of staleFiles(diskTree(root), record)) {
    const text = record.get(path)
    if (text === undefined) rmSync(join(root, path))
    else writeFileSync(join(root, path), text)
  }
}
