import type { Command } from 'commander'
import type { App } from '../../src/app.ts'
import { ListDeadLetters, ListEvents } from '../../src/operations/schemas.ts'
import { list, table } from './printing.ts'
import { checked, instantOf } from './session.ts'

/** Runs a command against the app and shows what it answers: in words, or whole with `--json`. */
export type Run = <R>(work: (app: App) => Promise<R>, inWords: (result: R) => string) => Promise<void>

/** Commands that change nothing. */
export function readingCommands(program: Command, run: Run): void {
  program
    .command('list')
    .description('events, newest first')
    .option('--type <type>', 'user.created')
    .option('--subject <subject>', 'user/42')
    .option('--source <source>', 'the database that published')
    .option('--since <when>', 'an instant, or how long ago: 15m, 2h, 7d', instantOf)
    .option('--until <when>', 'the same', instantOf)
    .option('--text <text>', 'in the contents; of the last 24 hours unless a range is given')
    .option('--consumer <name>', 'those this consumer hears')
    .option('--limit <rows>', 'at most so many', '50')
    .option('--cursor <cursor>', 'go on where the last list ended')
    .action((options) =>
      run(
        ({ operations }) => operations.log.list(checked(ListEvents, options)),
        ({ data, page }) =>
          table(
            ['event', 'published', 'type', 'subject', 'no.', 'source'],
            data.map((event) => [
              event.id,
              event.occurredAt,
              `${event.type}@${event.version}`,
              event.subject,
              String(event.subjectSeq),
              event.source,
            ]),
            'No event fits.',
          ) + (page.nextCursor === null ? '' : `more: --cursor ${page.nextCursor}\n`),
      ),
    )

  program
    .command('show')
    .description('an event: contents with the fields of persons masked, where each consumer stands with it, what caused it')
    .argument('<id>', 'id of the event')
    .action((id: string) =>
      run(
        ({ operations }) => operations.log.show(id),
        ({ data, consumers, causes, actor, ...event }) =>
          [
            list([
              ...Object.entries(event).map(([name, value]) => [name, String(value ?? '-')] as const),
              ['actor', actor.id === undefined ? actor.kind : `${actor.kind}/${actor.id}`],
              ['data', JSON.stringify(data, undefined, 2).replaceAll('\n', '\n  ')],
            ]),
            table(
              ['consumer', 'state', 'attempts', 'next', 'error'],
              consumers.map((each) => [
                each.consumer,
                each.blockedBy === null ? each.state : `${each.state}, behind ${each.blockedBy}`,
                String(each.attempts),
                each.nextAt ?? '-',
                each.errorCode === null ? '-' : `${each.errorCode}: ${each.error ?? ''}`,
              ]),
              'No consumer hears it.',
            ),
            table(
              ['caused by', 'published', 'type', 'subject'],
              causes.map((cause) => [cause.id, cause.occurredAt, cause.type, cause.subject]),
              'No event caused it.',
            ),
          ].join('\n'),
      ),
    )

  program
    .command('consumers')
    .description('who hears, how far they are, what waits')
    .action(() =>
      run(
        ({ operations }) => operations.consumers.list(),
        ({ data }) =>
          table(
            ['consumer', 'state', 'lag', 'parked', 'blocked', 'dead', 'hears'],
            data.map((each) => [
              each.name,
              each.state,
              each.sources.map(({ lag }) => lag ?? '?').join('+'),
              String(each.parked),
              String(each.blockedSubjects),
              String(each.dead),
              each.sources.flatMap(({ types }) => types).join(' '),
            ]),
            'No consumer is registered.',
          ),
      ),
    )

  deadOptions(program.command('dead').description('events that are no longer retried by themselves'))
    .option('--group', 'counted by consumer, type and error')
    .option('--limit <rows>', 'at most so many', '50')
    .option('--cursor <cursor>', 'go on where the last list ended')
    .action((options) =>
      run(
        ({ operations }) => operations.deadLetters.list(checked(ListDeadLetters, options)),
        ({ data, page }) =>
          table(
            ['dead', 'consumer', 'type', 'error', 'last failed', 'event'],
            data.map((each) => [
              'count' in each ? String(each.count) : each.subject,
              each.consumer,
              each.type,
              each.errorCode ?? '-',
              each.lastAt,
              each.eventId,
            ]),
            'There are no dead letters.',
          ) + (page.nextCursor === null ? '' : `more: --cursor ${page.nextCursor}\n`),
      ),
    )
}

/** Which dead letters. */
export const deadOptions = (command: Command): Command =>
  command
    .option('--consumer <name>', 'of this consumer')
    .option('--type <type>', 'of this type')
    .option('--subject <subject>', 'of this subject')
    .option('--error-code <code>', 'that failed with this code')
