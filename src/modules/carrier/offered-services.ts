import { canonicalJson } from '#platform/canonical-json.ts'
import type { CarrierTx } from '#platform/databases.ts'
import { InvalidTransition, VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import { type Principal, visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { stepOf } from '#platform/transitions.ts'
import type { CarrierService, ServiceStatus } from './contract.ts'
import { canonicalMoney } from './declared-value.ts'
import { CarrierNotFound, CarrierServiceNotFound } from './errors.ts'
import { type Reader, readerOf, seesAll } from './readers.ts'
import { type CarrierRecords, only } from './records.ts'
import type { CarrierRepository, StoredCarrier } from './repository.ts'
import { refuseFixedServiceMembers, requireTransit } from './rules.ts'
import type { ListServices, NewService, ServicePatch } from './schemas.ts'
import type { ServiceRepository } from './service-repository.ts'
import { type ServiceAction, serviceMachine } from './states.ts'

export interface ServiceAddress {
  carrierId: number
  code: string
}
export interface ServiceUpdate extends ServiceAddress {
  patch: ServicePatch
  expectedVersion: number | undefined
}
export interface ServiceStatusChange extends ServiceAddress {
  action: ServiceAction
  reason: string | undefined
  expectedVersion: number | undefined
}

export type OfferedServices = ReturnType<typeof createOfferedServices>

interface OfferedServiceNeeds {
  carriers: Pick<CarrierRepository, 'find' | 'findReadable' | 'lock' | 'inTransaction'>
  services: ServiceRepository
  records: Pick<CarrierRecords, 'addService' | 'changeService'>
  now: () => number
}

/** The services of carriers. Every change holds the carrier's row first, so what is decided about all of its services holds. */
export function createOfferedServices({ carriers, services, records, now }: OfferedServiceNeeds) {
  return {
    async setsOf(carrierIds: number[]): Promise<CarrierService[]> {
      const sets = await services.findSets(carrierIds)
      return [...sets].toSorted(([a], [b]) => a - b).flatMap(([, set]) => set.services)
    },

    async hasActive(tx: CarrierTx, carrierId: number): Promise<boolean> {
      return (await services.inState(tx, carrierId, ['active'])).length > 0
    },

    async retireAll(tx: CarrierTx, carrierId: number, reason: string | null): Promise<void> {
      const living = await services.inState(tx, carrierId, ['draft', 'active', 'paused'])
      for (const service of living) await records.changeService(tx, service, { status: 'retired' }, ['status'], { reason })
      if (living.length > 0) await services.renew(tx, carrierId)
    },

    async listOf(carrierId: number, query: ListServices, actor: Principal): Promise<PageOf<CarrierService>> {
      const reader = readerOf(actor)
      const carrier = await requireReadable(carrierId, reader)
      return services.list(carrierId, query, !seesAll(reader, carrier))
    },

    async requireService({ carrierId, code }: ServiceAddress, actor: Principal): Promise<CarrierService> {
      const reader = readerOf(actor)
      const carrier = await requireReadable(carrierId, reader)
      const service = await services.find(carrierId, code, !seesAll(reader, carrier))
      if (!service) throw CarrierServiceNotFound({ code })
      return service
    },

    async addService(carrierId: number, { limits, ...input }: NewService, actor: Principal): Promise<CarrierService> {
      requireTransit(input.transit)
      return carriers.inTransaction(async (tx) => {
        const carrier = await requireLocked(tx, carrierId, actor, 'carrier:update')
        if (carrier.status === 'retired') throw InvalidTransition({ from: carrier.status, action: 'add-service' })
        const service = await records.addService(tx, {
          ...blankService,
          ...input,
          carrierId,
          limits: { ...noLimits, ...canonicalLimits(limits) },
        })
        await services.renew(tx, carrierId)
        return service
      })
    },

    async updateService({ carrierId, code, patch, expectedVersion }: ServiceUpdate, actor: Principal): Promise<CarrierService> {
      requireTransit(patch.transit)
      return carriers.inTransaction(async (tx) => {
        await requireLocked(tx, carrierId, actor, 'carrier:update')
        const before = await requireLockedService(tx, { carrierId, code }, expectedVersion)
        refuseFixedServiceMembers(patch, before, actor)
        // A merge patch would leave a limit of null away; here null is the value "no limit".
        const limits = { ...before.limits, ...canonicalLimits(patch.limits) }
        const { changed, next } = applyMergePatch(before, { ...patch, limits: undefined })
        const all = isSame(limits, before.limits) ? changed : [...changed, 'limits' as const]
        if (all.length === 0) return before
        if (before.status === 'retired') throw InvalidTransition({ from: before.status, action: 'update' })
        const service = await records.changeService(tx, before, only({ ...next, limits }, all), all)
        await services.renew(tx, carrierId)
        return service
      })
    },

    async changeServiceStatus(
      { carrierId, code, action, reason, expectedVersion }: ServiceStatusChange,
      actor: Principal,
    ): Promise<CarrierService> {
      return carriers.inTransaction(async (tx) => {
        await requireLocked(tx, carrierId, actor, 'carrier:operate')
        const before = await requireLockedService(tx, { carrierId, code }, expectedVersion)
        const step = stepOf<ServiceStatus>(serviceMachine[action], before.status)
        if (step === 'refused') throw InvalidTransition({ from: before.status, action })
        if (step === 'reached') return before
        const { to } = serviceMachine[action]
        const service = await records.changeService(tx, before, { status: to }, ['status'], { reason: reason?.trim() ? reason : null })
        await services.renew(tx, carrierId)
        return service
      })
    },
  }

  async function requireReadable(id: number, reader: Reader): Promise<StoredCarrier> {
    const carrier =
      reader.full.scope === 'any' ? await carriers.find(id) : await carriers.findReadable(id, reader, new Date(now()).toISOString())
    if (!carrier) throw CarrierNotFound({ id })
    return carrier
  }

  async function requireLocked(tx: CarrierTx, id: number, actor: Principal, permission: string): Promise<StoredCarrier> {
    const carrier = await carriers.lock(tx, id, visibility(actor, permission))
    if (!carrier) throw CarrierNotFound({ id })
    return carrier
  }

  async function requireLockedService(tx: CarrierTx, { carrierId, code }: ServiceAddress, expectedVersion: number | undefined) {
    const service = await services.lock(tx, carrierId, code)
    if (!service) throw CarrierServiceNotFound({ code })
    if (expectedVersion !== undefined && expectedVersion !== service.version) throw VersionMismatch({ current: service.version })
    return service
  }
}

const blankService = { status: 'draft', transit: null, guaranteed: false, features: [] } satisfies Partial<CarrierService>
const noLimits: CarrierService['limits'] = {
  maxWeight: null,
  maxLength: null,
  maxLengthPlusGirth: null,
  maxPieces: null,
  maxDeclaredValue: null,
}

/** Money with the decimals of its currency, so that equal values are equal. */
function canonicalLimits(limits: NewService['limits']): Partial<CarrierService['limits']> {
  if (!limits?.maxDeclaredValue) return limits ?? {}
  return { ...limits, maxDeclaredValue: canonicalMoney(limits.maxDeclaredValue, '/limits/maxDeclaredValue/amount') }
}

const isSame = (a: object, b: object): boolean => canonicalJson(a) === canonicalJson(b)
