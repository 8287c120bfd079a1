import Type from 'typebox'
import { ModuleUnavailable } from '#platform/health-routes.ts'
import { answers, type ModuleRoutes } from '#platform/http.ts'
import { CursorInvalid, InvalidTransition, ReasonRequired } from '#platform/http-errors.ts'
import { Page } from '#platform/schemas.ts'
import type { Consumers } from './consumers.ts'
import type { DeadLetters } from './dead-letters.ts'
import { ConsumerNotFound, EventNotFound } from './errors.ts'
import type { EventLog } from './event-log.ts'
import { UuidParams, uuidPath } from './paths.ts'
import {
  ConsumerParams,
  ConsumerStanding,
  consumerActions,
  DeadLetter,
  DeadLetterGroup,
  EventDetail,
  EventSummary,
  Intervened,
  Intervention,
  interventions,
  ListDeadLetters,
  ListEvents,
  ReasonGiven,
  RetriedDeadLetters,
  RetryDeadLetters,
} from './schemas.ts'

const tags = ['operations']
const bodyLimit = 65_536
const reading = { permission: 'event:read' }
const mending = { permission: 'event:replay' }
const steering = { permission: 'ops:write' }

const consumerSummaries = {
  pause: 'Hold a consumer back, in every process, until it is resumed',
  resume: 'Let a paused consumer go on where it is',
  retire: 'Give up a consumer and its claim on old events, for ever',
}

export const eventRoutes =
  ({ log, deadLetters, consumers }: { log: EventLog; deadLetters: DeadLetters; consumers: Consumers }): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/events',
      {
        schema: {
          operationId: 'listEvents',
          summary: 'List events, newest first',
          description:
            'Of all sources, without their contents. With text, those whose contents hold it, of the last 24 hours unless a range is given.',
          tags,
          querystring: ListEvents,
          response: answers({ 200: Page(EventSummary) }),
        },
        config: { access: reading, errors: [CursorInvalid, ConsumerNotFound, ModuleUnavailable] },
      },
      async (request) => log.list(request.query),
    )

    app.get(
      uuidPath('/v1/events/:id'),
      {
        schema: {
          operationId: 'getEvent',
          summary: 'Read an event: contents, where each consumer stands with it, what caused it',
          tags,
          params: UuidParams,
          response: answers({ 200: EventDetail }),
        },
        config: { access: reading, errors: [EventNotFound, ModuleUnavailable] },
      },
      async (request) => log.show(request.params.id),
    )

    for (const action of interventions) {
      app.post(
        uuidPath(`/v1/events/:id/${action}`),
        {
          schema: {
            operationId: `${action}Event`,
            summary: action === 'retry' ? 'Try a parked event again, at once' : 'Take a parked event out of its line without handling it',
            tags,
            params: UuidParams,
            body: Intervention,
            response: answers({ 200: Intervened }),
          },
          config: { access: mending, errors: [EventNotFound, ConsumerNotFound, InvalidTransition, ReasonRequired, ModuleUnavailable] },
          bodyLimit,
        },
        async (request) => deadLetters[action](request.params.id, request.body),
      )
    }

    app.get(
      '/v1/dead-letters',
      {
        schema: {
          operationId: 'listDeadLetters',
          summary: 'List events that are no longer retried by themselves',
          tags,
          querystring: ListDeadLetters,
          response: answers({ 200: Page(Type.Union([DeadLetter, DeadLetterGroup])) }),
        },
        config: { access: reading, errors: [CursorInvalid, ConsumerNotFound, ModuleUnavailable] },
      },
      async (request) => deadLetters.list(request.query),
    )

    app.post(
      '/v1/dead-letters/retry',
      {
        schema: {
          operationId: 'retryDeadLetters',
          summary: 'Try dead letters again: all, or those that fit',
          description: 'With dryRun they are counted and left. Each event has its effect once, however often it is called.',
          tags,
          body: RetryDeadLetters,
          response: answers({ 200: RetriedDeadLetters }),
        },
        config: { access: mending, errors: [ConsumerNotFound, ReasonRequired, ModuleUnavailable] },
        bodyLimit,
      },
      async (request) => deadLetters.retryAll(request.body),
    )

    app.get(
      '/v1/event-consumers',
      {
        schema: {
          operationId: 'listEventConsumers',
          summary: 'List consumers: state, lag, parked events',
          tags,
          response: answers({ 200: Page(ConsumerStanding) }),
        },
        config: { access: reading, errors: [ModuleUnavailable] },
      },
      async () => consumers.list(),
    )

    for (const action of consumerActions) {
      app.post(
        `/v1/event-consumers/:name/${action}`,
        {
          schema: {
            operationId: `${action}EventConsumer`,
            summary: consumerSummaries[action],
            tags,
            params: ConsumerParams,
            body: ReasonGiven,
            response: answers({ 200: ConsumerStanding }),
          },
          config: { access: steering, errors: [ConsumerNotFound, InvalidTransition, ReasonRequired, ModuleUnavailable] },
          bodyLimit,
        },
        async (request) => consumers.change(request.params.name, action, request.body.reason),
      )
    }
  }
