import { audit } from '#platform/audit.ts'
import type { PricingTx } from '#platform/databases.ts'
import { isAppError } from '#platform/errors.ts'
import type { Publisher } from '#platform/events.ts'
import { Forbidden, InvalidTransition, ReasonRequired, VersionMismatch } from '#platform/http-errors.ts'
import { type Principal, scopeOf } from '#platform/principal.ts'
import type { PricingEvents } from './contract.ts'
import { localDate } from './engine/dates.ts'
import { lintVersion } from './engine/lint.ts'
import { ENGINE_VERSION } from './engine/price-shipment.ts'
import type { LintFinding } from './engine/types.ts'
import { engineRule, engineTariff, engineVersion } from './engine-values.ts'
import { OverlappingVersions, VersionNotPublishable } from './errors.ts'
import { type Market, thatCouldMeet } from './meeting-rules.ts'
import type { Carriers } from './neighbours.ts'
import { countRowChanges } from './rate-changes.ts'
import { requireCarrier, requireLockedTariff, requireTariff, requireVersion, serviceCodesOf, type VersionAddress } from './references.ts'
import type { PricingRepository } from './repository.ts'
import type { TariffRow } from './tariff-repository.ts'
import { readContent } from './version-content.ts'
import { presentVersion } from './version-members.ts'
import { type Placed, placeAmong } from './version-order.ts'
import type { VersionRow } from './version-repository.ts'
import type { LintReport, PublishedVersion, TariffVersion } from './version-schemas.ts'

interface PublishingNeeds {
  repository: PricingRepository
  carriers: Carriers
  publish: Publisher<PricingEvents, PricingTx>
  /** The prices in force have changed. */
  pricesChanged: () => void
}

interface Action extends VersionAddress {
  reason?: string | undefined
  expectedVersion: number | undefined
}

/** How a draft comes into force, and how a version goes out of it. */
export function createPublishing({ repository, carriers, publish, pricesChanged }: PublishingNeeds) {
  const { tariffs, versions, rates, rules, quotes } = repository

  return {
    /** What publishing would say, without publishing. */
    async validateVersion(address: VersionAddress): Promise<LintReport> {
      const tariff = await requireTariff(repository, address.tariffId)
      const market = await marketOf(tariff)
      const row = await requireVersion(repository, address)
      const { findings, siblings } = await examine({ tariff, row, market })
      return reportOf([...overlapOf(row, siblings), ...findings])
    },

    /** All or nothing: state, content hash, the closing of the predecessor, audit row and event are one transaction under the tariff's row lock. */
    async publishVersion(
      { force = [], expectedVersion, ...action }: Action & { force?: readonly string[] },
      actor: Principal,
    ): Promise<PublishedVersion> {
      const { tariffId, number } = action
      const reason = said(action.reason)
      if (force.length > 0 && scopeOf(actor, 'tariff:force') === undefined) throw Forbidden({ permission: 'tariff:force' })
      if (force.length > 0 && reason === undefined) throw ReasonRequired({ action: 'publish' })
      const market = await marketOf(await requireTariff(repository, tariffId))

      return tariffs.inTransaction(async (tx) => {
        const tariff = await requireLockedTariff(repository, tx, tariffId)
        const row = await requireExpected(tx, action, expectedVersion)
        if (row.state === 'published') return answer(tx, tariff, row, null)
        if (row.state !== 'draft') throw InvalidTransition({ from: row.state, action: 'publish' })

        const { findings, siblings, content, now, isBackdated, affectedQuotes } = await examine({ tariff, row, market }, tx)
        if (isBackdated && scopeOf(actor, 'tariff:backdate') === undefined) throw Forbidden({ permission: 'tariff:backdate' })
        if (isBackdated && reason === undefined) throw ReasonRequired({ action: 'publish' })
        const predecessor = placeAmong(row, siblings)
        const { errors, warnings } = reportOf(findings, force)
        if (errors.length > 0) throw notPublishable(errors)

        await versions.updateDraft(tx, row.id, row.version, {
          state: 'published',
          contentHash: content.hash,
          engineVersion: ENGINE_VERSION,
          publishedAt: now,
          publishedBy: actor.userId ?? null,
          warnings,
        })
        // At the instant of the publication, so that no pricing ever counts both versions or neither.
        if (predecessor)
          await versions.insertClosing(tx, { versionId: predecessor.id, closedTo: row.effectiveFrom, closedBy: row.id, at: now })
        await audit(tx, {
          action: 'tariff.version_published',
          subject: `tariff/${tariffId}`,
          before: { versionId: row.id, state: row.state },
          after: { versionId: row.id, state: 'published', number, contentHash: content.hash, warnings, force },
          reason,
        })
        const before = predecessor ? await rates.ratesOf(predecessor.id, tariff.currency, tx) : []
        await publish(tx, 'tariff.version_published', tariffId, {
          tariffId,
          versionId: row.id,
          number,
          carrierId: tariff.carrierId,
          scope: tariff.scope,
          effectiveFrom: row.effectiveFrom,
          effectiveTo: row.effectiveTo,
          contentHash: content.hash,
          ...(predecessor ? { closedVersionId: predecessor.id } : {}),
          diff: countRowChanges(before, content.tables),
        })
        tx.afterCommit(pricesChanged)
        return answer(tx, tariff, await requireVersion(repository, action, tx), affectedQuotes)
      })
    },

    async withdrawVersion({ expectedVersion, ...action }: Action): Promise<TariffVersion> {
      const { tariffId, number } = action
      const reason = said(action.reason)
      if (reason === undefined) throw ReasonRequired({ action: 'withdraw' })

      return tariffs.inTransaction(async (tx) => {
        const tariff = await requireLockedTariff(repository, tx, tariffId)
        const row = await requireExpected(tx, action, expectedVersion)
        const shown = async (version: VersionRow) => presentVersion(version, tariff, await versions.closingsOf([version.id], tx))
        if (row.state === 'withdrawn') return shown(row)
        if (!(await versions.withdraw(tx, row.id))) throw InvalidTransition({ from: row.state, action: 'withdraw' })
        const { id: versionId, state, version } = await requireVersion(repository, action, tx)
        await audit(tx, {
          action: 'tariff.version_withdrawn',
          subject: `tariff/${tariffId}`,
          before: { versionId, state: row.state },
          after: { versionId, state },
          reason,
        })
        await publish(tx, 'tariff.version_withdrawn', tariffId, { tariffId, versionId, number, reason, version })
        tx.afterCommit(pricesChanged)
        return shown(await requireVersion(repository, action, tx))
      })
    },
  }

  /** Asked before the transaction begins: no neighbour is called while a row is held. */
  async function marketOf({ carrierId }: TariffRow): Promise<Market> {
    const [{ code }, serviceCodes] = await Promise.all([requireCarrier(carriers, carrierId), serviceCodesOf(carriers, carrierId)])
    return { carrierCode: code, serviceCodes }
  }

  async function requireExpected(tx: PricingTx, address: VersionAddress, expectedVersion: number | undefined): Promise<VersionRow> {
    const row = await requireVersion(repository, address, tx)
    if (expectedVersion !== undefined && row.version !== expectedVersion) throw VersionMismatch({ current: row.version })
    return row
  }

  /** Everything that can be said of a version: by itself, among the other tariffs of its carrier, and on the calendar. */
  async function examine({ tariff, row, market }: { tariff: TariffRow; row: VersionRow; market: Market }, reader?: PricingTx) {
    const content = await readContent(repository, tariff, row, reader)
    const others = (await tariffs.ofCarrier(tariff.carrierId, reader)).filter((other) => other.id !== tariff.id)
    const published = await versions.published([tariff.id, ...others.map((other) => other.id)], reader)
    const byTariff = Map.groupBy(published, ({ version }) => version.tariffId)
    const siblings = (byTariff.get(tariff.id) ?? [])
      .filter(({ version }) => version.id !== row.id)
      .map(({ version, closings }): Placed => ({ ...version, closedTo: closings.map((closing) => closing.closedTo) }))
    const findings = lintVersion({
      tariff: engineTariff(tariff, []),
      version: content.version,
      rules: [...content.rules, ...thatCouldMeet(await rules.free(reader), tariff, market).map(engineRule)],
      knownServices: [...market.serviceCodes],
      otherTariffs: others.map((other) =>
        engineTariff(
          other,
          (byTariff.get(other.id) ?? []).map(({ version, closings }) => engineVersion(version, [], closings, other.currency)),
        ),
      ),
    })

    const now = await versions.now(reader)
    const isBackdated = row.effectiveFrom < localDate(Date.parse(now), tariff.timezone)
    const interval = { versionIds: siblings.map(({ id }) => id), from: row.effectiveFrom, to: row.effectiveTo }
    const affectedQuotes = isBackdated ? await quotes.countOpen(interval, reader) : null
    if (affectedQuotes !== null) findings.push(backdated(affectedQuotes))
    return { content, siblings, findings, now, isBackdated, affectedQuotes }
  }

  async function answer(tx: PricingTx, tariff: TariffRow, row: VersionRow, affectedQuotes: number | null): Promise<PublishedVersion> {
    const closedVersionId = (await versions.closedBy(row.id, tx)) ?? null
    return { ...presentVersion(row, tariff, await versions.closingsOf([row.id], tx)), closedVersionId, affectedQuotes }
  }
}

/** Blanks are no reason. */
const said = (reason: string | undefined): string | undefined => (reason?.trim() ? reason : undefined)

const backdated = (quotes: number): LintFinding => ({
  severity: 'warning',
  code: 'BACKDATED',
  path: '/effectiveFrom',
  message: `The version begins before today. Open quotes it would have priced: ${quotes}; none of them changes.`,
})

function overlapOf(row: VersionRow, siblings: readonly Placed[]): LintFinding[] {
  try {
    placeAmong(row, siblings)
    return []
  } catch (error) {
    if (!isAppError(error) || error.code !== OverlappingVersions.code) throw error
    return [{ severity: 'error', code: error.code, path: '/effectiveFrom', message: error.message }]
  }
}

function reportOf(findings: readonly LintFinding[], forced: readonly string[] = []): LintReport {
  const plain = ({ code, path, message }: LintFinding) => ({ code, path, message })
  const blocks = (finding: LintFinding): boolean => finding.severity === 'error' && !forced.includes(finding.code)
  return { errors: findings.filter(blocks).map(plain), warnings: findings.filter((finding) => !blocks(finding)).map(plain) }
}

const notPublishable = (errors: LintReport['errors']) =>
  VersionNotPublishable(
    { errors: errors.length },
    { faults: errors.slice(0, 50).map(({ path, code, message }) => ({ in: 'body', path, code, message })) },
  )
