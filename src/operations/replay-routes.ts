import type { DatabaseName } from '#platform/databases.ts'
import { ModuleUnavailable } from '#platform/health-routes.ts'
import { answers, type ModuleRoutes } from '#platform/http.ts'
import { InvalidTransition, ReasonRequired } from '#platform/http-errors.ts'
import { ConsumerNotFound, EventNotFound } from './errors.ts'
import { UuidParams, uuidPath } from './paths.ts'
import type { Replay } from './replay.ts'
import { replayAnswer } from './replay-answer.ts'
import { ConsumerNotReplayable, ConsumerRequired, EventJobNotFound, EventLogRenewed, EventNotHeard, EventsPurged } from './replay-errors.ts'
import { EventJob, ReplayEvent, ReplayEvents, ReplayPreview } from './replay-schemas.ts'

const tags = ['operations']
const bodyLimit = 65_536
const access = { permission: 'event:replay' }
const description =
  'A job puts them into the lines of their subjects, from where they are handled in order. With dryRun they are counted and listed, and nothing changes.'
const failures = [
  ReasonRequired,
  ConsumerNotFound,
  ConsumerNotReplayable,
  EventNotHeard,
  EventsPurged,
  InvalidTransition,
  EventLogRenewed,
  ModuleUnavailable,
] as const

/** The job is in the consumer's database, which only the request names: the key of a request may be in any of them. */
export const replayRoutes =
  ({ replay, databases }: { replay: Replay; databases: readonly DatabaseName[] }): ModuleRoutes =>
  async (app) => {
    app.post(
      uuidPath('/v1/events/:id/replay'),
      {
        schema: {
          operationId: 'replayEvent',
          summary: 'Have an event handled again that was handled before',
          description,
          tags,
          params: UuidParams,
          body: ReplayEvent,
          response: answers({ 200: ReplayPreview, 202: EventJob }),
        },
        config: {
          access,
          errors: [...failures, EventNotFound, ConsumerRequired],
          answer: replayAnswer,
          database: databases,
          idempotency: 'required',
        },
        bodyLimit,
      },
      async (request) => replay.replayEvent(request.params.id, request.body),
    )

    app.post(
      '/v1/events/replay',
      {
        schema: {
          operationId: 'replayEvents',
          summary: 'Have the events handled again that a consumer has handled before',
          description,
          tags,
          body: ReplayEvents,
          response: answers({ 200: ReplayPreview, 202: EventJob }),
        },
        config: { access, errors: failures, answer: replayAnswer, database: databases, idempotency: 'required' },
        bodyLimit,
      },
      async (request) => replay.replayEvents(request.body),
    )

    app.get(
      uuidPath('/v1/event-jobs/:id'),
      {
        schema: {
          operationId: 'getEventJob',
          summary: 'Read how far a replay is',
          tags,
          params: UuidParams,
          response: answers({ 200: EventJob }),
        },
        config: { access: { permission: 'event:read' }, errors: [EventJobNotFound, ModuleUnavailable] },
      },
      async (request) => replay.requireJob(request.params.id),
    )
  }
