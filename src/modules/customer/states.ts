import type { Machine } from '#platform/transitions.ts'
import type { CustomerStatus } from './contract.ts'

export const customerActions = ['activate', 'suspend', 'reactivate', 'close', 'reopen'] as const
export type CustomerAction = (typeof customerActions)[number]

/** What may become of a customer. */
export const customerMachine = {
  activate: { from: ['pending'], to: 'active' },
  suspend: { from: ['active'], to: 'suspended' },
  reactivate: { from: ['suspended'], to: 'active' },
  close: { from: ['pending', 'active', 'suspended'], to: 'closed' },
  reopen: { from: ['closed'], to: 'active' },
} as const satisfies Machine<CustomerStatus, CustomerAction>

interface ActionRule {
  readonly permission: string
  readonly needsReason: boolean
  /** The profile must be complete, because the action makes it tradable for the first time or again. */
  readonly needsCompleteProfile: boolean
  /** What the audit trail calls it. */
  readonly recordedAs: string
}

export const actionRules: Readonly<Record<CustomerAction, ActionRule>> = {
  activate: { permission: 'customer:activate', needsReason: false, needsCompleteProfile: true, recordedAs: 'customer.activated' },
  suspend: { permission: 'customer:suspend', needsReason: true, needsCompleteProfile: false, recordedAs: 'customer.suspended' },
  reactivate: { permission: 'customer:suspend', needsReason: true, needsCompleteProfile: false, recordedAs: 'customer.reactivated' },
  close: { permission: 'customer:close', needsReason: true, needsCompleteProfile: false, recordedAs: 'customer.closed' },
  reopen: { permission: 'customer:close', needsReason: true, needsCompleteProfile: true, recordedAs: 'customer.reopened' },
}
