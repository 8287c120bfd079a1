import { requireCurrency } from './engine/money.ts'
import type { Tariff as EngineTariff, TariffVersion as EngineVersion, Rule } from './engine/types.ts'
import type { RateTable } from './rate-schemas.ts'
import type { RuleRow } from './rule-repository.ts'
import type { TariffRow } from './tariff-repository.ts'
import { amountText } from './version-members.ts'
import type { ClosingRow, VersionRow } from './version-repository.ts'

/** Rows as the engine takes them. */

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
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    effectiveFrom: row.effectiveFrom,
    effectiveTo: row.effectiveTo,
    publishedAt: row.publishedAt,
    withdrawnAt: row.withdrawnAt,
    closings: closings.map((closing) => ({ to: closing.closedTo, at: closing.at })),
    weightPolicy: row.weightPolicy,
    rounding: row.rounding,
    discountStacking: row.discountStacking,
    minNet: amountText(row.minNetMinor, currency),
    minTotal: amountText(row.minTotalMinor, currency),
    maxTotal: amountText(row.maxTotalMinor, currency),
    rateTables: tables,
    contentHash: row.contentHash ?? '',
  }
}

/** A rule as it is or would be saved; the engine checks its action against its kind before it uses it. */
export type RuleContent = Omit<RuleRow, 'name' | 'version' | 'createdAt' | 'updatedAt'>

export function engineRule(row: RuleContent): Rule {
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
