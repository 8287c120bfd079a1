import { type SQL, sql } from 'drizzle-orm'
import type { Connection, DatabaseName, Queries } from './databases.ts'
import { instantOf, instantOrNull, jsonOf, matchedRows, numberOf, type Row, selectRows, textOf, textOrNull } from './event-statements.ts'
import type { ActorRef } from './principal.ts'

/** The rows of jobs. Whoever works on one holds it by a lease on the database's clock; each change of his asks for it. */
export interface JobStore {
  /** In the caller's transaction: the job exists when what asked for it does. */
  insert(db: Queries, job: NewJob): Promise<void>
  find(db: Queries, id: string): Promise<JobRow | undefined>
  /** Takes a job that nobody works on; undefined when there is none. The only statement of an idle worker. */
  claim(kinds: readonly string[]): Promise<ClaimedJob | undefined>
  /** False when the lease has gone to somebody else. */
  renew(id: string, db?: Queries): Promise<boolean>
  /** Saves how far the job is, in the transaction of the effect that brought it there. */
  save(db: Queries, id: string, progress: { position: unknown; done: number }): Promise<void>
  /** Lets anybody go on with it after a while. */
  giveBack(id: string, afterMs: number): Promise<void>
  /** False when the lease has gone to somebody else. */
  finish(id: string, failure: JobFailure | null): Promise<boolean>
}

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed'

export interface NewJob {
  id: string
  kind: string
  input: unknown
  position: unknown
  total: number | null
  createdBy: ActorRef
  requestId: string
}

export interface JobFailure {
  readonly code: string
  readonly message: string
}

export interface JobRow {
  readonly id: string
  readonly kind: string
  readonly state: JobState
  readonly input: unknown
  readonly position: unknown
  /** Null when it is not known beforehand. */
  readonly total: number | null
  readonly done: number
  readonly error: JobFailure | null
  readonly createdBy: ActorRef
  readonly requestId: string
  readonly createdAt: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
}

export interface ClaimedJob extends JobRow {
  /** Processes that ended with it in hand since its last step. */
  readonly deaths: number
}

/** Candidates looked at in one claim: as many workers may ask at once without all wanting the same one. */
const candidates = 5

export function createJobStore({ db }: Connection<DatabaseName>, owner: string, leaseMs: number): JobStore {
  const mine = (id: string): SQL => sql`id = ${id} AND owner = ${owner}`

  async function read(queries: Queries, id: string): Promise<ClaimedJob | undefined> {
    const [row] = await selectRows(
      queries,
      sql`SELECT id, kind, state, input, position, total, done, deaths, error_code, error, created_by, request_id, created_at, started_at,
            finished_at FROM jobs WHERE id = ${id}`,
    )
    return row && jobOf(row)
  }

  return {
    async insert(queries, { id, kind, input, position, total, createdBy, requestId }) {
      await matchedRows(
        queries,
        sql`INSERT INTO jobs (id, kind, state, input, position, total, created_by, request_id, until)
            VALUES (${id}, ${kind}, 'queued', ${JSON.stringify(input)}, ${JSON.stringify(position)}, ${total},
              ${JSON.stringify(createdBy)}, ${requestId}, NOW(3))`,
      )
    },

    find: read,

    async claim(kinds) {
      const names = sql.join(
        kinds.map((kind) => sql`${kind}`),
        sql`, `,
      )
      const due = await selectRows(
        db,
        sql`SELECT id FROM jobs FORCE INDEX (jobs_due) WHERE until <= NOW(3) AND kind IN (${names}) ORDER BY until LIMIT ${candidates}`,
      )
      for (const row of due) {
        const id = textOf(row, 'id')
        // A lease that ran out in another's hand is a death. SET goes from left to right, so the owner is compared first.
        const claimed = await matchedRows(
          db,
          sql`UPDATE jobs SET deaths = IF(owner IN ('', ${owner}), deaths, deaths + 1), owner = ${owner}, state = 'running',
                until = ${later(leaseMs)}, started_at = COALESCE(started_at, NOW(3))
              WHERE id = ${id} AND until <= NOW(3)`,
        )
        if (claimed === 1) return read(db, id)
      }
      return undefined
    },

    async renew(id, queries = db) {
      return (await matchedRows(queries, sql`UPDATE jobs SET until = ${later(leaseMs)} WHERE ${mine(id)}`)) === 1
    },

    async save(queries, id, { position, done }) {
      await matchedRows(queries, sql`UPDATE jobs SET position = ${JSON.stringify(position)}, done = ${done}, deaths = 0 WHERE ${mine(id)}`)
    },

    async giveBack(id, afterMs) {
      await matchedRows(db, sql`UPDATE jobs SET owner = '', until = ${later(afterMs)} WHERE ${mine(id)}`)
    },

    async finish(id, failure) {
      const matched = await matchedRows(
        db,
        sql`UPDATE jobs SET owner = '', until = NULL, finished_at = NOW(3), state = ${failure ? 'failed' : 'succeeded'},
              error_code = ${failure?.code ?? null}, error = ${failure?.message ?? null} WHERE ${mine(id)}`,
      )
      return matched === 1
    },
  }
}

const later = (ms: number): SQL => sql`NOW(3) + INTERVAL ${ms * 1_000} MICROSECOND`

function jobOf(row: Row): ClaimedJob {
  const code = textOrNull(row, 'error_code')
  return {
    id: textOf(row, 'id'),
    kind: textOf(row, 'kind'),
    // Both written by this file only.
    state: textOf(row, 'state') as JobState,
    createdBy: jsonOf(row, 'created_by') as ActorRef,
    input: jsonOf(row, 'input'),
    position: jsonOf(row, 'position'),
    total: row.total === null ? null : numberOf(row, 'total'),
    done: numberOf(row, 'done'),
    deaths: numberOf(row, 'deaths'),
    error: code === null ? null : { code, message: textOrNull(row, 'error') ?? '' },
    requestId: textOf(row, 'request_id'),
    createdAt: instantOf(row, 'created_at'),
    startedAt: instantOrNull(row, 'started_at'),
    finishedAt: instantOrNull(row, 'finished_at'),
  }
}
