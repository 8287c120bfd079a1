import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measured } from '../chaos/results.ts'
import type { NamedTest } from './patches.ts'

/** What a test said in one run. */
export interface Run {
  readonly verdict: 'green' | 'red' | 'broken'
  /** What did not hold, one sentence each; of a run that could not be made, its output. */
  readonly says: readonly string[]
  /** `12 duplicates, 5 inversions`, where the test counts. */
  readonly figures: string
  readonly seconds: number
}

export async function runTest(folder: string, test: NamedTest): Promise<Run> {
  const started = performance.now()
  const told = test.tool === 'vitest' ? await runVitest(folder, test) : await runChaos(folder, test)
  return { ...told, seconds: (performance.now() - started) / 1_000 }
}

type Told = Omit<Run, 'seconds'>

interface Assertion {
  status: string
  fullName: string
  failureMessages: string[]
}

async function runVitest(folder: string, { file, title }: Extract<NamedTest, { tool: 'vitest' }>): Promise<Told> {
  const report = join(folder, 'redcheck.json')
  const literally = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const args = ['node_modules/vitest/vitest.mjs', 'run', file, '-t', literally, '--reporter=json', `--outputFile=${report}`]
  const output = await runNode(folder, args)
  let told: { testResults: { assertionResults: Assertion[] }[] }
  try {
    told = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return { verdict: 'broken', says: [output.text], figures: '' }
  }
  const [assertion] = told.testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status !== 'skipped')
  if (!assertion) return { verdict: 'broken', says: [`${file} has no test "${title}", or could not be loaded`, output.text], figures: '' }
  if (assertion.status === 'passed') return { verdict: 'green', says: [], figures: '' }
  return { verdict: 'red', says: assertion.failureMessages.map((message) => message.replace(/\n\s+at .*/gs, '')), figures: '' }
}

async function runChaos(folder: string, { scenario, options }: Extract<NamedTest, { tool: 'chaos' }>): Promise<Told> {
  const args = ['scripts/chaos.ts', '--json', '--no-write', ...options, '--scenario', scenario]
  const { stdout, text } = await runNode(folder, args)
  let all: readonly Measured[] = []
  try {
    const told: { measured: Measured[] } = JSON.parse(stdout)
    all = told.measured
  } catch {
    // Said below.
  }
  // An id may stand for several scenarios: the one that noticed counts.
  const measured = all.find(({ broken }) => broken.length > 0) ?? all[0]
  if (!measured) {
    // What a scenario waits for in vain ends it.
    const [, waited] = /Error: (not within \d+ ms: .+)/.exec(text) ?? []
    return waited === undefined ? { verdict: 'broken', says: [text], figures: '' } : { verdict: 'red', says: [waited], figures: '' }
  }
  const { events, lost, duplicates, inversions, executions, more, broken } = measured
  const counted = {
    lost,
    duplicates,
    inversions,
    'runs of handlers too many': executions === undefined ? 0 : executions - events,
    ...more,
  }
  const figures = Object.entries(counted).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []))
  return {
    verdict: broken.length > 0 ? 'red' : 'green',
    says: broken,
    figures: `of ${events} events ${figures.join(', ') || 'none was harmed'}`,
  }
}

function runNode(cwd: string, args: readonly string[]): Promise<{ stdout: string; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString()
    })
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString()
    })
    child.once('error', reject)
    child.once('close', () => resolve({ stdout, text: `${stdout}\n${stderr}`.trim().slice(-2_000) }))
  })
}
