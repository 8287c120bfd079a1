/** Who is asking. Plain data, so that it crosses contracts, events and audit rows as it is. */

export type Scope = 'own' | 'any'

export interface Principal {
  readonly kind: 'anonymous' | 'user' | 'api_key' | 'service' | 'system'
  readonly userId?: number
  readonly sessionId?: number
  readonly apiKeyId?: number
  readonly roles: readonly string[]
  /** `resource:action` → the widest scope granted; `*:*` stands for every permission. */
  readonly can: Readonly<Record<string, Scope>>
}

/** What audit rows and event envelopes say about the one who acted. */
export interface ActorRef {
  kind: 'anonymous' | 'user' | 'api_key' | 'service' | 'system'
  id?: number
}

export const anonymous: Principal = Object.freeze({ kind: 'anonymous', roles: Object.freeze([]), can: Object.freeze({}) })

/** The process itself: sweeps, event handlers, first administrator. */
export const system: Principal = Object.freeze({ kind: 'system', roles: Object.freeze([]), can: Object.freeze({ '*:*': 'any' as const }) })

/** The scope in which the principal holds `resource:action`, or undefined. */
export function scopeOf(principal: Principal, permission: string): Scope | undefined {
  return principal.can['*:*'] ?? principal.can[permission]
}

/** Turns `['customer:read:own', '*:*:any']` into the map of a principal; `any` wins over `own`. */
export function permissionMap(permissions: readonly string[]): Record<string, Scope> {
  const can: Record<string, Scope> = {}
  for (const permission of permissions) {
    const cut = permission.lastIndexOf(':')
    const name = permission.slice(0, cut)
    const scope = permission.slice(cut + 1)
    if (scope === 'any' || (scope === 'own' && can[name] === undefined)) can[name] = scope
  }
  return can
}

/**
 * Which rows a caller may see: handed down to the repository, which puts it into its WHERE. Nobody loads a row first and
 * checks afterwards.
 */
export type Visibility = { readonly scope: 'any' } | { readonly scope: 'own'; readonly userId: number } | { readonly scope: 'none' }

export function visibility(principal: Principal, permission: string): Visibility {
  const scope = scopeOf(principal, permission)
  if (scope === 'any') return { scope: 'any' }
  if (scope === 'own' && principal.userId !== undefined) return { scope: 'own', userId: principal.userId }
  return { scope: 'none' }
}

export function actorRef(principal: Principal): ActorRef {
  const id = principal.kind === 'api_key' ? principal.apiKeyId : principal.userId
  return id === undefined ? { kind: principal.kind } : { kind: principal.kind, id }
}
