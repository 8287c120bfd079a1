import { defineError } from '#platform/errors.ts'

export const ConsumerNotReplayable = defineError<{ consumer: string }>({
  code: 'CONSUMER_NOT_REPLAYABLE',
  status: 409,
  sentence: 'The consumer {consumer} does not bear an older event after a newer one, so nothing can be replayed to it.',
  reason: 'A consumer is replayable when it says so where it subscribes: GET /v1/event-consumers shows it.',
  remedy: 'Mend what is wrong in another way, or make the handlers of the consumer compare versions and declare it replayable.',
})

export const EventsPurged = defineError<{ oldest: string }>({
  code: 'EVENTS_PURGED',
  status: 410,
  sentence: 'Events before {oldest} are no longer kept. Ask for later ones.',
  reason: 'Events are kept for EVENTS_RETENTION_DAYS, and longer only for consumers that have not reached them.',
})

export const EventNotHeard = defineError<{ consumer: string; type: string }>({
  code: 'EVENT_NOT_HEARD',
  status: 422,
  sentence: 'The consumer {consumer} does not hear {type}. Compare with GET /v1/event-consumers.',
})

export const ConsumerRequired = defineError<{ consumers: string }>({
  code: 'CONSUMER_REQUIRED',
  status: 422,
  sentence: 'More than one consumer can hear this event again. Name one of {consumers} in the member consumer.',
})

export const EventJobNotFound = defineError<{ id: string }>({
  code: 'EVENT_JOB_NOT_FOUND',
  status: 404,
  sentence: 'There is no replay {id} here. Compare the id with the Location that was answered.',
})

/** The numbers of a log mean other events in another of its lives. */
export const EventLogRenewed = defineError<{ source: string }>({
  code: 'EVENT_LOG_RENEWED',
  status: 409,
  sentence: 'The log of {source} has begun another life after a restore. Ask for the replay anew once its consumers have followed.',
})
