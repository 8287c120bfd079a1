import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { copyTree } from './redchecks/copy.ts'
import { type Finding, type Findings, withTable } from './redchecks/page.ts'
import { commandOf, type NamedTest, type RedCheck, readRedChecks, redCheckFolder } from './redchecks/patches.ts'
import { type Run, runTest } from './redchecks/runs.ts'
import { describeFailure, Failure } from './servers/failure.ts'

const usage = `npm run redchecks [-- options]

Takes the guards out of copies of the source, one by one, and runs the tests that must notice: a test that stays green without
the guard it stands for proves nothing. Each test is first run with all guards in place. Takes some minutes. What came of it
goes to ${redCheckFolder}/README.md.

  --only <name>   only this patch; may be repeated
  --json          print one JSON object instead of the table
  --no-write      leave the page alone
  --list          show what there is
`

const root = resolve(import.meta.dirname, '..')
const page = join(root, redCheckFolder, 'README.md')
const figures = join(root, redCheckFolder, 'measured.json')
/** Faults hit by chance: a scenario gets so many runs to notice. */
const mostRuns = 5

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (text: string): void => void process.stderr.write(text)

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const chosen = choose(readRedChecks(root))
  if (options.list) {
    for (const { name, guard, failures } of chosen)
      process.stdout.write(`${name}: ${guard}\n${failures.map(({ test }) => `  ${commandOf(test)}\n`).join('')}`)
    return 0
  }
  const healthy = await runHealthy(chosen)
  const findings: Finding[] = []
  for (const check of chosen) findings.push(...(await runPatched(check, healthy)))

  if (!options['no-write']) keep(findings)
  process.stdout.write(options.json ? `${JSON.stringify({ findings }, null, 2)}\n` : table(findings))
  return findings.every(({ noticed }) => noticed) ? 0 : 1
}

function choose(all: readonly RedCheck[]): readonly RedCheck[] {
  const wanted = options.only
  if (!wanted) return all
  const missing = wanted.filter((name) => !all.some((check) => check.name === name))
  if (missing.length > 0)
    throw new Failure({
      what: `There is no patch ${missing.join(', ')}.`,
      why: `A patch is a file of ${redCheckFolder}.`,
      mend: 'npm run redchecks -- --list shows them all',
    })
  return all.filter(({ name }) => wanted.includes(name))
}

/** Each test once with all guards in place. */
async function runHealthy(checks: readonly RedCheck[]): Promise<ReadonlyMap<string, Run>> {
  const tests = new Map(checks.flatMap(({ failures }) => failures.map(({ test }) => [commandOf(test), test] as const)))
  const copy = copyTree(root)
  const runs = new Map<string, Run>()
  try {
    for (const [command, test] of tests) {
      say(`with its guards: ${command} … `)
      const run = await runTest(copy.folder, test)
      say(`${run.verdict} (${run.seconds.toFixed(1)} s)\n`)
      runs.set(command, run)
    }
  } finally {
    copy.remove()
  }
  return runs
}

async function runPatched({ name, path, guard, failures }: RedCheck, healthy: ReadonlyMap<string, Run>): Promise<Finding[]> {
  const findings: Finding[] = []
  const at = new Date().toISOString().slice(0, 10)
  const copy = copyTree(root)
  try {
    const applied = copy.apply(path)
    for (const { test, says } of failures) {
      const command = commandOf(test)
      const before = healthy.get(command)
      const found = (noticed: boolean, effect: string): Finding => ({ name, command, noticed, effect, at })
      if (!applied) findings.push(found(false, 'the patch does not apply'))
      else if (before?.verdict !== 'green') findings.push(found(false, `not green with its guards: ${before?.says.join('; ')}`))
      else {
        say(`without ${guard}: ${command} … `)
        const { noticed, effect, seconds } = await untilNoticed(copy.folder, test, says)
        say(`${noticed ? 'red' : 'NOT NOTICED'} (${seconds.toFixed(1)} s): ${effect}\n`)
        findings.push(found(noticed, effect))
      }
    }
  } finally {
    copy.remove()
  }
  return findings
}

async function untilNoticed(folder: string, test: NamedTest, says: string): Promise<{ noticed: boolean; effect: string; seconds: number }> {
  let effect = ''
  let seconds = 0
  const runs = test.tool === 'chaos' ? mostRuns : 1
  for (let number = 1; number <= runs; number += 1) {
    const run = await runTest(folder, test)
    seconds += run.seconds
    const said = run.says.find((text) => text.includes(says))
    effect = [run.figures || (said ?? run.says.join('; ') ?? run.verdict), number > 1 ? `(run ${number})` : ''].join(' ').trim()
    if (run.verdict === 'red' && said !== undefined) return { noticed: true, effect, seconds }
    if (run.verdict === 'broken') break
  }
  return { noticed: false, effect, seconds }
}

/** What was not run this time stays, with the date of its own. */
function keep(findings: readonly Finding[]): void {
  const kept: Findings = existsSync(figures) ? JSON.parse(readFileSync(figures, 'utf8')) : { findings: [] }
  const keyOf = ({ name, command }: Pick<Finding, 'name' | 'command'>): string => `${name} ${command}`
  const known = new Map([...kept.findings, ...findings].map((finding) => [keyOf(finding), finding]))
  const checks = readRedChecks(root)
  const inOrder = checks.flatMap(({ name, failures }) =>
    failures.flatMap(({ test }) => known.get(keyOf({ name, command: commandOf(test) })) ?? []),
  )
  writeFileSync(figures, `${JSON.stringify({ findings: inOrder }, null, 2)}\n`)
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), checks, inOrder))
}

function table(findings: readonly Finding[]): string {
  return findings.map(({ name, command, noticed, effect }) => `${noticed ? '✓' : '✗'} ${name}: ${command}\n    ${effect}\n`).join('')
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  say(describeFailure(error))
  process.exitCode = 1
}
