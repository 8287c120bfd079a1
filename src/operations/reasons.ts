import { currentContext } from '#platform/context.ts'
import { ReasonRequired } from '#platform/http-errors.ts'
import { actorRef } from '#platform/principal.ts'

/** The reason an intervention was given. Throws REASON_REQUIRED. */
export function requireReason(reason: string | undefined, action: string): string {
  const given = reason?.trim()
  if (!given) throw ReasonRequired({ action })
  return given
}

/** Who intervenes, as tables of the events name it: `user/7`, `system`. */
export function actorName(): string {
  const { kind, id } = actorRef(currentContext().principal)
  return id === undefined ? kind : `${kind}/${id}`
}
