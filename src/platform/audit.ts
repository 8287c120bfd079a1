import { isDeepStrictEqual } from 'node:util'
import { databaseNow } from './columns.ts'
import { currentContext } from './context.ts'
import type { Queries } from './databases.ts'
import { actorRef } from './principal.ts'
import { auditLog } from './tables.ts'

export interface AuditEntry {
  /** `role.granted`: a past fact, like the name of an event. */
  action: string
  /** `customer/7`. */
  subject: string
  before?: Readonly<Record<string, unknown>> | undefined
  after?: Readonly<Record<string, unknown>> | undefined
  reason?: string | undefined
}

/**
 * Writes who did it, under which request, into the transaction of the act: both stand or neither. No password, token or hash
 * may be among the values; of personal fields only the name (`changes` sees to it).
 */
export async function audit(tx: { readonly db: Queries }, { action, subject, before, after, reason }: AuditEntry): Promise<void> {
  const { principal, requestId } = currentContext()
  const actor = actorRef(principal)
  await tx.db.insert(auditLog).values({
    at: databaseNow,
    action,
    subject,
    requestId,
    actorKind: actor.kind,
    actorId: actor.id ?? null,
    onBehalfOf: principal.kind === 'user' ? null : (principal.userId ?? null),
    before: before ?? null,
    after: after ?? null,
    reason: reason ?? null,
  })
}

const personalMark = '(personal)'

/** The members that differ, as they were and as they are; personal ones by name only. */
export function changes<T extends object>(
  before: T,
  after: T,
  { personal = [] }: { personal?: readonly string[] } = {},
): { before: Record<string, unknown>; after: Record<string, unknown> } {
  const was: Record<string, unknown> = {}
  const is: Record<string, unknown> = {}
  const earlier = new Map(Object.entries(before))
  const later = new Map(Object.entries(after))
  for (const name of new Set([...earlier.keys(), ...later.keys()])) {
    if (isDeepStrictEqual(earlier.get(name), later.get(name))) continue
    was[name] = personal.includes(name) ? personalMark : (earlier.get(name) ?? null)
    is[name] = personal.includes(name) ? personalMark : (later.get(name) ?? null)
  }
  return { before: was, after: is }
}
