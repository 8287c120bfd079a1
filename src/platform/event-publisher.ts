import { sql } from 'drizzle-orm'
import { currentContext } from './context.ts'
import type { DatabaseName, Tx } from './databases.ts'
import type { Bell } from './event-bell.ts'
import {
  type EventContract,
  type EventDeclarations,
  type EventsOf,
  serialiseData,
  subjectOf,
  typeOf,
  versionsOf,
} from './event-contracts.ts'
import { createEventId } from './event-ids.ts'
import { partitionOf } from './event-partitions.ts'
import { actorRef } from './principal.ts'

/**
 * Says a fact inside the transaction that makes it true; when that rolls back, it was never said. `aggregateId` names the
 * instance whose order is kept. While a type has several versions, `data` holds those of each by its number, and the fact is
 * said in all of them. Throws `EventInvalid` when the data do not fit the event's schema.
 */
export type Publisher<E, T extends Tx<DatabaseName>> = <K extends PublishedType<E>>(
  tx: T,
  type: K,
  aggregateId: number | string,
  data: E[K],
) => Promise<void>

type PublishedType<E> = Exclude<keyof E & string, `${string}@${number}`>

export function createPublisher<D extends EventDeclarations, N extends DatabaseName>(
  contract: EventContract<D>,
  database: N,
  bell: Pick<Bell, 'ringCommitted'>,
): Publisher<EventsOf<EventContract<D>>, Tx<N>> {
  const byType = new Map(Object.keys(contract.events).map((name) => [typeOf(name), versionsOf(contract, typeOf(name))]))

  return async (tx, type, aggregateId, data) => {
    const versions = byType.get(type)
    const [first] = versions ?? []
    if (!versions || !first) throw new TypeError(`${contract.module} declares no event ${type}`)
    if (tx.name !== database) throw new TypeError(`${type} is published in ${database}, not in a transaction of ${tx.name}`)
    const subject = subjectOf(first.aggregate, aggregateId)
    const part = partitionOf(subject)
    const said = { type, subject, part, meta: meta(versions.map(({ version }) => version)) }
    const texts = versions.map((declaration) => ({
      version: declaration.version,
      data: serialiseData(type, declaration, versions.length === 1 ? data : dataOf(data, declaration.version)),
    }))

    for (const { version, data } of texts) await insert(tx, { ...said, version, data })
    tx.afterCommit(() => bell.ringCommitted(database, part))
  }
}

const dataOf = (byVersion: unknown, version: number): unknown =>
  typeof byVersion === 'object' && byVersion !== null ? new Map(Object.entries(byVersion)).get(String(version)) : undefined

interface OutboxRow {
  type: string
  version: number
  subject: string
  part: number
  data: string
  meta: string
}

async function insert(tx: Tx<DatabaseName>, { type, version, subject, part, data, meta }: OutboxRow): Promise<void> {
  // The row lock lasts until commit: per subject the order of numbers is the order of commits, whatever the caller locks.
  const [counted] = await tx.db.execute(sql`
    INSERT INTO outbox_subject (subject, last_seq) VALUES (${subject}, 1)
    ON DUPLICATE KEY UPDATE last_seq = LAST_INSERT_ID(last_seq + 1)`)
  const subjectSeq = counted.affectedRows === 1 ? 1 : counted.insertId
  await tx.db.execute(sql`
    INSERT INTO outbox (event_id, part, subject, subject_seq, type, version, data, meta, occurred_at)
    VALUES (${createEventId()}, ${part}, ${subject}, ${subjectSeq}, ${type}, ${version}, ${data}, ${meta}, NOW(3))`)
}

function meta(versions: readonly number[]): string {
  const { requestId, correlationId = requestId, causationId = requestId, principal, traceparent } = currentContext()
  return JSON.stringify({
    correlationId,
    causationId,
    actor: actorRef(principal),
    traceparent: traceparent ?? null,
    ...(versions.length > 1 ? { versions } : {}),
  })
}
