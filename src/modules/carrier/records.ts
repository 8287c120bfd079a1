import { audit, changes } from '#platform/audit.ts'
import type { CarrierTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { CarrierEvents, CarrierService } from './contract.ts'
import type { CarrierChange, CarrierRepository, NewCarrierRow, StoredCarrier } from './repository.ts'
import type { NewServiceRow, ServiceChange, ServiceRepository } from './service-repository.ts'
import { type CarrierAction, carrierMachine, carrierRules } from './states.ts'

/** Of this the audit trail keeps the name, not the value. */
const personal = ['contact']

interface RecordNeeds {
  carriers: Pick<CarrierRepository, 'insert' | 'update'>
  services: Pick<ServiceRepository, 'insert' | 'update'>
  publish: Publisher<CarrierEvents, CarrierTx>
}

export type CarrierRecords = ReturnType<typeof createCarrierRecords>

/**
 * The ways in which carriers and services are written: each is the row, its line in the audit trail and its event, in the
 * caller's transaction.
 */
export function createCarrierRecords({ carriers, services, publish }: RecordNeeds) {
  return {
    async create(tx: CarrierTx, row: NewCarrierRow): Promise<StoredCarrier> {
      const carrier = await carriers.insert(tx, row)
      const { id, code, name, ownerId, status } = carrier
      await audit(tx, { action: 'carrier.created', subject: `carrier/${id}`, after: { code, name, ownerId, status } })
      await publish(tx, 'carrier.created', id, facts(carrier, []))
      return carrier
    },

    async update(
      tx: CarrierTx,
      before: StoredCarrier,
      change: CarrierChange,
      changed: readonly (keyof StoredCarrier)[],
    ): Promise<StoredCarrier> {
      const carrier = await carriers.update(tx, before, change)
      await audit(tx, {
        action: 'carrier.updated',
        subject: `carrier/${carrier.id}`,
        ...changes(only(before, changed), only(carrier, changed), { personal }),
      })
      await publish(tx, 'carrier.updated', carrier.id, facts(carrier, changed))
      return carrier
    },

    async move(tx: CarrierTx, before: StoredCarrier, action: CarrierAction, reason: string | null): Promise<StoredCarrier> {
      const { to } = carrierMachine[action]
      const carrier = await carriers.update(tx, before, { status: to })
      const { id, version } = carrier
      await audit(tx, {
        action: carrierRules[action].recordedAs,
        subject: `carrier/${id}`,
        before: { status: before.status },
        after: { status: to },
        ...(reason === null ? {} : { reason }),
      })
      await publish(tx, 'carrier.status_changed', id, { carrierId: id, from: before.status, to, reason, version })
      return carrier
    },

    async transfer(
      tx: CarrierTx,
      before: StoredCarrier,
      owner: { ownerId: number; ownerVersion: number },
      reason: string | null,
    ): Promise<StoredCarrier> {
      const carrier = await carriers.update(tx, before, { ...owner, ownerActive: true })
      const { id, version } = carrier
      await audit(tx, {
        action: 'carrier.owner_transferred',
        subject: `carrier/${id}`,
        before: { ownerId: before.ownerId },
        after: { ownerId: owner.ownerId },
        ...(reason === null ? {} : { reason }),
      })
      await publish(tx, 'carrier.owner_transferred', id, { carrierId: id, fromUserId: before.ownerId, toUserId: owner.ownerId, version })
      return carrier
    },

    async addService(tx: CarrierTx, row: NewServiceRow): Promise<CarrierService> {
      const service = await services.insert(tx, row)
      const { name, mode, status } = service
      await audit(tx, { action: 'carrier.service_added', subject: serviceSubject(service), after: { name, mode, status } })
      await publish(tx, 'carrier.service_changed', service.carrierId, serviceFacts(service, Object.keys(row).filter(isDescribed)))
      return service
    },

    async changeService(
      tx: CarrierTx,
      before: CarrierService,
      change: ServiceChange,
      changed: readonly (keyof CarrierService)[],
      because?: { reason: string | null },
    ): Promise<CarrierService> {
      const service = await services.update(tx, before, change)
      await audit(tx, {
        action: changed.includes('status') ? 'carrier.service_status_changed' : 'carrier.service_updated',
        subject: serviceSubject(service),
        ...changes(only(before, changed), only(service, changed)),
        ...(because?.reason ? { reason: because.reason } : {}),
      })
      await publish(tx, 'carrier.service_changed', service.carrierId, serviceFacts(service, changed))
      return service
    },
  }
}

const facts = ({ id, code, scac, ownerId, version }: StoredCarrier, changed: readonly string[]) => ({
  carrierId: id,
  code,
  scac,
  ownerId,
  changed: [...changed],
  version,
})

const serviceFacts = ({ carrierId, code, status, version }: CarrierService, changed: readonly string[]) => ({
  carrierId,
  serviceCode: code,
  status,
  changed: [...changed],
  version,
})

const serviceSubject = ({ carrierId, id }: CarrierService): string => `carrier/${carrierId}/service/${id}`

const isDescribed = (member: string): boolean => member !== 'carrierId' && member !== 'code'

/** Some members of a thing. */
export const only = <T extends object>(thing: T, members: readonly (keyof T)[]): Partial<T> =>
  Object.fromEntries(members.map((member) => [member, thing[member]])) as Partial<T>
