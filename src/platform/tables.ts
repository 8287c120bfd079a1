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
