import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeFailure, Failure } from './servers/failure.ts'
import { requireBalancer, requireBrowser, requirePrograms } from './servers/packages.ts'
import { type Check, type CheckResult, runCheck, type TestCounts } from './test/checks.ts'
import { countTests } from './test/counts.ts'
import { summary } from './test/summary.ts'

const usage = `npm test [-- options] [files or options of vitest]

Everything that must hold, at once: types, lint, boundaries and all tests, on private servers of its own.
With files (or options of vitest), only those tests.

  --no-install   do not install MariaDB, Redis, Chromium and HAProxy when they are missing
  --install      install them with sudo when they are missing
  --json         print one JSON object instead of the summary
`

const checks: readonly Check[] = [
  { name: 'types', tool: ['tsc', '--noEmit', '-p', '.'] },
  { name: 'lint', tool: ['biome', 'check', '--colors=off', '.'] },
  { name: 'boundaries', script: ['scripts/boundaries.ts'] },
  { name: 'unused', tool: ['knip', '--no-progress', '--include', 'files,dependencies,unlisted,unresolved,binaries'] },
]

async function main(): Promise<number> {
  const { options, forVitest } = readArguments(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)
  const installation = { allowed: !options['no-install'], withSudo: options.install, say }
  requirePrograms(installation)
  requireBrowser(installation)
  requireBalancer(installation)

  const scratch = mkdtempSync(join(tmpdir(), 'bulkhead-tests-'))
  const report = join(scratch, 'tests.json')
  const tests: Check = {
    name: 'tests',
    tool: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...forVitest],
    follow: say,
  }
  try {
    const began = performance.now()
    const chosen = forVitest.length > 0 ? [] : checks
    say(`Running ${[...chosen.map(({ name }) => name), tests.name].join(', ')} …`)
    const announced = async (check: Check): Promise<CheckResult> => {
      const result = await runCheck(check)
      say(`${result.ok ? '✓' : '✗'} ${check.name} (${result.seconds.toFixed(1)} s)`)
      return result
    }
    const [testRun, ...others] = await Promise.all([announced(tests), ...chosen.map(announced)])
    const counts = countTests(report, testRun)
    const seconds = (performance.now() - began) / 1_000
    const passed = counts.passed + others.filter(({ ok }) => ok).length
    const failed = counts.failed + others.filter(({ ok }) => !ok).length
    process.stdout.write(
      options.json ? asJson({ passed, failed, seconds, counts, others }) : summary({ passed, failed, seconds, counts, others, testRun }),
    )
    return failed === 0 ? 0 : 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Our own options; whatever we do not know belongs to vitest. */
function readArguments(args: string[]) {
  const known = {
    json: { type: 'boolean' },
    install: { type: 'boolean' },
    'no-install': { type: 'boolean' },
    help: { type: 'boolean' },
  } as const
  const isOurs = (arg: string): boolean => Object.keys(known).some((name) => arg === `--${name}`)
  const { values } = parseArgs({ args: args.filter(isOurs), options: known })
  return { options: { ...values, install: values.install ?? false }, forVitest: args.filter((arg) => !isOurs(arg) && arg !== '--') }
}

function asJson(result: { passed: number; failed: number; seconds: number; counts: TestCounts; others: CheckResult[] }): string {
  const { passed, failed, seconds, counts, others } = result
  const failedChecks = others.map(({ name, ok, seconds, output }) => ({ name, ok, seconds, ...(ok ? {} : { output }) }))
  return `${JSON.stringify({ passed, failed, seconds, tests: counts, checks: failedChecks }, null, 2)}\n`
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(describeFailure(error))
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = 1
}
