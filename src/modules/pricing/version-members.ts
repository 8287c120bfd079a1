import { requireInterval } from './engine/effective.ts'
import { type Currency, formatMinor, moneyRounder, parseMoney, requireCurrency } from './engine/money.ts'
import { invalidRule } from './engine/price-rules.ts'
import { compilePolicy } from './engine/weight.ts'
import { orRefusal, refuseFaults } from './refusals.ts'
import type { TariffRow } from './tariff-repository.ts'
import type { ClosingRow, NewVersionRow, VersionRow } from './version-repository.ts'
import type { TariffVersion } from './version-schemas.ts'

/** What the author of a version decides. */
export type VersionMembers = Pick<
  TariffVersion,
  'effectiveFrom' | 'effectiveTo' | 'weightPolicy' | 'rounding' | 'discountStacking' | 'minNet' | 'minTotal' | 'maxTotal' | 'changeNote'
>

/** A version as it is answered: amounts in the tariff's currency, and where a successor has cut it. */
export function presentVersion(row: VersionRow, tariff: TariffRow, closings: readonly ClosingRow[]): TariffVersion {
  const currency = requireCurrency(tariff.currency)
  const { minNetMinor, minTotalMinor, maxTotalMinor, weightPolicy, rounding, ...rest } = row
  const ends = closings.filter((closing) => closing.versionId === row.id).map((closing) => closing.closedTo)
  return {
    ...rest,
    // Stored as the schema took them.
    weightPolicy: weightPolicy as TariffVersion['weightPolicy'],
    rounding: rounding as TariffVersion['rounding'],
    minNet: amountText(minNetMinor, currency),
    minTotal: amountText(minTotalMinor, currency),
    maxTotal: amountText(maxTotalMinor, currency),
    closedTo: ends.sort()[0] ?? null,
  }
}

export function membersOf(version: VersionMembers): VersionMembers {
  const { effectiveFrom, effectiveTo, weightPolicy, rounding, discountStacking, minNet, minTotal, maxTotal, changeNote } = version
  return { effectiveFrom, effectiveTo, weightPolicy, rounding, discountStacking, minNet, minTotal, maxTotal, changeNote }
}

/** Refuses a draft that no rate table could make sound, with every fault at once. */
export function requireSoundMembers(members: VersionMembers, currencyCode: string): void {
  const currency = requireCurrency(currencyCode)
  const { minNet, minTotal, maxTotal } = members
  refuseFaults([
    ['/effectiveTo', () => requireInterval(members)],
    ['/weightPolicy', () => compilePolicy({ ...members.weightPolicy })],
    ['', () => moneyRounder(currency, members.rounding, '/rounding')],
    ['/minNet', () => minor(minNet, currency)],
    ['/minTotal', () => minor(minTotal, currency)],
    ['/maxTotal', () => minor(maxTotal, currency)],
    ['/minTotal', () => requireOrder(minTotal, maxTotal, currency)],
  ])
}

/** The columns behind the members. */
export function columnsOf({ minNet, minTotal, maxTotal, ...members }: VersionMembers, currencyCode: string) {
  const currency = requireCurrency(currencyCode)
  const column = (text: string | null): string | null => orRefusal(() => minor(text, currency)?.toString() ?? null)
  return {
    ...members,
    minNetMinor: column(minNet),
    minTotalMinor: column(minTotal),
    maxTotalMinor: column(maxTotal),
  } satisfies Partial<NewVersionRow>
}

export const amountText = (minorUnits: string | null, currency: Currency): string | null =>
  minorUnits === null ? null : formatMinor(BigInt(minorUnits), currency)

const minor = (text: string | null, currency: Currency): bigint | null => (text === null ? null : parseMoney(text, currency))

function requireOrder(min: string | null, max: string | null, currency: Currency): void {
  let bounds: (bigint | null)[]
  try {
    bounds = [minor(min, currency), minor(max, currency)]
  } catch {
    return // An amount that cannot be read has a fault of its own already.
  }
  const [least, most] = bounds
  if (least != null && most != null && least > most) throw invalidRule('')
}
