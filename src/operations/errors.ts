import { defineError } from '#platform/errors.ts'

export const EventNotFound = defineError<{ id: string }>({
  code: 'EVENT_NOT_FOUND',
  status: 404,
  sentence: 'There is no event {id} here. Compare the id with GET /v1/events.',
  reason: 'No module of this installation has published it, or it is older than events are kept.',
})

export const ConsumerNotFound = defineError<{ id: string }>({
  code: 'CONSUMER_NOT_FOUND',
  status: 404,
  sentence: 'There is no consumer {id}. Compare the name with GET /v1/event-consumers.',
})

export const EventSourceNotFound = defineError<{ id: string; known: string }>({
  code: 'EVENT_SOURCE_NOT_FOUND',
  status: 404,
  sentence: 'No module publishes in {id}. Name one of {known}.',
})
