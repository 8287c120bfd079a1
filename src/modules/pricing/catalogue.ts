import { LRUCache } from 'lru-cache'
import { formatMinor, requireCurrency } from './engine/money.ts'
import type { Tariff as EngineTariff, TariffVersion as EngineVersion, Rule } from './engine/types.ts'
import type { RuleRepository, RuleRow } from './rule-repository.ts'
import type { RateTable } from './schemas.ts'
import type { ClosingRow, TariffRepository, TariffRow, VersionRow } from './tariff-repository.ts'

/**
 * What quotes are priced with: the published versions of all tariffs and the enabled rules, as the engine reads them. The list
 * lives at most a second in memory, so that a publication is in force everywhere within a second; the content of a published
 * version never changes and is kept by its hash.
 */
export interface Catalogue {
  tariffs: EngineTariff[]
  rules: Rule[]
  /** The database's clock, by which publications are dated: a quote asked for after one is priced after it. */
  now(): string
}

const listLifetimeMs = 1_000

export function createCatalogue({ tariffs, rules }: { tariffs: TariffRepository; rules: RuleRepository }): {
  load(): Promise<Catalogue>
  forget(): void
} {
  const contents = new LRUCache<string, RateTable[]>({ max: 500 })
  let current: { at: number; catalogue: Promise<Catalogue> } | undefined

  async function read(): Promise<Catalogue> {
    const [rows, versions, enabledRules, databaseTime] = await Promise.all([
      tariffs.allTariffs(),
      tariffs.publishedVersions(),
      rules.enabled(),
      tariffs.now(),
    ])
    // Read before the time was asked for is earlier than it: what the list holds was published by then.
    const readAt = performance.now()
    const currencyOf = new Map(rows.map((row) => [row.id, row.currency]))
    const tariffCurrency = new Map(versions.map((row) => [row.id, currencyOf.get(row.tariffId) ?? 'USD']))
    const missing = versions.filter((row) => !contents.has(contentKey(row)))
    const [closings, loaded] = await Promise.all([
      tariffs.closingsOf(versions.map((row) => row.id)),
      tariffs.ratesOf(
        missing.map((row) => row.id),
        (id) => tariffCurrency.get(id) ?? 'USD',
      ),
    ])
    for (const row of missing) contents.set(contentKey(row), loaded.get(row.id) ?? [])
    const byTariff = Map.groupBy(versions, (row) => row.tariffId)
    return {
      tariffs: rows
        .filter((row) => byTariff.has(row.id))
        .map((row) =>
          engineTariff(
            row,
            (byTariff.get(row.id) ?? []).map((version) =>
              engineVersion(version, contents.get(contentKey(version)) ?? [], closings, row.currency),
            ),
          ),
        ),
      rules: enabledRules.map(engineRule),
      now: () => new Date(Date.parse(databaseTime) + Math.floor(performance.now() - readAt)).toISOString(),
    }
  }

  return {
    /** One read serves everybody who asks meanwhile; it counts from its start. */
    load() {
      const now = performance.now()
      if (current && now - current.at < listLifetimeMs) return current.catalogue
      const catalogue = read()
      const entry = { at: now, catalogue }
      current = entry
      catalogue.catch(() => {
        if (current === entry) current = undefined
      })
      return catalogue
    },
    /** After a change made by this process: its next quote sees it. */
    forget() {
      current = undefined
    },
  }
}

// Two versions may have equal content, so the id stands beside the hash.
const contentKey = (row: VersionRow): string => `${row.id}:${row.contentHash ?? ''}`

export function engineTariff(row: TariffRow, versions: EngineVersion[]): EngineTariff {
  return {
    id: row.id,
    code: row.code,
    carrierId: row.carrierId,
    serviceCodes: row.serviceCodes,
    scope: row.scope,
    customerId: row.customerId,
    priority: row.priority,
    currency: row.currency,
    timezone: row.timezone,
    rateDateBasis: row.rateDateBasis,
    fallbackPolicy: row.fallbackPolicy,
    quoteValidityDays: row.quoteValidityDays,
    capAtTariffEnd: row.capAtTariffEnd,
    versions,
  }
}

export function engineVersion(row: VersionRow, tables: RateTable[], closings: readonly ClosingRow[], currencyCode: string): EngineVersion {
  const currency = requireCurrency(currencyCode)
  const amount = (minor: string | null): string | null => (minor === null ? null : formatMinor(BigInt(minor), currency))
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    effectiveFrom: row.effectiveFrom,
    effectiveTo: row.effectiveTo,
    publishedAt: row.publishedAt,
    withdrawnAt: row.withdrawnAt,
    closings: closings.filter((closing) => closing.versionId === row.id).map((closing) => ({ to: closing.closedTo, at: closing.at })),
    weightPolicy: row.weightPolicy,
    rounding: row.rounding,
    discountStacking: row.discountStacking,
    minNet: amount(row.minNetMinor),
    minTotal: amount(row.minTotalMinor),
    maxTotal: amount(row.maxTotalMinor),
    rateTables: tables,
    contentHash: row.contentHash ?? '',
  }
}

/** The engine checks a rule's action against its kind before it uses it; the database keeps what was accepted. */
export function engineRule(
  row: Pick<
    RuleRow,
    | 'id'
    | 'number'
    | 'code'
    | 'kind'
    | 'tariffVersionId'
    | 'customerId'
    | 'conditions'
    | 'action'
    | 'sequence'
    | 'priority'
    | 'effectiveFrom'
    | 'effectiveTo'
    | 'enabled'
  >,
): Rule {
  return {
    id: row.id,
    number: row.number,
    code: row.code,
    kind: row.kind,
    tariffVersionId: row.tariffVersionId,
    customerId: row.customerId,
    groupCode: null,
    conditions: row.conditions,
    action: row.action,
    sequence: row.sequence,
    priority: row.priority,
    effectiveFrom: row.effectiveFrom,
    effectiveTo: row.effectiveTo,
    enabled: row.enabled,
  } as Rule
}
