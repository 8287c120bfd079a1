import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { anySeed, createRandom } from '../tests/faults/harness/random.ts'
import { type Form, nameOf, type Scenario } from '../tests/faults/harness/scenario.ts'
import { scenarios } from '../tests/faults/scenarios.ts'
import { thisMachine } from './chaos/machine.ts'
import { reliabilityPage } from './chaos/page.ts'
import type { Measured, Measurements } from './chaos/results.ts'
import { resultTable } from './chaos/table.ts'
import { describeFailure, Failure } from './servers/failure.ts'

const usage = `npm run chaos [-- options]

Breaks private copies of the system in many ways, again and again, and counts what was lost, what took effect twice and what
came out of order. Takes a quarter of an hour. Its figures go to docs/reliability.json and from there to docs/reliability.md.

  --scenario EV-03   only this one (also 'EV-03 replicas'); may be repeated
  --short            the sizes of the test suite; --full: far beyond those of the promises
  --events N         another number of events, and
  --faults N         of faults (--kills is the same)
  --seed N           make the choices of an earlier run again
  --json             print one JSON object instead of the table
  --no-write         leave the figures and the page alone
  --list             show what there is
`

const root = resolve(import.meta.dirname, '..')
const figuresFile = join(root, 'docs/reliability.json')
const pageFile = join(root, 'docs/reliability.md')

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    events: { type: 'string' },
    faults: { type: 'string' },
    kills: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  if (options.list) {
    for (const scenario of scenarios) process.stdout.write(`${nameOf(scenario).padEnd(28)}${scenario.claim}\n`)
    return 0
  }
  const form: Form = options.full ? 'full' : options.short ? 'short' : 'standard'
  const seed = numberOf('seed', options.seed) ?? anySeed()
  const measured: Measured[] = []
  for (const scenario of chosen()) measured.push(await measure(scenario, form, seed))

  const sized = options.events !== undefined || options.faults !== undefined || options.kills !== undefined
  if (form === 'standard' && !sized && !options['no-write']) keep(measured)
  process.stdout.write(options.json ? `${JSON.stringify({ form, seed, measured }, null, 2)}\n` : resultTable(measured))
  return measured.some(({ broken }) => broken.length > 0) ? 1 : 0
}

function chosen(): readonly Scenario[] {
  const wanted = options.scenario
  if (!wanted) return scenarios
  const found = scenarios.filter((scenario) => wanted.includes(scenario.id) || wanted.includes(nameOf(scenario)))
  const missing = wanted.filter((name) => !scenarios.some((scenario) => scenario.id === name || nameOf(scenario) === name))
  if (missing.length > 0)
    throw new Failure({
      what: `There is no scenario ${missing.join(', ')}.`,
      why: 'A scenario has the id of the promise it tries to break.',
      mend: 'npm run chaos -- --list shows them all',
    })
  return found
}

async function measure(scenario: Scenario, form: Form, seed: number): Promise<Measured> {
  const name = nameOf(scenario)
  const live = process.stderr.isTTY
  const say = (text: string): void => void process.stderr.write(live ? `\r\x1b[2K${name}: ${text}` : '')
  const size = { ...scenario.sizes[form] }
  size.events = numberOf('events', options.events) ?? size.events
  size.faults = numberOf('faults', options.faults ?? options.kills) ?? size.faults
  if (!live) process.stderr.write(`${name} … `)
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10
  const figures = await scenario.run(size, { form, random: createRandom(seed), progress: say })
  const verdict = figures.broken.length === 0 ? '✓' : '✗'
  process.stderr.write(
    live ? `\r\x1b[2K${verdict} ${name} (${figures.seconds.toFixed(1)} s)\n` : `${verdict} (${figures.seconds.toFixed(1)} s)\n`,
  )
  return { name, claim: scenario.claim, seed, at: new Date().toISOString(), loadBefore, ...figures }
}

/** Figures of scenarios that did not run this time stay, with the date of theirs, as long as the machine is the same. */
function keep(measured: readonly Measured[]): void {
  const kept: Measurements | undefined = existsSync(figuresFile) ? JSON.parse(readFileSync(figuresFile, 'utf8')) : undefined
  const order = scenarios.map(nameOf)
  const fresh = new Set(measured.map(({ name }) => name))
  const here = thisMachine()
  const earlier = JSON.stringify(kept?.machine) === JSON.stringify(here) ? (kept?.measured ?? []) : []
  const all = [...measured, ...earlier.filter(({ name }) => !fresh.has(name) && order.includes(name))]
  const measurements: Measurements = { machine: here, measured: all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)) }
  writeFileSync(figuresFile, `${JSON.stringify(measurements, null, 2)}\n`)
  writeFileSync(pageFile, reliabilityPage(measurements))
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Failure({ what: `--${option} ${text} is not a number.`, why: 'It counts something.', mend: `--${option} 100` })
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(describeFailure(error))
  process.exitCode = 1
}
