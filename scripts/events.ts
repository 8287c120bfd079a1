/**
 * Looking after events from the command line, also while no API runs:
 *
 *     npm run events -- list --type user.created --since 2h
 *     npm run events -- dead --group
 *     npm run events -- retry <id> --reason "the address was mended"
 *     npm run events -- replay --consumer customer.profile --since 2h --dry-run
 *
 * Talks to the databases with the settings of the installation. `--json` prints what the API would answer.
 */
import { Command } from 'commander'
import { ConfigError } from '../src/platform/config.ts'
import { isAppError } from '../src/platform/errors.ts'
import { mendingCommands } from './events/mending.ts'
import { type Run, readingCommands } from './events/reading.ts'
import { replayCommands } from './events/replay.ts'
import { UsageError, withApp } from './events/session.ts'

const program = new Command('events')
  .description('Events: what was said, who has heard it, what failed, and how to mend it')
  .option('--json', 'print one JSON document for programs')

const run: Run = async (work, inWords) => {
  const result = await withApp(work)
  process.stdout.write(program.opts<{ json?: boolean }>().json ? `${JSON.stringify(result)}\n` : inWords(result))
}

readingCommands(program, run)
mendingCommands(program, run)
replayCommands(program, run)

try {
  await program.parseAsync()
} catch (error) {
  const isExpected = isAppError(error) || error instanceof ConfigError || error instanceof UsageError
  process.stderr.write(isExpected ? `${error.message}\n${faultsOf(error)}` : `${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
}

function faultsOf(error: unknown): string {
  return isAppError(error) ? (error.faults ?? []).map(({ message }) => `  ${message}\n`).join('') : ''
}
