import { audit, changes } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import type { PageOf } from '#platform/schemas.ts'
import { requireCurrency } from './engine/money.ts'
import { compileRate } from './engine/rate.ts'
import { EngineRefusal } from './engine/refusal.ts'
import { TariffVersionReferenceNotFound, VersionPublished } from './errors.ts'
import { changedTables } from './rate-changes.ts'
import type { RateTable, StoredRates } from './rate-schemas.ts'
import { requireLockedTariff, requireTariff, requireVersion, type VersionAddress } from './references.ts'
import { type Check, refuseFaults, unknownReference } from './refusals.ts'
import type { PricingRepository } from './repository.ts'
import { contentOf, type RuleRecords } from './rule-records.ts'
import type { TariffRow } from './tariff-repository.ts'
import { columnsOf, membersOf, presentVersion, requireSoundMembers, type VersionMembers } from './version-members.ts'
import type { NewVersionRow, VersionRow } from './version-repository.ts'
import type { ListTariffVersions, NewTariffVersion, TariffVersion, TariffVersionPatch } from './version-schemas.ts'

/** What a version is made with when its author says nothing else: weights as they are, in kilograms and centimetres. */
const blankMembers: Omit<VersionMembers, 'effectiveFrom'> = {
  effectiveTo: null,
  weightPolicy: { weightUnit: 'kg', dimUnit: 'cm', aggregation: 'per_piece_sum' },
  rounding: null,
  discountStacking: 'best_of',
  minNet: null,
  minTotal: null,
  maxTotal: null,
  changeNote: null,
}

interface VersionNeeds {
  repository: Pick<PricingRepository, 'tariffs' | 'versions' | 'rates' | 'rules'>
  ruleRecords: RuleRecords
}

/** Versions of a tariff while they are written. Everything here happens under the tariff's row lock, so nothing is published meanwhile. */
export function createVersions({ repository, ruleRecords }: VersionNeeds) {
  const { tariffs, versions, rates, rules } = repository

  return {
    async listVersions({ tariffId, ...query }: ListTariffVersions & { tariffId: number }): Promise<PageOf<TariffVersion>> {
      const tariff = await requireTariff(repository, tariffId)
      const page = await versions.list(tariffId, query)
      const closings = await versions.closingsOf(page.data.map((row) => row.id))
      return { ...page, data: page.data.map((row) => presentVersion(row, tariff, closings)) }
    },

    async requireVersion(address: VersionAddress): Promise<TariffVersion> {
      const tariff = await requireTariff(repository, address.tariffId)
      const row = await requireVersion(repository, address)
      return presentVersion(row, tariff, await versions.closingsOf([row.id]))
    },

    async createVersion({ tariffId, basedOn, ...input }: NewTariffVersion & { tariffId: number }): Promise<TariffVersion> {
      return tariffs.inTransaction(async (tx) => {
        const tariff = await requireLockedTariff(repository, tx, tariffId)
        const base = basedOn === undefined ? undefined : await versions.find(tariffId, basedOn, tx)
        if (basedOn !== undefined && !base) throw unknownReference(TariffVersionReferenceNotFound, '/basedOn', basedOn)
        const copied = base && { ...membersOf(presentVersion(base, tariff, [])), effectiveTo: null, changeNote: null }
        const members = { ...(copied ?? blankMembers), ...input }
        requireSoundMembers(members, tariff.currency)

        const row: NewVersionRow = {
          tariffId,
          state: 'draft',
          basedOn: base?.number ?? null,
          warnings: [],
          ...columnsOf(members, tariff.currency),
        }
        const number = await versions.insert(tx, row)
        const draft = await requireVersion(repository, { tariffId, number }, tx)
        if (base) await copyContent(tx, { from: base, to: draft, tariff })
        const version = presentVersion(draft, tariff, [])
        await audit(tx, { action: 'tariff.version_drafted', subject: `tariff/${tariffId}`, after: version })
        return version
      })
    },

    async updateVersion({ patch, ...change }: DraftChange & { patch: TariffVersionPatch }): Promise<TariffVersion> {
      return tariffs.inTransaction(async (tx) => {
        const { tariff, row } = await requireDraft(tx, change)
        const before = presentVersion(row, tariff, [])
        const { changed, next } = applyMergePatch(membersOf(before), patch)
        if (changed.length === 0) return before
        requireSoundMembers(next, tariff.currency)
        await versions.updateDraft(tx, row.id, row.version, columnsOf(next, tariff.currency))
        const version = presentVersion(await requireVersion(repository, change, tx), tariff, [])
        await audit(tx, { action: 'tariff.version_changed', subject: `tariff/${tariff.id}`, ...changes(before, version) })
        return version
      })
    },

    async deleteVersion(change: DraftChange): Promise<void> {
      return tariffs.inTransaction(async (tx) => {
        const { tariff, row } = await requireDraft(tx, change)
        await ruleRecords.remove(tx, await rules.attachedTo(row.id, tx))
        await rates.removeRates(tx, row.id)
        await versions.deleteDraft(tx, row.id, row.version)
        await audit(tx, { action: 'tariff.version_deleted', subject: `tariff/${tariff.id}`, before: presentVersion(row, tariff, []) })
      })
    },

    async getRateTables(address: VersionAddress): Promise<StoredRates> {
      const tariff = await requireTariff(repository, address.tariffId)
      const row = await requireVersion(repository, address)
      return { tables: await rates.ratesOf(row.id, tariff.currency), version: row.version }
    },

    async replaceRates({ tables, ...change }: DraftChange & { tables: readonly RateTable[] }): Promise<StoredRates> {
      return tariffs.inTransaction(async (tx) => {
        const { tariff, row } = await requireDraft(tx, change)
        requireSoundTables(tables, tariff.currency)
        const before = await rates.ratesOf(row.id, tariff.currency, tx)
        await rates.replaceRates(tx, row.id, tables, tariff.currency)
        await versions.updateDraft(tx, row.id, row.version, {})
        const after = await rates.ratesOf(row.id, tariff.currency, tx)
        await audit(tx, { action: 'tariff.rates_replaced', subject: `tariff/${tariff.id}`, ...changedTables(before, after) })
        return { tables: after, version: row.version + 1 }
      })
    },
  }

  async function requireDraft(tx: PricingTx, { tariffId, number, expectedVersion }: DraftChange) {
    const tariff = await requireLockedTariff(repository, tx, tariffId)
    const row = await requireVersion(repository, { tariffId, number }, tx)
    if (row.state !== 'draft') throw VersionPublished({ tariffId, number })
    if (row.version !== expectedVersion) throw VersionMismatch({ current: row.version })
    return { tariff, row }
  }

  /** A change begins with all that the version before it says: its rate tables, and the rules attached to it. */
  async function copyContent(tx: PricingTx, { from, to, tariff }: { from: VersionRow; to: VersionRow; tariff: TariffRow }): Promise<void> {
    await rates.replaceRates(tx, to.id, await rates.ratesOf(from.id, tariff.currency, tx), tariff.currency)
    for (const rule of await rules.attachedTo(from.id, tx)) await ruleRecords.create(tx, { ...contentOf(rule), tariffVersionId: to.id })
  }
}

interface DraftChange extends VersionAddress {
  expectedVersion: number
}

/** Refuses tables that could price nothing, with every fault at once. What only the whole version can break is left to publishing. */
function requireSoundTables(tables: readonly RateTable[], currencyCode: string): void {
  const currency = requireCurrency(currencyCode)
  const addresses = new Set<string>()
  refuseFaults(
    tables.map((table, index): Check => {
      const address = `${table.service}/${table.zone}`
      const isRepeated = addresses.has(address)
      addresses.add(address)
      return [
        `/tables/${index}`,
        () => {
          if (isRepeated) throw new EngineRefusal('INVALID_TABLE', { path: '/service', value: table.service })
          compileRate(table, currency)
        },
      ]
    }),
  )
}
