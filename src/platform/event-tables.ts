import { bigint, index, int, mysqlTable, primaryKey, smallint, tinyint, unique } from 'drizzle-orm/mysql-core'
import { asciiKey, instant, json, rowNumber } from './columns.ts'

/**
 * The tables of events, the same in every database: each may publish and each may hear. All keys are ASCII and compared
 * byte by byte.
 */

/** Published events. `pub_seq` is NULL until the relay has numbered the row; only numbered rows are delivered. */
export const outbox = mysqlTable(
  'outbox',
  {
    id: bigint('id', { mode: 'number', unsigned: true }).autoincrement().primaryKey(),
    eventId: asciiKey('event_id', 36).notNull(),
    part: smallint('part').notNull(),
    subject: asciiKey('subject', 80).notNull(),
    subjectSeq: rowNumber('subject_seq').notNull(),
    type: asciiKey('type', 80).notNull(),
    version: int('version').notNull(),
    data: json<unknown>('data').notNull(),
    meta: json<unknown>('meta').notNull(),
    occurredAt: instant('occurred_at').notNull(),
    pubSeq: rowNumber('pub_seq'),
  },
  (table) => [
    unique('outbox_event_id').on(table.eventId),
    unique('outbox_part_pub_seq').on(table.part, table.pubSeq),
    unique('outbox_subject_seq').on(table.subject, table.subjectSeq),
    index('pending').on(table.pubSeq, table.part, table.id),
  ],
)

/** Newest number of each subject, one row per subject for ever. */
export const outboxSubject = mysqlTable('outbox_subject', {
  subject: asciiKey('subject', 80).primaryKey(),
  lastSeq: rowNumber('last_seq').notNull(),
})

/** Numbering of each partition and the lease of the relay that does it; an empty owner is nobody. */
export const outboxSequence = mysqlTable('outbox_sequence', {
  part: smallint('part').primaryKey(),
  nextSeq: rowNumber('next_seq').notNull().default(1),
  owner: asciiKey('owner', 64).notNull().default(''),
  until: instant('until').notNull(),
})

/** One row: who this database is as a publisher. */
export const eventSource = mysqlTable('event_source', {
  id: tinyint('id').primaryKey(),
  source: asciiKey('source', 40).notNull(),
  partitions: smallint('partitions').notNull(),
  /** One life of the database: a restored one would give the same numbers to other events. */
  generation: rowNumber('generation').notNull(),
})

/** The consumers of this database and what they hear. */
export const inboxConsumer = mysqlTable(
  'inbox_consumer',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    source: asciiKey('source', 40).notNull(),
    state: asciiKey('state', 10).notNull(),
    types: json<string[]>('types').notNull(),
    start: asciiKey('start', 10).notNull(),
    changedBy: asciiKey('changed_by', 80),
    reason: asciiKey('reason', 500),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.consumer, table.source] })],
)

/** How far a consumer has come in a partition of a source: the last number it has settled, and by which event. */
export const inboxCursor = mysqlTable(
  'inbox_cursor',
  {
    consumer: asciiKey('consumer', 80).notNull(),
    source: asciiKey('source', 40).notNull(),
    part: smallint('part').notNull(),
    generation: rowNumber('generation').notNull(),
    lastSeq: rowNumber('last_seq').notNull(),
    lastEventId: asciiKey('last_event_id', 36),
    owner: asciiKey('owner', 64).notNull().default(''),
    until: instant('until').notNull(),
  },
  (table) => [primaryKey({ columns: [table.consumer, table.source, table.part] })],
)
