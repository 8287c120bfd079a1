import type { CustomerTx } from '#platform/databases.ts'
import { type Subscriptions, subscribe } from '#platform/events.ts'
import type { UserEvents } from '../user/index.ts'
import type { CustomerProfiles } from './profiles.ts'

/**
 * One consumer for all of them: order holds inside a consumer, so a user who is suspended right after registering has a profile
 * by then. Replay is safe, because each effect compares the user's version.
 */
export const customerSubscriptions = ({ profiles }: { profiles: CustomerProfiles }): Subscriptions<UserEvents, CustomerTx> => [
  subscribe<UserEvents, CustomerTx>(
    'customer.profile',
    {
      'user.created@1': (tx, { data }) => profiles.createProfile(tx, data),
      'user.suspended@1': (tx, { data }) => profiles.followUser(tx, { ...data, active: false }),
      'user.deactivated@1': (tx, { data }) => profiles.followUser(tx, { ...data, active: false }),
      'user.reactivated@1': (tx, { data }) => profiles.followUser(tx, { ...data, active: true }),
    },
    { start: 'beginning', replayable: true },
  ),
]
