import { audit, changes } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import { FieldImmutable, Forbidden, InvalidTransition, ReasonRequired, VersionMismatch } from '#platform/http-errors.ts'
import { applyMergePatch } from '#platform/patches.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { engineRule, engineTariff, engineVersion } from './catalogue.ts'
import type { PricingEvents } from './contract.ts'
import { contentHash } from './engine/content-hash.ts'
import { localDate, requireTimeZone } from './engine/dates.ts'
import { lintVersion } from './engine/lint.ts'
import { formatMinor, parseMoney, requireCurrency } from './engine/money.ts'
import { ENGINE_VERSION } from './engine/price-shipment.ts'
import type { LintFinding as EngineFinding } from './engine/types.ts'
import {
  BackdateReasonRequired,
  CarrierReferenceNotFound,
  CustomerReferenceNotFound,
  InvalidTariff,
  OverlappingVersions,
  TariffNotFound,
  TariffVersionNotFound,
  VersionNotPublishable,
  VersionPublished,
} from './errors.ts'
import type { Carriers, Customers } from './neighbours.ts'
import type { QuoteRepository } from './quote-repository.ts'
import { orRefusal } from './refusals.ts'
import type { RuleRepository } from './rule-repository.ts'
import type {
  LintReport,
  ListTariffs,
  ListTariffVersions,
  NewTariff,
  NewTariffVersion,
  PublishedVersion,
  RateTables,
  Tariff,
  TariffPatch,
  TariffVersion,
  TariffVersionPatch,
} from './schemas.ts'
import type { ClosingRow, NewVersionRow, TariffRepository, TariffRow, VersionRow } from './tariff-repository.ts'

/** What a version is made with when its author says nothing else: weights as they are, in kilograms and centimetres. */
const plainWeightPolicy = { weightUnit: 'kg', dimUnit: 'cm', aggregation: 'per_piece_sum' } as const

/** Members of a tariff that every stored price rests on. */
const fixedMembers = ['code', 'carrierId', 'scope', 'customerId', 'currency', 'timezone'] as const

interface TariffNeeds {
  repository: TariffRepository
  rules: RuleRepository
  quotes: Pick<QuoteRepository, 'countOpenFrom'>
  carriers: Carriers
  customers: Customers
  publish: Publisher<PricingEvents, PricingTx>
  /** The prices in force have changed. */
  pricesChanged: () => void
}

/** Tariffs and the life of their versions: draft, published, withdrawn. */
export function createTariffs({ repository, rules, quotes, carriers, customers, publish, pricesChanged }: TariffNeeds) {
  return {
    listTariffs: (query: ListTariffs): Promise<PageOf<Tariff>> => repository.listTariffs(query),

    requireTariff: (input: { id: number }): Promise<Tariff> => requireTariff(input.id),

    async createTariff(input: NewTariff, _actor: Principal): Promise<Tariff> {
      orRefusal(() => {
        requireCurrency(input.currency, '/currency')
        requireTimeZone(input.timezone, '/timezone')
      })
      const customerId = input.customerId ?? null
      if ((input.scope === 'customer') !== (customerId !== null)) {
        throw InvalidTariff(
          { fault: 'customerId goes with the scope customer and with no other' },
          {
            faults: [
              { in: 'body', path: '/customerId', code: 'INVALID_TARIFF', message: 'goes with the scope customer and with no other' },
            ],
          },
        )
      }
      await requireCarrier(input.carrierId)
      if (customerId !== null) await requireCustomer(customerId)
      return repository.inTransaction(async (tx) => {
        const id = await repository.insertTariff(tx, {
          code: input.code,
          name: input.name,
          carrierId: input.carrierId,
          serviceCodes: input.serviceCodes ?? [],
          scope: input.scope,
          customerId,
          priority: input.priority ?? 0,
          currency: input.currency,
          timezone: input.timezone,
          rateDateBasis: input.rateDateBasis ?? 'ship_date',
          fallbackPolicy: input.fallbackPolicy ?? 'next',
          quoteValidityDays: input.quoteValidityDays ?? 7,
          capAtTariffEnd: input.capAtTariffEnd ?? false,
          externalRefs: input.externalRefs ?? [],
          metadata: input.metadata ?? {},
        })
        const tariff = await requireTariff(id, tx)
        await audit(tx, { action: 'tariff.created', subject: `tariff/${id}`, after: tariff })
        return tariff
      })
    },

    async updateTariff(
      { id, patch, expectedVersion }: { id: number; patch: TariffPatch; expectedVersion: number },
      _actor: Principal,
    ): Promise<Tariff> {
      const updated = await repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, id)
        if (tariff.version !== expectedVersion) throw VersionMismatch({ current: tariff.version })
        for (const member of fixedMembers) {
          if (patch[member] !== undefined && patch[member] !== tariff[member]) throw FieldImmutable({ path: `/${member}` })
        }
        const { changed, next } = applyMergePatch(tariff, patch)
        if (changed.length === 0) return tariff
        const { id: _, version: _version, createdAt: _created, updatedAt: _updated, ...row } = next
        await repository.updateTariff(tx, id, expectedVersion, row)
        await audit(tx, { action: 'tariff.updated', subject: `tariff/${id}`, ...changes(tariff, next) })
        return requireTariff(id, tx)
      })
      pricesChanged()
      return updated
    },

    async listVersions({ tariffId, ...query }: ListTariffVersions & { tariffId: number }): Promise<PageOf<TariffVersion>> {
      const tariff = await requireTariff(tariffId)
      const page = await repository.listVersions(tariffId, query)
      const closings = await repository.closingsOf(page.data.map((row) => row.id))
      return { ...page, data: page.data.map((row) => present(row, tariff, closings)) }
    },

    async requireVersion({ tariffId, number }: VersionAddress): Promise<TariffVersion> {
      const tariff = await requireTariff(tariffId)
      return presented(await requireVersionRow(tariffId, number), tariff)
    },

    async createVersion({ tariffId, ...input }: NewTariffVersion & { tariffId: number }, _actor: Principal): Promise<TariffVersion> {
      return repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const base = input.basedOn === undefined ? undefined : await requireVersionRow(tariffId, input.basedOn, tx)
        const row: NewVersionRow = {
          tariffId,
          state: 'draft',
          weightPolicy: base?.weightPolicy ?? plainWeightPolicy,
          rounding: base?.rounding ?? null,
          discountStacking: base?.discountStacking ?? 'best_of',
          minNetMinor: base?.minNetMinor ?? null,
          minTotalMinor: base?.minTotalMinor ?? null,
          maxTotalMinor: base?.maxTotalMinor ?? null,
          changeNote: null,
          basedOn: input.basedOn ?? null,
          effectiveTo: null,
          ...toColumns(input, tariff.currency),
          effectiveFrom: input.effectiveFrom,
        }
        const number = await repository.insertVersion(tx, row)
        const created = await requireVersionRow(tariffId, number, tx)
        if (base) {
          const tables = await repository.ratesOf([base.id], () => tariff.currency, tx)
          await repository.replaceRates(tx, created.id, tables.get(base.id) ?? [], tariff.currency)
        }
        const version = present(created, tariff, [])
        await audit(tx, { action: 'tariff.version_drafted', subject: `tariff/${tariffId}`, after: version })
        return version
      })
    },

    async updateVersion(
      { tariffId, number, patch, expectedVersion }: VersionAddress & { patch: TariffVersionPatch; expectedVersion: number },
      _actor: Principal,
    ): Promise<TariffVersion> {
      return repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const row = await requireDraft(tx, tariffId, number, expectedVersion)
        const before = present(row, tariff, [])
        const { changed, next } = applyMergePatch(before, patch)
        if (changed.length === 0) return before
        await repository.updateDraft(tx, row.id, expectedVersion, toColumns(patch, tariff.currency))
        await audit(tx, { action: 'tariff.version_changed', subject: `tariff/${tariffId}`, ...changes(before, next) })
        return present(await requireVersionRow(tariffId, number, tx), tariff, [])
      })
    },

    async deleteVersion(
      { tariffId, number, expectedVersion }: VersionAddress & { expectedVersion: number },
      _actor: Principal,
    ): Promise<void> {
      return repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const row = await requireDraft(tx, tariffId, number, expectedVersion)
        await repository.deleteDraft(tx, row.id, expectedVersion)
        await audit(tx, { action: 'tariff.version_deleted', subject: `tariff/${tariffId}`, before: present(row, tariff, []) })
      })
    },

    async getRateTables({ tariffId, number }: VersionAddress): Promise<RateTables & { version: number }> {
      const tariff = await requireTariff(tariffId)
      const row = await requireVersionRow(tariffId, number)
      const tables = await repository.ratesOf([row.id], () => tariff.currency)
      return { tables: tables.get(row.id) ?? [], version: row.version }
    },

    async replaceRates(
      { tariffId, number, tables, expectedVersion }: VersionAddress & RateTables & { expectedVersion: number },
      _actor: Principal,
    ): Promise<RateTables & { version: number }> {
      return repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const row = await requireDraft(tx, tariffId, number, expectedVersion)
        const before = await repository.ratesOf([row.id], () => tariff.currency, tx)
        await orRefusal(() => repository.replaceRates(tx, row.id, tables, tariff.currency))
        await repository.updateDraft(tx, row.id, expectedVersion, {})
        await audit(tx, {
          action: 'tariff.rates_replaced',
          subject: `tariff/${tariffId}`,
          before: { tables: before.get(row.id) ?? [] },
          after: { tables },
        })
        const stored = await repository.ratesOf([row.id], () => tariff.currency, tx)
        return { tables: stored.get(row.id) ?? [], version: expectedVersion + 1 }
      })
    },

    async validateVersion({ tariffId, number }: VersionAddress): Promise<LintReport> {
      const tariff = await requireTariff(tariffId)
      const known = await servicesOf(tariff.carrierId)
      const row = await requireVersionRow(tariffId, number)
      return report(await lint(tariff, row, known))
    },

    /** All or nothing: state, content hash, the closing of the predecessor, audit row and event are one transaction under the tariff's row lock. */
    async publishVersion(
      {
        tariffId,
        number,
        reason,
        force = [],
        expectedVersion,
      }: VersionAddress & { reason?: string; force?: readonly string[]; expectedVersion: number | undefined },
      actor: Principal,
    ): Promise<PublishedVersion> {
      const address = await requireTariff(tariffId)
      const known = await servicesOf(address.carrierId)
      if (force.length > 0 && scopeOf(actor, 'tariff:force') === undefined) throw Forbidden({ permission: 'tariff:force' })
      if (force.length > 0 && reason === undefined) throw ReasonRequired({ action: 'publish' })
      const published = await repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const row = await requireVersionRow(tariffId, number, tx)
        if (row.state === 'published')
          return { ...(await presented(row, tariff, tx)), warnings: [], closedVersionId: null, affectedQuotes: null }
        if (row.state !== 'draft') throw InvalidTransition({ from: row.state, action: 'publish' })
        if (expectedVersion !== undefined && row.version !== expectedVersion) throw VersionMismatch({ current: row.version })
        const today = localDate(Date.now(), tariff.timezone)
        const backdated = row.effectiveFrom < today
        if (backdated && scopeOf(actor, 'tariff:backdate') === undefined) throw Forbidden({ permission: 'tariff:backdate' })
        if (backdated && reason === undefined) throw BackdateReasonRequired({ effectiveFrom: row.effectiveFrom, today })

        const siblings = (await repository.versionsOf([tariffId], tx)).filter((other) => other.state === 'published')
        const closings = await repository.closingsOf(
          siblings.map((other) => other.id),
          tx,
        )
        const predecessor = placeAmong(row, siblings, closings)
        const lintResult = report(await lint(tariff, row, known, tx), force)
        if (lintResult.errors.length > 0) {
          throw VersionNotPublishable(
            { errors: lintResult.errors.length },
            {
              faults: lintResult.errors
                .slice(0, 50)
                .map((finding) => ({ in: 'body', path: finding.path, code: finding.code, message: finding.message })),
            },
          )
        }
        const tables = (await repository.ratesOf([row.id], () => tariff.currency, tx)).get(row.id) ?? []
        const attached = (await rules.thatMayMeet([row.id], tx)).filter((rule) => rule.tariffVersionId === row.id)
        const hash = contentHash({
          currency: tariff.currency,
          version: engineVersion(row, tables, [], tariff.currency),
          rules: attached.map(engineRule),
        })
        const changed = await repository.updateDraft(tx, row.id, row.version, {
          state: 'published',
          contentHash: hash,
          engineVersion: ENGINE_VERSION,
          publishedAt: await repository.now(tx),
          publishedBy: actor.userId ?? null,
        })
        if (!changed) throw VersionPublished({ tariffId, number })
        if (predecessor) await repository.insertClosing(tx, { versionId: predecessor.id, closedTo: row.effectiveFrom, closedBy: row.id })
        const affectedQuotes = backdated
          ? await quotes.countOpenFrom(
              tx,
              siblings.map((other) => other.id),
              row.effectiveFrom,
            )
          : null
        const fresh = await requireVersionRow(tariffId, number, tx)
        await audit(tx, {
          action: 'tariff.version_published',
          subject: `tariff/${tariffId}`,
          after: { versionId: row.id, number, contentHash: hash, warnings: lintResult.warnings, force },
          ...(reason === undefined ? {} : { reason }),
        })
        await publish(tx, 'tariff.version_published', tariffId, {
          tariffId,
          versionId: row.id,
          number,
          carrierId: tariff.carrierId,
          scope: tariff.scope,
          effectiveFrom: row.effectiveFrom,
          effectiveTo: row.effectiveTo,
          contentHash: hash,
          ...(predecessor ? { closedVersionId: predecessor.id } : {}),
          diff: await rateDiff(tx, predecessor, tables, tariff.currency),
        })
        return { ...present(fresh, tariff, []), warnings: lintResult.warnings, closedVersionId: predecessor?.id ?? null, affectedQuotes }
      })
      pricesChanged()
      return published
    },

    async withdrawVersion(
      { tariffId, number, reason, expectedVersion }: VersionAddress & { reason?: string; expectedVersion: number | undefined },
      _actor: Principal,
    ): Promise<TariffVersion> {
      if (reason === undefined) throw ReasonRequired({ action: 'withdraw' })
      const withdrawn = await repository.inTransaction(async (tx) => {
        const tariff = await requireLocked(tx, tariffId)
        const row = await requireVersionRow(tariffId, number, tx)
        if (row.state === 'withdrawn') return presented(row, tariff, tx)
        if (expectedVersion !== undefined && row.version !== expectedVersion) throw VersionMismatch({ current: row.version })
        if (!(await repository.withdraw(tx, row.id, expectedVersion))) throw InvalidTransition({ from: row.state, action: 'withdraw' })
        const fresh = await requireVersionRow(tariffId, number, tx)
        await audit(tx, {
          action: 'tariff.version_withdrawn',
          subject: `tariff/${tariffId}`,
          before: { state: row.state },
          after: { state: fresh.state },
          reason,
        })
        await publish(tx, 'tariff.version_withdrawn', tariffId, { tariffId, versionId: row.id, number, reason, version: fresh.version })
        return presented(fresh, tariff, tx)
      })
      pricesChanged()
      return withdrawn
    },
  }

  async function requireTariff(id: number, reader?: PricingTx): Promise<TariffRow> {
    const tariff = await repository.findTariff(id, reader)
    if (!tariff) throw TariffNotFound({ id })
    return tariff
  }

  async function requireLocked(tx: PricingTx, id: number): Promise<TariffRow> {
    const tariff = await repository.lockTariff(tx, id)
    if (!tariff) throw TariffNotFound({ id })
    return tariff
  }

  async function requireVersionRow(tariffId: number, number: number, reader?: PricingTx): Promise<VersionRow> {
    const row = await repository.findVersion(tariffId, number, reader)
    if (!row) throw TariffVersionNotFound({ tariffId, number })
    return row
  }

  async function requireDraft(tx: PricingTx, tariffId: number, number: number, expectedVersion: number): Promise<VersionRow> {
    const row = await requireVersionRow(tariffId, number, tx)
    if (row.state !== 'draft') throw VersionPublished({ tariffId, number })
    if (row.version !== expectedVersion) throw VersionMismatch({ current: row.version })
    return row
  }

  async function requireCarrier(id: number): Promise<void> {
    if (await carriers.getCarrier({ id })) return
    throw CarrierReferenceNotFound(
      { id },
      { faults: [{ in: 'body', path: '/carrierId', code: 'CARRIER_NOT_FOUND', message: 'is no carrier', value: String(id) }] },
    )
  }

  async function requireCustomer(id: number): Promise<void> {
    if (await customers.getCustomer({ id })) return
    throw CustomerReferenceNotFound(
      { id },
      { faults: [{ in: 'body', path: '/customerId', code: 'CUSTOMER_NOT_FOUND', message: 'is no customer', value: String(id) }] },
    )
  }

  async function servicesOf(carrierId: number): Promise<string[]> {
    const services = await carriers.listServices({ carrierIds: [carrierId] })
    return services.map((service) => service.code)
  }

  async function presented(row: VersionRow, tariff: TariffRow, reader?: PricingTx): Promise<TariffVersion> {
    return present(row, tariff, await repository.closingsOf([row.id], reader))
  }

  async function lint(tariff: TariffRow, row: VersionRow, knownServices: string[], reader?: PricingTx): Promise<EngineFinding[]> {
    const others = (await repository.tariffsOfCarrier(tariff.carrierId, reader)).filter((other) => other.id !== tariff.id)
    const otherVersions = (
      await repository.versionsOf(
        others.map((other) => other.id),
        reader,
      )
    ).filter((other) => other.state === 'published')
    const currencies = new Map(others.map((other) => [other.id, other.currency]))
    const closings = await repository.closingsOf(
      otherVersions.map((other) => other.id),
      reader,
    )
    const tables = (await repository.ratesOf([row.id], () => tariff.currency, reader)).get(row.id) ?? []
    const engineVersions = otherVersions.map((other) => ({
      tariffId: other.tariffId,
      version: engineVersion(other, [], closings, currencies.get(other.tariffId) ?? tariff.currency),
    }))
    return lintVersion({
      tariff: engineTariff(tariff, []),
      version: engineVersion(row, tables, [], tariff.currency),
      rules: (await rules.thatMayMeet([row.id], reader)).map(engineRule),
      knownServices,
      otherTariffs: others.map((other) =>
        engineTariff(
          other,
          engineVersions.filter((entry) => entry.tariffId === other.id).map((entry) => entry.version),
        ),
      ),
    })
  }

  async function rateDiff(tx: PricingTx, predecessor: VersionRow | undefined, tables: RateTables['tables'], currency: string) {
    const old = predecessor ? ((await repository.ratesOf([predecessor.id], () => currency, tx)).get(predecessor.id) ?? []) : []
    return countRowChanges(old, tables)
  }
}
export type Tariffs = ReturnType<typeof createTariffs>

interface VersionAddress {
  tariffId: number
  number: number
}

/**
 * Versions of a tariff never overlap. A version that begins inside its predecessor's interval closes it there; one that
 * would reach into a later version is refused. Returns the predecessor to close.
 */
function placeAmong(draft: VersionRow, published: readonly VersionRow[], closings: readonly ClosingRow[]): VersionRow | undefined {
  let predecessor: VersionRow | undefined
  for (const other of published) {
    const end = endOf(other, closings)
    if (other.effectiveFrom < draft.effectiveFrom) {
      if (end === null || end > draft.effectiveFrom) {
        // A version that ends before its predecessor does would leave the rest of that interval to nobody's decision.
        predecessor = other
      }
      continue
    }
    const draftReachesIt = draft.effectiveTo === null || draft.effectiveTo > other.effectiveFrom
    const otherIsEmpty = end !== null && end <= other.effectiveFrom
    if (draftReachesIt && !otherIsEmpty) throw OverlappingVersions({ number: other.number })
  }
  return predecessor
}

function endOf(row: VersionRow, closings: readonly ClosingRow[]): string | null {
  return closings
    .filter((closing) => closing.versionId === row.id)
    .reduce<string | null>((end, { closedTo }) => (end === null || closedTo < end ? closedTo : end), row.effectiveTo)
}

function present(row: VersionRow, tariff: TariffRow, closings: readonly ClosingRow[]): TariffVersion {
  const currency = requireCurrency(tariff.currency)
  const amount = (minor: string | null): string | null => (minor === null ? null : formatMinor(BigInt(minor), currency))
  const { minNetMinor, minTotalMinor, maxTotalMinor, ...rest } = row
  const own = closings.filter((closing) => closing.versionId === row.id)
  return {
    ...rest,
    minNet: amount(minNetMinor),
    minTotal: amount(minTotalMinor),
    maxTotal: amount(maxTotalMinor),
    closedTo: own.reduce<string | null>((end, { closedTo }) => (end === null || closedTo < end ? closedTo : end), null),
  } as TariffVersion
}

/** The columns that a new version or a patch writes; amounts by the tariff's currency. */
function toColumns(input: Omit<TariffVersionPatch, never>, currencyCode: string): Partial<NewVersionRow> {
  const currency = requireCurrency(currencyCode)
  const amount = (text: string | null, member: string): string | null =>
    text === null ? null : orRefusal(() => String(parseMoney(text, currency, { path: `/${member}` })))
  return {
    ...(input.effectiveFrom === undefined ? {} : { effectiveFrom: input.effectiveFrom }),
    ...(input.effectiveTo === undefined ? {} : { effectiveTo: input.effectiveTo }),
    ...(input.weightPolicy === undefined ? {} : { weightPolicy: input.weightPolicy }),
    ...(input.rounding === undefined ? {} : { rounding: input.rounding }),
    ...(input.discountStacking === undefined ? {} : { discountStacking: input.discountStacking }),
    ...(input.minNet === undefined ? {} : { minNetMinor: amount(input.minNet, 'minNet') }),
    ...(input.minTotal === undefined ? {} : { minTotalMinor: amount(input.minTotal, 'minTotal') }),
    ...(input.maxTotal === undefined ? {} : { maxTotalMinor: amount(input.maxTotal, 'maxTotal') }),
    ...(input.changeNote === undefined ? {} : { changeNote: input.changeNote }),
  }
}

function report(findings: readonly EngineFinding[], forced: readonly string[] = []): LintReport {
  const plain = ({ code, path, message }: EngineFinding) => ({ code, path, message })
  const blocks = (finding: EngineFinding): boolean => finding.severity === 'error' && !forced.includes(finding.code)
  return { errors: findings.filter(blocks).map(plain), warnings: findings.filter((finding) => !blocks(finding)).map(plain) }
}

/** Rows of two sets of rate tables, matched by address and bounds. */
function countRowChanges(old: RateTables['tables'], next: RateTables['tables']) {
  const flat = (tables: RateTables['tables']): Map<string, string> => {
    const rows = new Map<string, string>()
    for (const { ...table } of tables) {
      const address = `${table.service}|${table.zone}`
      if ('breaks' in table) {
        for (const row of table.breaks) rows.set(`${address}|${row.from}|${row.to ?? '*'}`, JSON.stringify([table.type, row]))
      } else rows.set(`${address}|0|*`, JSON.stringify(table))
    }
    return rows
  }
  const before = flat(old)
  const after = flat(next)
  let added = 0
  let changed = 0
  let unchanged = 0
  for (const [key, row] of after) {
    const was = before.get(key)
    if (was === undefined) added += 1
    else if (was === row) unchanged += 1
    else changed += 1
  }
  return { added, removed: [...before.keys()].filter((key) => !after.has(key)).length, changed, unchanged }
}
