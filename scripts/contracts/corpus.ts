import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Envelope, type EventDeclaration, typeOf } from '#platform/event-contracts.ts'
import { exampleOf } from '#platform/schema-examples.ts'
import { completed, hasAll, isLeast, kindOf, reduced } from './shapes.ts'

/**
 * The golden corpus, tests/events/<type>@<version>/*.json: events in every shape that was ever released. It only grows. What
 * was once said lies in outboxes, lines and backups, and every consumer of today must bear it.
 */
export interface CorpusFile {
  /** `user.created@1/full.json` */
  path: string
  text: string
}

export interface DeclaredEvent {
  key: string
  /** The database it is published from: `shared_user`. */
  source: string
  declaration: EventDeclaration
}

/** SHA-256 of each file by its path. */
export type Manifest = Readonly<Record<string, string>>

const manifestName = 'manifest.json'
export const corpusFolder = 'tests/events'

export const keyOf = ({ path }: CorpusFile): string => dirname(path)
export const envelopeOf = ({ text }: CorpusFile): Envelope => JSON.parse(text)

export function readCorpus(folder: string): CorpusFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /@\d+\/[^/]+\.json$/.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
}

export const readManifest = (folder: string): Manifest =>
  existsSync(join(folder, manifestName)) ? JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) : {}

/** Writes new files and enters them; what is there already is left alone. */
export function addToCorpus(folder: string, added: readonly CorpusFile[]): void {
  for (const { path, text } of added) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { flag: 'wx' })
  }
  const entries = Object.entries({ ...readManifest(folder), ...manifestOf(added) }).sort(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(join(folder, manifestName), `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`)
}

const manifestOf = (files: readonly CorpusFile[]): Manifest =>
  Object.fromEntries(files.map(({ path, text }) => [path, createHash('sha256').update(text).digest('hex')]))

/** What is wrong between the files and the manifest. */
export function corpusFaults(manifest: Manifest, files: readonly CorpusFile[]): string[] {
  const found = manifestOf(files)
  return [
    ...lostEntries(manifest, found),
    ...Object.keys(found)
      .filter((path) => !(path in manifest))
      .map((path) => `${path} is not in the manifest`),
  ]
}

/** What an older manifest holds that a newer one does not, or not in the same words. */
export function lostEntries(older: Manifest, newer: Manifest): string[] {
  return Object.entries(older).flatMap(([path, hash]) =>
    newer[path] === hash ? [] : [newer[path] === undefined ? `${path} is gone` : `${path} was changed`],
  )
}

/**
 * The shapes of an event that the corpus lacks: one with every member, one with nothing but what is required, and each kind
 * that was observed. Made of observed events as far as there are any.
 */
export function missingShapes(
  { key, source, declaration }: DeclaredEvent,
  corpus: readonly CorpusFile[],
  observed: readonly Envelope[],
): CorpusFile[] {
  const { data: schema, aggregate, version } = declaration
  const type = typeOf(key)
  const known = corpus.filter((file) => keyOf(file) === key).map((file) => envelopeOf(file).data)
  const made: CorpusFile[] = []
  const add = (name: string, envelope: Envelope, data: unknown): void => {
    const path = freePath(`${key}/${name}`, [...corpus, ...made])
    known.push(data)
    made.push({ path, text: `${JSON.stringify(settled({ ...envelope, data }, path), null, 2)}\n` })
  }

  const own = observed.filter((event) => event.type === type && event.version === version)
  const example: Envelope = { ...blank, type, version, source, subject: `${aggregate}/1`, data: exampleOf(schema) }
  const byRichness = own.toSorted((a, b) => kindOf(schema, b.data).length - kindOf(schema, a.data).length)
  if (!hasAll(schema, known)) {
    const richest = byRichness[0] ?? example
    add('full', richest, completed(schema, richest.data, example.data))
  }
  if (!known.some((data) => isLeast(schema, data))) {
    const poorest = byRichness.at(-1) ?? example
    add('minimal', poorest, reduced(schema, poorest.data))
  }
  for (const event of own) {
    if (!known.some((data) => kindOf(schema, data) === kindOf(schema, event.data))) add('observed', event, event.data)
  }
  return made
}

const blank = {
  id: '',
  subjectSeq: 1,
  occurredAt: '',
  correlationId: '',
  causationId: '',
  actor: { kind: 'system' },
  traceparent: null,
} as const

/** What differs from run to run is settled, so that the file tells of its shape only. */
function settled(envelope: Envelope, path: string): Envelope {
  const random = createHash('sha256').update(path).digest('hex')
  return {
    ...envelope,
    id: `019d37c1-c9fb-7${random.slice(0, 3)}-9${random.slice(3, 6)}-${random.slice(6, 18)}`,
    subjectSeq: 1,
    occurredAt: '2026-03-29T02:30:00.123Z',
    correlationId: 'corpus',
    causationId: 'corpus',
    traceparent: null,
  }
}

function freePath(stem: string, taken: readonly CorpusFile[]): string {
  const isTaken = (path: string) => taken.some((file) => file.path === path)
  for (let number = 1; ; number += 1) {
    const path = number === 1 ? `${stem}.json` : `${stem}-${number}.json`
    if (!isTaken(path)) return path
  }
}
