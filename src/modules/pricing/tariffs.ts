import { audit, changes } from '#platform/audit.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import type { PageOf } from '#platform/schemas.ts'
import { requireTimeZone } from './engine/dates.ts'
import { requireCurrency } from './engine/money.ts'
import { InvalidTariff } from './errors.ts'
import type { Carriers, Customers } from './neighbours.ts'
import { requireCarrier, requireCustomer, requireLockedTariff, requireServices, requireTariff } from './references.ts'
import { refuseFaults, refuseFixedMembers } from './refusals.ts'
import type { PricingRepository } from './repository.ts'
import type { NewTariffRow } from './tariff-repository.ts'
import type { ListTariffs, NewTariff, Tariff, TariffPatch } from './tariff-schemas.ts'

/** Members of a tariff that every stored price rests on. */
const fixedMembers = ['code', 'carrierId', 'scope', 'customerId', 'currency', 'timezone'] as const

/** What a tariff is made with when its author says nothing else. */
const defaults = {
  serviceCodes: [] as string[],
  customerId: null,
  priority: 0,
  rateDateBasis: 'ship_date',
  fallbackPolicy: 'next',
  quoteValidityDays: 7,
  capAtTariffEnd: false,
} as const satisfies Partial<NewTariffRow>

interface TariffNeeds {
  repository: Pick<PricingRepository, 'tariffs'>
  carriers: Carriers
  customers: Customers
  /** The prices in force have changed. */
  pricesChanged: () => void
}

/** Tariffs: whose services they price, for whom, and what holds for all of their versions. */
export function createTariffs({ repository, carriers, customers, pricesChanged }: TariffNeeds) {
  const { tariffs } = repository

  return {
    listTariffs: (query: ListTariffs): Promise<PageOf<Tariff>> => tariffs.list(query),

    requireTariff: ({ id }: { id: number }): Promise<Tariff> => requireTariff(repository, id),

    async createTariff(input: NewTariff): Promise<Tariff> {
      const row: NewTariffRow = { ...defaults, ...input }
      refuseFaults([
        ['/currency', () => requireCurrency(row.currency)],
        ['/timezone', () => requireTimeZone(row.timezone)],
      ])
      requireCustomerByScope(row)
      await requireCarrier(carriers, row.carrierId)
      await requireServices(carriers, row.carrierId, row.serviceCodes)
      if (row.customerId != null) await requireCustomer(customers, row.customerId)

      return tariffs.inTransaction(async (tx) => {
        const id = await tariffs.insert(tx, row)
        const tariff = await requireTariff(repository, id, tx)
        await audit(tx, { action: 'tariff.created', subject: `tariff/${id}`, after: tariff })
        return tariff
      })
    },

    async updateTariff({ id, patch, expectedVersion }: TariffChange): Promise<Tariff> {
      // The carrier of a tariff never changes, so it may be read before the row is held.
      if (patch.serviceCodes) await requireServices(carriers, (await requireTariff(repository, id)).carrierId, patch.serviceCodes)

      return tariffs.inTransaction(async (tx) => {
        const before = await requireLockedTariff(repository, tx, id)
        if (before.version !== expectedVersion) throw VersionMismatch({ current: before.version })
        refuseFixedMembers(before, patch, fixedMembers)
        const { changed, next } = applyMergePatch(before, patch)
        if (changed.length === 0) return before
        const { name, serviceCodes, priority, rateDateBasis, fallbackPolicy, quoteValidityDays, capAtTariffEnd } = next
        const row = { name, serviceCodes, priority, rateDateBasis, fallbackPolicy, quoteValidityDays, capAtTariffEnd }
        await tariffs.update(tx, id, expectedVersion, row)
        await audit(tx, { action: 'tariff.updated', subject: `tariff/${id}`, ...changes(before, next) })
        tx.afterCommit(pricesChanged)
        return requireTariff(repository, id, tx)
      })
    },
  }
}

interface TariffChange {
  id: number
  patch: TariffPatch
  expectedVersion: number
}

function requireCustomerByScope({ scope, customerId }: Pick<NewTariffRow, 'scope' | 'customerId'>): void {
  if ((scope === 'customer') === (customerId != null)) return
  const fault = 'customerId goes with the scope customer and with no other'
  throw InvalidTariff({ fault }, { faults: [{ in: 'body', path: '/customerId', code: InvalidTariff.code, message: fault }] })
}
