import { localDate, parseInstant, requireDate, requireTimeZone } from './dates.ts'
import { EngineRefusal } from './refusal.ts'
import type { DateText, InstantText, TariffVersion } from './types.ts'

export interface Interval {
  effectiveFrom: DateText
  effectiveTo?: DateText | null
}

export interface ShippingDay {
  timezone: string
  shipDate?: DateText | null
  shipAt?: InstantText | null
  pricedAt?: InstantText | null
}

/** The day of shipping in the zone: as said, else of the instant of shipping, else of the pricing. */
export function shipDay({ timezone, shipDate, shipAt, pricedAt }: ShippingDay): DateText {
  requireTimeZone(timezone)
  if (shipDate != null && shipAt != null) throw new EngineRefusal('INVALID_DATE', { path: '/shipAt' })
  if (shipDate != null) return requireDate(shipDate, '/shipDate')
  if (shipAt != null) return localDate(parseInstant(shipAt, '/shipAt'), timezone)
  return localDate(parseInstant(pricedAt, '/pricedAt'), timezone)
}

/** The local day whose prices are asked for. */
export function rateDate({ basis, ...day }: ShippingDay & { basis: 'ship_date' | 'quote_date' }): DateText {
  const shipping = shipDay(day)
  return basis === 'ship_date' ? shipping : localDate(parseInstant(day.pricedAt, '/pricedAt'), day.timezone)
}

/** ISO dates sort as texts. */
export function isInForce({ effectiveFrom, effectiveTo }: Interval, date: DateText): boolean {
  return effectiveFrom <= date && (effectiveTo == null || date < effectiveTo)
}

export function requireInterval({ effectiveFrom, effectiveTo }: Interval, path?: string): void {
  requireDate(effectiveFrom, path && `${path}/effectiveFrom`)
  if (effectiveTo == null) return
  if (requireDate(effectiveTo, path && `${path}/effectiveTo`) <= effectiveFrom)
    throw new EngineRefusal('INVALID_INTERVAL', { ...(path && { path }) })
}

export function overlap(a: Interval, b: Interval): boolean {
  return (b.effectiveTo == null || a.effectiveFrom < b.effectiveTo) && (a.effectiveTo == null || b.effectiveFrom < a.effectiveTo)
}

/** The one version in force on a date, of versions that count. */
export function versionInForce<Version extends Interval>(versions: readonly Version[], date: DateText): Version {
  const ordered = [...versions].sort((a, b) => (a.effectiveFrom < b.effectiveFrom ? -1 : 1))
  for (const version of ordered) requireInterval(version)
  for (const [index, version] of ordered.entries()) {
    const next = ordered[index + 1]
    if (next && overlap(version, next)) throw new EngineRefusal('OVERLAPPING_VERSIONS')
  }
  const found = ordered.find((version) => isInForce(version, date))
  if (!found) throw new EngineRefusal('NO_EFFECTIVE_TARIFF', { value: date })
  return found
}

/** What was known of a version at an instant: undefined when it did not count then; else its interval with the closing known then. */
export function asKnownAt(version: TariffVersion, pricedAt: number): TariffVersion | undefined {
  if (version.publishedAt === null || parseInstant(version.publishedAt) > pricedAt) return undefined
  if (version.withdrawnAt !== null && parseInstant(version.withdrawnAt) <= pricedAt) return undefined
  const ends = (version.closings ?? []).filter(({ at }) => parseInstant(at) <= pricedAt).map(({ to }) => to)
  if (ends.length === 0) return version
  const [effectiveTo = null] = [...ends, ...(version.effectiveTo === null ? [] : [version.effectiveTo])].sort()
  return effectiveTo === version.effectiveTo ? version : { ...version, effectiveTo }
}
