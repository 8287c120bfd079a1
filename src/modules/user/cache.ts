import type { Cache } from '#platform/cache.ts'
import type { UserAccess } from './contract.ts'
import type { UserService } from './service.ts'

/**
 * State and grants are asked for by every request, so they are kept: a second in memory, 25 seconds in Redis. Whoever changes
 * them writes the new version before answering; a reader with an older one cannot put it back.
 */
export function withCache(cache: Cache, service: UserService): UserService {
  const kept = cache.versioned<UserAccess>({
    entity: 'u',
    what: 'access',
    // A copy must not outlive a grant.
    lifetimeMs: ({ validForMs }) => validForMs ?? undefined,
  })
  const read = (userId: number) => service.getAccessNow({ userId })

  /** Runs a change of state or grants, then lets every replica know it. */
  const spreading =
    <I extends { id: number }, A, R>(change: (input: I, actor: A) => Promise<R>) =>
    async (input: I, actor: A): Promise<R> => {
      const result = await change(input, actor)
      // It is committed: failing to tell the others makes it no failure, their copies end by themselves.
      const now = await read(input.id).catch(() => undefined)
      if (now) await kept.put(input.id, now)
      return result
    }

  return {
    ...service,
    getAccess: ({ userId }) => kept.get(userId, () => read(userId)),
    getAccessNow: ({ userId }) => kept.get(userId, () => read(userId), { fresh: true }),
    suspendUser: spreading(service.suspendUser),
    reactivateUser: spreading(service.reactivateUser),
    deactivateUser: spreading(service.deactivateUser),
    setGrants: spreading(service.setGrants),
  }
}
