import { crc32 } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { currentContext } from './context.ts'
import type { DatabaseName, Tx } from './databases.ts'
import type { Bell } from './event-bell.ts'
import { type EventContract, type EventDeclarations, type EventsOf, serialiseData, subjectOf } from './event-contracts.ts'
import { createEventId } from './event-ids.ts'
import { actorRef } from './principal.ts'

/** Number of partitions of a source, fixed when its database is created. */
export const partitions = 8

export const partitionOf = (subject: string): number => crc32(subject) % partitions

/**
 * Says a fact inside the transaction that makes it true; when that rolls back, it was never said. `aggregateId` names the
 * instance whose order is kept. Throws `EventInvalid` when the data do not fit the event's schema.
 */
export type Publisher<E, T extends Tx<DatabaseName>> = <K extends keyof E & string>(
  tx: T,
  type: K,
  aggregateId: number | string,
  data: E[K],
) => Promise<void>

export function createPublisher<D extends EventDeclarations, N extends DatabaseName>(
  contract: EventContract<D>,
  database: N,
  bell: Pick<Bell, 'ringCommitted'>,
): Publisher<EventsOf<EventContract<D>>, Tx<N>> {
  return async (tx, type, aggregateId, data) => {
    const declaration = contract.events[type]
    if (!declaration) throw new TypeError(`${contract.module} declares no event ${type}`)
    if (tx.name !== database) throw new TypeError(`${type} is published in ${database}, not in a transaction of ${tx.name}`)
    const subject = subjectOf(declaration.aggregate, aggregateId)
    const text = serialiseData(type, declaration, data)
    const part = partitionOf(subject)

    // The row lock lasts until commit: per subject the order of numbers is the order of commits, whatever the caller locks.
    const [counted] = await tx.db.execute(sql`
      INSERT INTO outbox_subject (subject, last_seq) VALUES (${subject}, 1)
      ON DUPLICATE KEY UPDATE last_seq = LAST_INSERT_ID(last_seq + 1)`)
    const subjectSeq = counted.affectedRows === 1 ? 1 : counted.insertId
    await tx.db.execute(sql`
      INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at)
      VALUES (${createEventId()}, ${part}, ${subject}, ${subjectSeq}, ${type}, ${declaration.version}, ${text}, ${meta()}, NOW(3))`)
    tx.afterCommit(() => bell.ringCommitted(database, part))
  }
}

function meta(): string {
  const { requestId, correlationId = requestId, causationId = requestId, principal, traceparent } = currentContext()
  return JSON.stringify({ correlationId, causationId, actor: actorRef(principal), traceparent: traceparent ?? null })
}
