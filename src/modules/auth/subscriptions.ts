import type { SharedUserTx } from '#platform/databases.ts'
import { type Envelope, type Subscriptions, subscribe } from '#platform/events.ts'
import type { UserEvents } from '../user/index.ts'
import type { EndReason } from './contract.ts'
import type { SessionRepository } from './session-repository.ts'
import type { SessionStates } from './session-states.ts'
import type { Sessions } from './sessions.ts'

export interface AuthSubscriptionsNeeds {
  repository: Pick<SessionRepository, 'endAllOf'>
  sessions: Pick<Sessions, 'endWithin'>
  states: Pick<SessionStates, 'spread'>
}

/**
 * Who may no longer log in keeps no session. Requests are refused by the account's state before this runs; here the sessions
 * themselves end, so that they do not come back to life with the account.
 */
export function authSubscriptions({ repository, sessions, states }: AuthSubscriptionsNeeds): Subscriptions<UserEvents, SharedUserTx> {
  const endAll = async (tx: SharedUserTx, { data, occurredAt }: Envelope<string, { userId: number }>, reason: EndReason): Promise<void> => {
    // One that began after the account was let in again is not meant, however late this is heard.
    const ended = await repository.endAllOf(tx, data.userId, reason, { begunBy: occurredAt })
    await sessions.endWithin(tx, ended, reason)
    tx.afterCommit(() => states.spread(ended))
  }
  return [
    subscribe<UserEvents, SharedUserTx>('auth.sessions', {
      'user.suspended@1': (tx, event) => endAll(tx, event, 'suspended'),
      'user.deactivated@1': (tx, event) => endAll(tx, event, 'deactivated'),
    }),
  ]
}
