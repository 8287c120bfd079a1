import type { CarrierTx } from '#platform/databases.ts'
import { type Subscriptions, subscribe } from '#platform/events.ts'
import type { UserEvents } from '../user/index.ts'
import type { CarrierOwners } from './owners.ts'

/** Replay is safe, because the effect compares the user's version. */
export const carrierSubscriptions = ({ owners }: { owners: CarrierOwners }): Subscriptions<UserEvents, CarrierTx> => [
  subscribe<UserEvents, CarrierTx>(
    'carrier.owner',
    {
      'user.suspended@1': (tx, { data }) => owners.followOwner(tx, { ...data, active: false }),
      'user.deactivated@1': (tx, { data }) => owners.followOwner(tx, { ...data, active: false }),
      'user.reactivated@1': (tx, { data }) => owners.followOwner(tx, { ...data, active: true }),
    },
    { start: 'beginning', replayable: true },
  ),
]
