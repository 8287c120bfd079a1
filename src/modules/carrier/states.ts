import type { Machine } from '#platform/transitions.ts'
import type { CarrierStatus, ServiceStatus } from './contract.ts'

export const carrierActions = ['submit', 'approve', 'reject', 'suspend', 'reinstate', 'retire'] as const
export type CarrierAction = (typeof carrierActions)[number]

/** What may become of a carrier. */
export const carrierMachine = {
  submit: { from: ['draft'], to: 'pending_review' },
  approve: { from: ['pending_review'], to: 'active' },
  reject: { from: ['pending_review'], to: 'draft' },
  suspend: { from: ['active'], to: 'suspended' },
  reinstate: { from: ['suspended'], to: 'active' },
  retire: { from: ['active', 'suspended'], to: 'retired' },
} as const satisfies Machine<CarrierStatus, CarrierAction>

interface ActionRule {
  readonly permission: string
  readonly needsReason: boolean
  /** Nobody does it to a carrier of their own. */
  readonly notOnesOwn: boolean
  /** What the audit trail calls it. */
  readonly recordedAs: string
}

export const carrierRules: Readonly<Record<CarrierAction, ActionRule>> = {
  submit: { permission: 'carrier:submit', needsReason: false, notOnesOwn: false, recordedAs: 'carrier.submitted' },
  approve: { permission: 'carrier:review', needsReason: false, notOnesOwn: true, recordedAs: 'carrier.approved' },
  reject: { permission: 'carrier:review', needsReason: true, notOnesOwn: true, recordedAs: 'carrier.rejected' },
  suspend: { permission: 'carrier:suspend', needsReason: true, notOnesOwn: false, recordedAs: 'carrier.suspended' },
  reinstate: { permission: 'carrier:suspend', needsReason: false, notOnesOwn: false, recordedAs: 'carrier.reinstated' },
  retire: { permission: 'carrier:retire', needsReason: false, notOnesOwn: false, recordedAs: 'carrier.retired' },
}

export const serviceActions = ['activate', 'pause', 'resume', 'retire'] as const
export type ServiceAction = (typeof serviceActions)[number]

/** What may become of a service; all of it needs `carrier:operate`. */
export const serviceMachine = {
  activate: { from: ['draft'], to: 'active' },
  pause: { from: ['active'], to: 'paused' },
  resume: { from: ['paused'], to: 'active' },
  retire: { from: ['draft', 'active', 'paused'], to: 'retired' },
} as const satisfies Machine<ServiceStatus, ServiceAction>
