import type { Command } from 'commander'
import { type EventJob, ReplayEvent, ReplayEvents, type ReplayPreview } from '../../src/operations/replay-schemas.ts'
import { list, table } from './printing.ts'
import type { Run } from './reading.ts'
import { checked, instantOf, UsageError } from './session.ts'

/** Commands that have events handled again, and show how far that is. */
export function replayCommands(program: Command, run: Run): void {
  program
    .command('replay')
    .description('have events handled again by a consumer that bears it: one, or those that fit')
    .argument('[id]', 'id of the event; without it the options say which events')
    .option('--consumer <name>', 'for one event: default the only consumer that can hear it again')
    .option('--type <type>', 'of this type')
    .option('--subject <subject>', 'of this subject')
    .option('--since <when>', 'published since an instant, or how long ago: 15m, 2h, 7d', instantOf)
    .option('--until <when>', 'published before; the same', instantOf)
    .option('--dry-run', 'count and list them, and change nothing')
    .option('--reason <text>', 'why; kept in the audit trail')
    .action((id: string | undefined, options: Record<string, unknown>) => {
      if (id !== undefined) {
        const wish = checked(ReplayEvent, options)
        return run(({ replay }) => replay.replayEvent(id, wish), inWords)
      }
      if (options.consumer === undefined) throw new UsageError('say which: the id of an event, or --consumer and what its events are like')
      const wish = checked(ReplayEvents, options)
      return run(({ replay }) => replay.replayEvents(wish), inWords)
    })

  program
    .command('job')
    .description('how far a replay is')
    .argument('<id>', 'what the command replay answered')
    .action((id: string) => run(({ replay }) => replay.requireJob(id), progressOf))
}

const inWords = (result: EventJob | ReplayPreview): string => ('dryRun' in result ? previewInWords(result) : progressOf(result))

function previewInWords({ consumer, total, complete, types, events }: ReplayPreview): string {
  const counted = types.map(({ type, count }) => `${count} ${type}`).join(', ')
  const sum = `${consumer} would handle ${complete ? '' : 'at least '}${total} again${counted ? ` (${counted})` : ''}; nothing was changed\n`
  const rows = events.map(({ id, occurredAt, type, subject }) => [id, occurredAt, type, subject])
  return sum + (rows.length > 0 ? `\n${table(['event', 'published', 'type', 'subject'], rows, '')}` : '')
}

const progressOf = ({ id, state, consumer, total, placed, handled, waiting, dead, alreadyWaiting, error }: EventJob): string =>
  list([
    ['job', id],
    ['consumer', consumer],
    ['state', error === null ? state : `${state}: ${error.code}: ${error.message}`],
    ['handled', `${handled} of ${total ?? 'an unknown number'}`],
    ['in line', `${waiting} of ${placed} put there, ${dead} of them dead letters`],
    ['in line before', String(alreadyWaiting)],
  ])
