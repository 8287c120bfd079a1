import type { IModule } from 'dependency-cruiser'
import { type Finding, inOrder } from './finding.ts'
import { type Cruise, cruiseImports, importRules } from './import-rules.ts'
import { sqlSources, typescriptSources } from './sources.ts'
import { checkStructure, structureRules } from './structure-rules.ts'
import { checkMigrations, checkText, textRuleNames } from './text-rules.ts'

const everyFileIsCruised = {
  name: 'every-file-is-cruised',
  remedy:
    'The cruiser did not read this file, so its imports were not checked. Is the TypeScript installed one that dependency-cruiser reads (below 7)? Then see `exclude` in .dependency-cruiser.js.',
}

/** Every wall of the gate, in the order in which people meet them. */
export const rules = [
  ...importRules.map((rule) => ({ ...rule, kind: 'import' })),
  ...textRuleNames.map((rule) => ({ ...rule, kind: 'text' })),
  ...structureRules.map((rule) => ({ ...rule, kind: 'structure' })),
  { ...everyFileIsCruised, kind: 'structure' },
]

export interface Report {
  findings: Finding[]
  files: number
  cruised: number
  modules: readonly IModule[]
}

/** Runs every wall over the tree in the current directory. */
export async function checkBoundaries(cruiseTree: () => Promise<Cruise> = cruiseImports): Promise<Report> {
  const root = process.cwd()
  const sources = typescriptSources(root)
  const { findings, modules } = await cruiseTree()
  const seen = new Set(modules.map(({ source }) => source))
  const unseen = sources.filter(({ path }) => !seen.has(path))
  return {
    findings: inOrder([
      ...findings,
      ...checkText(sources),
      ...checkMigrations(sqlSources(root)),
      ...checkStructure(root, sources),
      ...unseen.map(({ path }) => ({ rule: everyFileIsCruised.name, file: path, remedy: everyFileIsCruised.remedy })),
    ]),
    files: sources.length,
    cruised: sources.length - unseen.length,
    modules,
  }
}
