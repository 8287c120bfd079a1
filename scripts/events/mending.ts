import type { Command } from 'commander'
import { consumerActions, Intervention, RetryDeadLetters } from '../../src/operations/schemas.ts'
import { table } from './printing.ts'
import { deadOptions, type Run } from './reading.ts'
import { checked, UsageError } from './session.ts'

/** Commands that change something: each wants a reason and leaves an audit row. */
export function mendingCommands(program: Command, run: Run): void {
  const intervened = ({ id, consumers }: { id: string; consumers: { consumer: string; result: string; blockedBy: string | null }[] }) =>
    table(
      ['event', 'consumer', 'result'],
      consumers.map(({ consumer, result, blockedBy }) => [id, consumer, blockedBy === null ? result : `${result} by ${blockedBy}`]),
      '',
    )

  deadOptions(program.command('retry').description('try a parked event again at once, or all dead letters that fit'))
    .argument('[id]', 'id of the event; without it the options say which dead letters, or --all')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'count them and change nothing')
    .option('--reason <text>', 'why; kept in the audit trail')
    .action(async (id: string | undefined, { all, ...options }: Record<string, unknown>) => {
      if (id !== undefined) {
        const intervention = checked(Intervention, options)
        return run(({ operations }) => operations.deadLetters.retry(id, intervention), intervened)
      }
      const { reason: _reason, dryRun: _dryRun, ...filters } = options
      if (!all && Object.keys(filters).length === 0)
        throw new UsageError('say which: the id of an event, --consumer, --type, --subject, --error-code, or --all')
      const request = checked(RetryDeadLetters, options)
      await run(
        async ({ operations }) => {
          let result = await operations.deadLetters.retryAll(request)
          // More than one call takes; each is a transaction with an audit row.
          for (let sum = result.retried; !result.dryRun && result.left > 0 && result.retried > 0; ) {
            process.stderr.write(`${sum} retried, ${result.left} left\n`)
            const next = await operations.deadLetters.retryAll(request)
            sum += next.retried
            result = { ...next, matched: result.matched, retried: sum }
          }
          return result
        },
        ({ dryRun, matched, retried }) =>
          dryRun ? `${matched} dead letters fit; nothing was changed\n` : `${retried} dead letters are tried again\n`,
      )
    })

  program
    .command('skip')
    .description('take a parked event out of its line without handling it')
    .argument('<id>', 'id of the event')
    .option('--consumer <name>', 'only there; default: wherever it is parked')
    .option('--reason <text>', 'why; kept in the audit trail')
    .action((id: string, options) => {
      const intervention = checked(Intervention, options)
      return run(({ operations }) => operations.deadLetters.skip(id, intervention), intervened)
    })

  for (const action of consumerActions)
    program
      .command(action)
      .description(`${action} a consumer, in every process`)
      .argument('<consumer>', 'its name')
      .option('--reason <text>', 'why; kept in the audit trail')
      .action((consumer: string, { reason }: { reason?: string }) =>
        run(
          ({ operations }) => operations.consumers.change(consumer, action, reason),
          ({ name, state }) => `${name} is ${state}\n`,
        ),
      )

  program
    .command('generation')
    .description("lives of a source's log")
    .command('new')
    .description('after the database of a source was restored: its consumers go back to what the log still holds')
    .argument('<source>', 'name of the source')
    .option('--reason <text>', 'why; kept in the audit trail')
    .action((source: string, { reason }: { reason?: string }) =>
      run(
        ({ operations }) => operations.generations.begin(source, reason),
        ({ generation }) => `${source} has begun generation ${generation}\n`,
      ),
    )
}
