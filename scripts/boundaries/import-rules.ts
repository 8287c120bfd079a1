import { existsSync, readFileSync } from 'node:fs'
import { cruise, type ICruiseResult, type IModule } from 'dependency-cruiser'
import configuration from '../../.dependency-cruiser.js'
import type { Finding } from './finding.ts'
import { guardedFolders } from './sources.ts'

const forbidden = configuration.forbidden ?? []
const remedies = new Map(forbidden.map(({ name, comment }) => [name ?? '', comment ?? '']))

export const importRules = [...remedies].map(([name, remedy]) => ({ name, remedy }))

export interface Cruise {
  findings: Finding[]
  /** Every file the cruiser has really read, with what it imports. */
  modules: readonly IModule[]
}

/** Cruises the tree in the current directory: the cruiser knows no other root. */
export async function cruiseImports(): Promise<Cruise> {
  const { output } = await cruise(
    guardedFolders.filter((folder) => existsSync(folder)),
    { ...configuration.options, ruleSet: { forbidden }, validate: true, outputType: 'json' },
  )
  const result: ICruiseResult = typeof output === 'string' ? JSON.parse(output) : output
  const findings = result.summary.violations.map(({ rule, from, to, cycle }) => ({
    rule: rule.name,
    file: from,
    line: lineOfImport(result.modules, from, to),
    ...(to === from ? {} : { target: cycle ? cycle.map(({ name }) => name).join(' → ') : to }),
    remedy: remedies.get(rule.name) ?? '',
  }))
  return { findings, modules: result.modules }
}

/** The cruiser names files, not lines; people want the line. */
function lineOfImport(modules: readonly IModule[], from: string, to: string): number | undefined {
  const specifier = modules.find(({ source }) => source === from)?.dependencies.find(({ resolved }) => resolved === to)?.module
  if (specifier === undefined) return undefined
  const index = readFileSync(from, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(`'${specifier}'`) || line.includes(`'node:${specifier}'`))
  return index < 0 ? undefined : index + 1
}
