import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { neighbours } from '../../.dependency-cruiser.js'
import type { Finding } from './finding.ts'
import { moduleOf, type Source } from './sources.ts'

/** What neither an import nor a line of code can show: that the house has all its rooms and the table all its modules. */

const rooms = ['index.ts', 'contract.ts', 'module.ts', 'routes.ts', 'schemas.ts', 'service.ts', 'repository.ts', 'tables.ts', 'README.md']
const table: Readonly<Record<string, readonly string[]>> = neighbours

const remedies = {
  'module-is-in-the-table':
    'This module is not in the neighbours table, so no wall stands around it. Add it to `neighbours` in .dependency-cruiser.js with those it may know.',
  'table-names-real-modules':
    'The neighbours table names a module that is not on disk. Remove it, or correct the name, in .dependency-cruiser.js.',
  'rooms-are-complete': `Every module has the same rooms (${rooms.join(', ')}). Add the missing one, even if it is short; a large one may be several (login-repository.ts).`,
  'index-opens-with-the-card': 'index.ts opens with the card of the module: a comment with what it owns, offers, publishes and hears.',
  'folders-are-flat':
    'The platform and the modules are flat; only an engine has a folder. Put the file one level up and let its name say what it is.',
  'names-carry-an-idea': 'A file named so has no idea yet. Name it after what it holds; if it holds two things, make two files.',
} as const

type StructureRule = keyof typeof remedies

export const structureRules = Object.entries(remedies).map(([name, remedy]) => ({ name, remedy }))

const refusal = (rule: StructureRule, file: string, target?: string): Finding => ({
  rule,
  file,
  ...(target === undefined ? {} : { target }),
  remedy: remedies[rule],
})

export function checkStructure(root: string, sources: readonly Source[]): Finding[] {
  const onDisk = [...new Set(sources.map(({ path }) => moduleOf(path)).filter((name) => name !== undefined))]
  return [
    ...onDisk.filter((name) => !(name in table)).map((name) => refusal('module-is-in-the-table', `src/modules/${name}`)),
    ...Object.entries(table)
      .flatMap(([name, known]) => [name, ...known])
      .filter((name, index, all) => !onDisk.includes(name) && all.indexOf(name) === index)
      .map((name) => refusal('table-names-real-modules', '.dependency-cruiser.js', name)),
    ...onDisk
      .flatMap((name) => rooms.map((room) => `src/modules/${name}/${room}`))
      .filter((path) => !existsSync(`${root}/${path}`) && !isSplit(path, sources))
      .map((path) => refusal('rooms-are-complete', path)),
    ...sources.flatMap(({ path }) => checkPath(path)),
    ...onDisk.flatMap((name) => checkCard(root, `src/modules/${name}/index.ts`)),
  ]
}

/** A room may be several: `login-repository.ts` and `session-repository.ts` instead of one `repository.ts`. */
function isSplit(room: string, sources: readonly Source[]): boolean {
  const [folder, name] = [`${dirname(room)}/`, `-${basename(room)}`]
  return sources.some(({ path }) => path.startsWith(folder) && path.endsWith(name))
}

function checkPath(path: string): Finding[] {
  const findings: Finding[] = []
  if (/^src\/(platform|modules\/[^/]+)\/[^/]+\//.test(path) && !/^src\/modules\/[^/]+\/engine\//.test(path))
    findings.push(refusal('folders-are-flat', path))
  const word = /(^|-)(utils?|helpers?|managers?|common|base|impl|misc)[.]/.exec(basename(path))?.[2]
  if (word !== undefined) findings.push(refusal('names-carry-an-idea', path, word))
  return findings
}

function checkCard(root: string, path: string): Finding[] {
  if (!existsSync(`${root}/${path}`)) return []
  const card = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(`${root}/${path}`, 'utf8'))?.[0].toLowerCase() ?? ''
  const missing = ['owns', 'offers', 'publishes', 'hears'].filter((word) => !card.includes(word))
  return missing.length === 0 ? [] : [refusal('index-opens-with-the-card', path, `missing: ${missing.join(', ')}`)]
}
