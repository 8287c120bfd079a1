import type { UserStatus } from './contract.ts'

/** The state machine of a user as data. `invited` and `anonymised` are reached elsewhere; they stand here as places to come from. */
export type StateAction = 'suspend' | 'reactivate' | 'deactivate'

interface StateRule {
  permission: string
  from: readonly UserStatus[]
  to: UserStatus
  needsReason: boolean
  event: 'user.suspended' | 'user.reactivated' | 'user.deactivated'
}

export const states: Readonly<Record<StateAction, StateRule>> = {
  suspend: { permission: 'user:suspend', from: ['active'], to: 'suspended', needsReason: true, event: 'user.suspended' },
  reactivate: {
    permission: 'user:suspend',
    from: ['suspended', 'deactivated'],
    to: 'active',
    needsReason: false,
    event: 'user.reactivated',
  },
  deactivate: {
    permission: 'user:deactivate',
    from: ['invited', 'active', 'suspended'],
    to: 'deactivated',
    needsReason: false,
    event: 'user.deactivated',
  },
}

/** A move already made is answered like one made now, without an event. */
export const reachesNothingNew = (action: StateAction, status: UserStatus): boolean => states[action].to === status
