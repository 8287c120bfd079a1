import { accepted } from '#platform/http.ts'
import type { StoredAnswer } from '#platform/idempotency.ts'
import { serialiserOf } from '#platform/serialisers.ts'
import { EventJob, type ReplayPreview } from './replay-schemas.ts'

/** 202 with the job and its address; 200 with what a dry run found. */
export const replayAnswer = accepted<EventJob | ReplayPreview>((made) => ('dryRun' in made ? undefined : `/v1/event-jobs/${made.id}`))

/** The answer as it is kept with the key of the request, by whichever process: the same bytes. Only jobs are kept. */
export const storedAnswer = (job: unknown): StoredAnswer => ({
  status: replayAnswer.status,
  body: serialiserOf(EventJob)(job),
  location: replayAnswer.location(job) ?? null,
  etag: null,
})
