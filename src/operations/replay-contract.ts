import Type from 'typebox'
import { type ContractOf, command, defineContract, lookup } from '#platform/contracts.ts'
import type { ModuleName } from '#platform/module-table.ts'
import { EventJob, ReplayFilter, ReplayPreview } from './replay-schemas.ts'
import { ConsumerName } from './schemas.ts'

/** Replays of the consumers of one database, whose jobs are there. The logs they read from may be in other processes again. */

const closed = { additionalProperties: false } as const

const operations = {
  /** Counts and lists with `dryRun`; else the job, which a repeat with the same key gets again. */
  begin: command({
    input: Type.Object(
      {
        consumer: ConsumerName,
        eventId: Type.Optional(Type.String()),
        filter: ReplayFilter,
        reason: Type.String(),
        dryRun: Type.Boolean(),
        /** Of the request, when that came in at another process. */
        key: Type.Optional(Type.Object({ scope: Type.String(), fingerprint: Type.String() }, closed)),
      },
      closed,
    ),
    output: Type.Object({ made: Type.Union([EventJob, ReplayPreview]), isRepeat: Type.Boolean() }, closed),
    deadlineMs: 7_000,
    errors: [
      'CONSUMER_NOT_FOUND',
      'CONSUMER_NOT_REPLAYABLE',
      'EVENT_LOG_RENEWED',
      'EVENT_NOT_FOUND',
      'EVENT_NOT_HEARD',
      'EVENTS_PURGED',
      'IDEMPOTENCY_IN_PROGRESS',
      'IDEMPOTENCY_KEY_REUSED',
      'INVALID_TRANSITION',
      'MODULE_UNAVAILABLE',
    ],
  }),
  job: lookup({ input: Type.Object({ id: Type.String() }, closed), output: EventJob, deadlineMs: 3_000 }),
}

export const replayContract = (module: ModuleName) => defineContract(module, 1, operations, { door: '_ops' })
export type ReplayOperations = ContractOf<ReturnType<typeof replayContract>>
export type ReplayWish = Parameters<ReplayOperations['begin']>[0]
