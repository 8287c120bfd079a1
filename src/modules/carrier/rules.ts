import type { Fault } from '#platform/errors.ts'
import { FieldForbidden, FieldImmutable } from '#platform/http-errors.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import type { CarrierStatus } from './contract.ts'
import { InvalidScac, InvalidTransit } from './errors.ts'
import type { CarrierPatch, ServicePatch } from './schemas.ts'

/** What the business refuses, as functions of what is known: no database, no clock. */

const isOwner = (actor: Principal): boolean => scopeOf(actor, 'carrier:update') !== 'any'

/** Owners describe their carrier; whose it is and in which state is not theirs to write, nor its SCAC once it was approved. */
export function refuseForeignMembers(patch: CarrierPatch, status: CarrierStatus, actor: Principal): void {
  if (!isOwner(actor)) return
  const wasApproved = status !== 'draft' && status !== 'pending_review'
  refuse(forbidden, present(patch, wasApproved ? ['ownerId', 'status', 'scac'] : ['ownerId', 'status']))
}

/** The state changes by its actions, the owner by a transfer, the code never. */
export function refuseFixedMembers(patch: CarrierPatch, before: { code: string; ownerId: number; status: CarrierStatus }): void {
  refuse(immutable, [
    ...(patch.code === undefined || patch.code === before.code ? [] : ['/code']),
    ...(patch.ownerId === undefined || patch.ownerId === before.ownerId ? [] : ['/ownerId']),
    ...(patch.status === undefined || patch.status === before.status ? [] : ['/status']),
  ])
}

/** `own` makes carriers for the caller only; `any` says for whom. */
export function refuseForeignOwner(ownerId: number | undefined, actor: Principal): void {
  if (scopeOf(actor, 'carrier:create') === 'any' || ownerId === undefined || ownerId === actor.userId) return
  refuse(forbidden, ['/ownerId'])
}

export function refuseFixedServiceMembers(patch: ServicePatch, before: { code: string; status: string }, actor: Principal): void {
  if (isOwner(actor)) refuse(forbidden, present(patch, ['status']))
  refuse(immutable, [
    ...(patch.code === undefined || patch.code === before.code ? [] : ['/code']),
    ...(patch.status === undefined || patch.status === before.status ? [] : ['/status']),
  ])
}

export function requireScac(scac: string | null | undefined): void {
  if (!scac || scac.length < 4 || !/[UXZ]$/.test(scac)) return
  const { code } = InvalidScac
  throw InvalidScac({ scac }, { faults: [{ in: 'body', path: '/scac', code, message: 'marks equipment', value: scac }] })
}

export function requireTransit(transit: { minDays: number; maxDays: number } | null | undefined): void {
  if (!transit || transit.minDays <= transit.maxDays) return
  const { code } = InvalidTransit
  throw InvalidTransit({}, { faults: [{ in: 'body', path: '/transit', code, message: 'minDays is above maxDays' }] })
}

const present = <T extends object>(patch: T, members: (keyof T & string)[]): string[] =>
  members.filter((member) => patch[member] !== undefined).map((member) => `/${member}`)

const forbidden = { make: FieldForbidden, message: 'is not yours to write' }
const immutable = { make: FieldImmutable, message: 'cannot be changed here' }

function refuse({ make, message }: { make: typeof FieldForbidden; message: string }, paths: string[]): void {
  const [path] = paths
  if (path === undefined) return
  throw make({ path }, { faults: paths.map((each): Fault => ({ in: 'body', path: each, code: make.code, message })) })
}
