import { compareTexts } from './conditions.ts'
import { requireTimeZone } from './dates.ts'
import { type Exact, isZero, parseDecimal } from './decimal.ts'
import { overlap, requireInterval } from './effective.ts'
import { type Attempt, type Report, reportRefusal } from './lint-report.ts'
import { lintRules, lintSlots } from './lint-rules.ts'
import { type Currency, moneyRounder, parseMoney, requireCurrency } from './money.ts'
import { invalidRule } from './price-rules.ts'
import { compileRate, costsOfRows } from './rate.ts'
import type { LintFinding, LintInput, RateTable, Tariff, TariffVersion } from './types.ts'
import { compilePolicy } from './weight.ts'

/**
 * Everything that keeps a version from being published, and everything worth a warning. Errors come first, then by path.
 *
 * Not looked at here: zone sets and index tables, which no version has yet; how the version meets the published ones of its own tariff in time, which only
 * the transaction that publishes can know; and the count of open quotes of a back-dated version.
 */
export function lintVersion(input: LintInput): LintFinding[] {
  const findings: LintFinding[] = []
  const report: Report = (finding) => findings.push(finding)
  const { tariff, version, rules } = input
  const attempt = (path: string, check: () => void) => reportRefusal(report, path, check)

  attempt('', () => requireInterval(version))
  attempt('/timezone', () => requireTimeZone(tariff.timezone))
  attempt('/weightPolicy', () => compilePolicy(version.weightPolicy))
  let currency: Currency | undefined
  attempt('', () => {
    currency = requireCurrency(tariff.currency, '/currency')
  })
  if (currency) {
    lintAmounts(version, currency, attempt)
    lintTables(input, currency, report, attempt)
    lintRules(rules, currency, report, attempt)
  }
  lintSlots(rules, version, report)
  lintTariffs(input, report)
  return findings.sort((a, b) => compareTexts(a.severity, b.severity) || compareTexts(a.path, b.path) || compareTexts(a.code, b.code))
}

function lintAmounts(version: TariffVersion, currency: Currency, attempt: Attempt) {
  attempt('', () => moneyRounder(currency, version.rounding, '/rounding'))
  const read = (key: 'minNet' | 'minTotal' | 'maxTotal') => {
    const text = version[key]
    return text == null ? null : parseMoney(text, currency, { path: `/${key}` })
  }
  attempt('', () => read('minNet'))
  attempt('', () => {
    const min = read('minTotal')
    const max = read('maxTotal')
    if (max !== null && (min ?? 0n) > max) throw invalidRule('/minTotal')
  })
}

function lintTables({ tariff, version, knownServices }: LintInput, currency: Currency, report: Report, attempt: Attempt) {
  if (version.rateTables.length === 0)
    report({ severity: 'error', code: 'EMPTY_VERSION', path: '/rateTables', message: 'The version has no rate table.' })
  for (const code of tariff.serviceCodes.filter((code) => !knownServices.includes(code))) {
    report({ severity: 'error', code: 'UNKNOWN_SERVICE', path: '/serviceCodes', message: `The carrier has no service ${code}.` })
  }
  const addresses = new Set<string>()
  for (const [index, table] of version.rateTables.entries()) {
    const path = `/rateTables/${index}`
    const address = `${table.service}/${table.zone}`
    if (addresses.has(address))
      report({ severity: 'error', code: 'INVALID_TABLE', path, message: `The version already has a table ${address}.` })
    addresses.add(address)
    if (table.service !== '*' && !knownServices.includes(table.service)) {
      report({
        severity: 'error',
        code: 'UNKNOWN_SERVICE',
        path: `${path}/service`,
        message: `The carrier has no service ${table.service}.`,
      })
    }
    attempt(path, () => {
      compileRate(table, currency, version.rounding)
      for (const row of zeroRows(table)) {
        report({ severity: 'error', code: 'ZERO_PRICE', path: `${path}${row}`, message: 'A price of zero needs allowZero.' })
      }
      lintFalling(table, currency, path, report)
    })
  }
}

/** Pointers to prices of zero that nobody said are meant. */
function zeroRows(table: RateTable): string[] {
  const isFree = (text: string | null | undefined) => text == null || isZero(parseDecimal(text))
  switch (table.type) {
    case 'per_unit':
      return isFree(table.rate) && !table.allowZero ? ['/rate'] : []
    case 'percent':
      return isFree(table.percent) && !table.allowZero ? ['/percent'] : []
    case 'package':
      return isFree(table.price) && !table.allowZero ? ['/price'] : []
    case 'step':
      return table.breaks.flatMap((row, index) => (isFree(row.price) && !row.allowZero ? [`/breaks/${index}`] : []))
    case 'volume':
    case 'graduated':
      return table.breaks.flatMap((row, index) => (isFree(row.rate) && isFree(row.flat) && !row.allowZero ? [`/breaks/${index}`] : []))
  }
}

function lintFalling(table: RateTable, currency: Currency, path: string, report: Report) {
  let previous: Exact | null = null
  for (const { path: row, cost } of costsOfRows(table, currency)) {
    if (previous && cost.compare(previous) < 0) {
      report({
        severity: 'warning',
        code: 'PRICE_FALLS',
        path: `${path}${row}`,
        message: 'This row begins at a lower price than the one before it.',
      })
    }
    previous = cost
  }
}

function lintTariffs({ tariff, version, otherTariffs }: LintInput, report: Report) {
  for (const other of otherTariffs ?? []) {
    if (other.id === tariff.id || !tariffsCanMeet(tariff, other)) continue
    const tied = other.versions.some(
      ({ state, effectiveFrom, effectiveTo }) =>
        state === 'published' && effectiveFrom === version.effectiveFrom && overlap(version, { effectiveFrom, effectiveTo }),
    )
    if (!tied) continue
    report({
      severity: 'error',
      code: 'AMBIGUOUS_RULES',
      path: '',
      message: `Tariff ${other.code} offers the same service to the same customers from the same day, and nothing but the ids decides between them.`,
      tariffs: [tariff.id, other.id],
    })
  }
}

function tariffsCanMeet(a: Tariff, b: Tariff): boolean {
  if (a.carrierId !== b.carrierId || a.scope !== b.scope || a.priority !== b.priority) return false
  if (a.scope === 'customer' && a.customerId !== b.customerId) return false
  if ((a.serviceCodes.length === 0) !== (b.serviceCodes.length === 0)) return false
  return a.serviceCodes.length === 0 || a.serviceCodes.some((code) => b.serviceCodes.includes(code))
}
