import { chdir } from 'node:process'
import { parseArgs } from 'node:util'
import { checkBoundaries, rules } from './boundaries/check.ts'
import { type Finding, place } from './boundaries/finding.ts'

/** `npm run boundaries`: every wall over the whole tree, or the tree given, for people or, with --json, for programs. */
const { values } = parseArgs({ options: { json: { type: 'boolean' }, tree: { type: 'string' } } })

chdir(values.tree ?? new URL('..', import.meta.url).pathname)
const report = await checkBoundaries()
const { findings, files, cruised } = report

if (values.json) {
  process.stdout.write(`${JSON.stringify({ rules: rules.length, files, cruised, findings }, null, 2)}\n`)
} else {
  for (const [remedy, refused] of byRemedy(findings)) {
    process.stdout.write(`\n${refused[0]?.rule}: ${remedy}\n`)
    for (const finding of refused) process.stdout.write(`  ${place(finding)}${finding.target ? ` → ${finding.target}` : ''}\n`)
  }
  const verdict = findings.length === 0 ? 'no refusals' : `${findings.length} ${findings.length === 1 ? 'refusal' : 'refusals'}`
  process.stdout.write(`\nboundaries: ${rules.length} rules, ${cruised} of ${files} files, ${verdict}\n`)
}
process.exitCode = findings.length === 0 ? 0 : 1

function byRemedy(list: readonly Finding[]): Map<string, Finding[]> {
  return Map.groupBy(list, ({ remedy }) => remedy)
}
