import { index, int, mysqlTable, primaryKey, smallint, tinyint, unique } from 'drizzle-orm/mysql-core'
import { asciiKey, binaryText, bytes, createdAt, instant, json, longText, rowNumber } from './columns.ts'

/**
 * Tables of the platform: the same in all four databases, because the record of a change commits with the change. None
 * refers to a module's table. `leases` and `schema_history` are older than the first migration: `migrations.ts` makes them.
 */

/** Who did what, when, under which request; written in the transaction of the act. The run-time account may only add and read. */
export const auditLog = mysqlTable(
  'audit_log',
  {
    id: rowNumber('id').autoincrement().primaryKey(),
    at: instant('at').notNull(),
    action: asciiKey('action', 80).notNull(),
    actorKind: asciiKey('actor_kind', 16).notNull(),
    actorId: int('actor_id'),
    /** The person a service acted for, when that is somebody else than the actor. */
    onBehalfOf: int('on_behalf_of'),
    /** `customer/7`. */
    subject: asciiKey('subject', 80).notNull(),
    requestId: asciiKey('request_id', 128).notNull(),
    before: json<Record<string, unknown>>('before_values'),
    after: json<Record<string, unknown>>('after_values'),
    reason: binaryText('reason', 500),
  },
  (table) => [index('audit_log_subject').on(table.subject, table.id), index('audit_log_action').on(table.action, table.id)],
)

/** Answers of requests that carried an Idempotency-Key; the row commits with the effect. `status` is null while it is made. */
export const idempotencyKeys = mysqlTable(
  'idempotency_keys',
  {
    /** SHA-256 of actor, method, route, path ids and key. */
    scopeHash: bytes('scope_hash', 32).primaryKey(),
    /** SHA-256 of the canonical body. */
    fingerprint: bytes('fingerprint', 32).notNull(),
    status: smallint('status'),
    body: longText('body'),
    location: asciiKey('location', 255),
    etag: asciiKey('etag', 80),
    createdAt: createdAt(),
  },
  (table) => [index('idempotency_keys_created').on(table.createdAt)],
)

/** Long operations: what was asked for, who works on it, how far it is and how it ended. Saved with each step's effect. */
export const jobs = mysqlTable(
  'jobs',
  {
    /** UUIDv7: one name in all databases. */
    id: asciiKey('id', 36).primaryKey(),
    /** `event.replay`. */
    kind: asciiKey('kind', 64).notNull(),
    state: asciiKey('state', 16).$type<'queued' | 'running' | 'succeeded' | 'failed'>().notNull(),
    input: json<unknown>('input').notNull(),
    /** Where to go on after a process has died, in the terms of the kind. */
    position: json<unknown>('position').notNull(),
    total: rowNumber('total'),
    done: rowNumber('done').notNull().default(0),
    /** Processes that ended with this job in hand since its last step. */
    deaths: smallint('deaths').notNull().default(0),
    errorCode: asciiKey('error_code', 80),
    error: binaryText('error', 500),
    createdBy: json<unknown>('created_by').notNull(),
    requestId: asciiKey('request_id', 128).notNull(),
    /** Empty while nobody works on it. */
    owner: asciiKey('owner', 64).notNull().default(''),
    /** From when on it may be taken; null once it has ended. */
    until: instant('until'),
    createdAt: createdAt(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
  },
  (table) => [index('jobs_due').on(table.until)],
)

/** Events as they were said, in the transaction that made them true. `pub_seq` is given by the relay. */
export const outbox = mysqlTable(
  'outbox',
  {
    id: rowNumber('id').autoincrement().primaryKey(),
    eventId: asciiKey('event_id', 36).notNull(),
    part: smallint('part').notNull(),
    subject: asciiKey('subject', 80).notNull(),
    subjectSeq: rowNumber('subject_seq').notNull(),
    type: asciiKey('type', 80).notNull(),
    version: smallint('version').notNull(),
    data: json<unknown>('data').notNull(),
    meta: json<unknown>('meta').notNull(),
    occurredAt: instant('occurred_at').notNull(),
    pubSeq: rowNumber('pub_seq'),
  },
  (table) => [
    unique('outbox_event').on(table.eventId),
    unique('outbox_position').on(table.part, table.pubSeq),
    unique('outbox_subject_seq').on(table.subject, table.subjectSeq),
    index('pending').on(table.pubSeq, table.part, table.id),
  ],
)

/** One row per subject for ever: how many events it has had. */
export const outboxSubject = mysqlTable('outbox_subject', {
  subject: asciiKey('subject', 80).primaryKey(),
  lastSeq: rowNumber('last_seq').notNull(),
})

/** Numbering of each partition, and the lease of who numbers. */
export const outboxSequence = mysqlTable('outbox_sequence', {
  part: smallint('part').primaryKey(),
  nextSeq: rowNumber('next_seq').notNull().default(1),
  owner: asciiKey('owner', 64),
  until: instant('until').notNull(),
})

/** One row: which source this database is, in how many partitions, in which life. */
export const eventSource = mysqlTable('event_source', {
  id: tinyint('id').primaryKey(),
  source: asciiKey('source', 64).notNull(),
  partitions: smallint('partitions').notNull(),
  generation: rowNumber('generation').notNull(),
})

/** Lives of this source's log: up to which number of each partition the earlier ones are still true. */
export const eventGeneration = mysqlTable(
  'event_generation',
  {
    generation: rowNumber('generation').notNull(),
    part: smallint('part').notNull(),
    baseSeq: rowNumber('base_seq').notNull(),
    reason: binaryText('reason', 500).notNull(),
    actor: asciiKey('actor', 64).notNull(),
    at: instant('at').notNull(),
  },
  (table) => [primaryKey({ name: 'event_generation_pk', columns: [table.generation, table.part] })],
)

/** A lower bound of every expected consumer's position: what is kept for it. Null until the consumer has been heard of. */
export const outboxAck = mysqlTable(
  'outbox_ack',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    part: smallint('part').notNull(),
    ackedSeq: rowNumber('acked_seq'),
    seenAt: instant('seen_at').notNull(),
  },
  (table) => [primaryKey({ name: 'outbox_ack_pk', columns: [table.consumer, table.part] })],
)

/** Consumers of this database and what they hear from each source. */
export const inboxConsumer = mysqlTable(
  'inbox_consumer',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    source: asciiKey('source', 64).notNull(),
    state: asciiKey('state', 16).$type<'active' | 'paused' | 'retired'>().notNull(),
    types: json<readonly string[]>('types').notNull(),
    start: asciiKey('start', 16).$type<'beginning' | 'now'>().notNull(),
    changedBy: asciiKey('changed_by', 64).notNull(),
    reason: binaryText('reason', 500),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [primaryKey({ name: 'inbox_consumer_pk', columns: [table.consumer, table.source] })],
)

/** How far each consumer is in each partition; moved in the transaction of the effect. */
export const inboxCursor = mysqlTable(
  'inbox_cursor',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    source: asciiKey('source', 64).notNull(),
    part: smallint('part').notNull(),
    generation: rowNumber('generation').notNull(),
    lastSeq: rowNumber('last_seq').notNull(),
    lastEventId: asciiKey('last_event_id', 36),
    owner: asciiKey('owner', 64),
    until: instant('until').notNull(),
    crashSeq: rowNumber('crash_seq'),
    crashes: smallint('crashes').notNull().default(0),
  },
  (table) => [primaryKey({ name: 'inbox_cursor_pk', columns: [table.consumer, table.source, table.part] })],
)

/**
 * Events that wait in their subject's line at a consumer: one that failed, and those of the same subject after it. Only the
 * lowest number of a subject, its head, is tried; `next_at` null makes it a dead letter.
 */
export const inboxParked = mysqlTable(
  'inbox_parked',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    source: asciiKey('source', 64).notNull(),
    part: smallint('part').notNull(),
    pubSeq: rowNumber('pub_seq').notNull(),
    subject: asciiKey('subject', 80).notNull(),
    eventId: asciiKey('event_id', 36).notNull(),
    type: asciiKey('type', 80).notNull(),
    /** Kept here, so that the event outlives its row in the outbox. */
    envelope: json<unknown>('envelope').notNull(),
    /** The job of the replay that asked for it; null when none did. */
    replayId: asciiKey('replay_id', 36),
    attempts: smallint('attempts').notNull(),
    /** Attempts that were begun and not ended: those of processes that died, and the one under way. */
    unfinished: tinyint('unfinished').notNull().default(0),
    nextAt: instant('next_at'),
    errorCode: asciiKey('error_code', 80),
    error: binaryText('error', 500),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'inbox_parked_pk', columns: [table.consumer, table.source, table.part, table.pubSeq] }),
    index('line').on(table.consumer, table.source, table.subject, table.pubSeq),
    index('inbox_parked_event').on(table.eventId),
  ],
)
