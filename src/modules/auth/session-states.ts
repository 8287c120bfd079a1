import type { Cache } from '#platform/cache.ts'
import type { SessionState } from './contract.ts'
import type { EndedSession, SessionRepository } from './session-repository.ts'

/** Whether a session lives, as every request asks: a second in memory, 25 seconds in Redis, the truth in the database. */
export interface SessionStates {
  get(sessionId: number, options: { fresh: boolean }): Promise<SessionState | undefined>
  /** Lets every replica know. After COMMIT, before the answer. */
  spread(ended: readonly EndedSession[]): Promise<void>
}

export function createSessionStates(cache: Cache, repository: Pick<SessionRepository, 'findState'>): SessionStates {
  const kept = cache.versioned<SessionState>({ entity: 's', what: 'state' })
  return {
    get: (sessionId, options) => kept.get(sessionId, () => repository.findState(sessionId), options),
    async spread(ended) {
      await Promise.all(ended.map(({ sessionId, userId, version }) => kept.put(sessionId, { userId, version, hasEnded: true })))
    },
  }
}
