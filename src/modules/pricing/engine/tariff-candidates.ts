import { asKnownAt, isInForce, rateDate, shipDay } from './effective.ts'
import { EngineRefusal } from './refusal.ts'
import { type Candidate, matchesScope } from './select.ts'
import type { Shipment } from './shipment.ts'
import type { DateText, PricingCustomer, Tariff, TariffVersion } from './types.ts'

/** A tariff on its own dates: the version that counts for this pricing, if there is one. */
export interface TariffCandidate extends Candidate {
  tariff: Tariff
  version: TariffVersion | null
  rateDate: DateText
  shipDate: DateText
}

/** An empty list covers every service of the carrier. */
export const covers = (tariff: Tariff, carrierId: number, serviceCode: string): boolean =>
  tariff.carrierId === carrierId && (tariff.serviceCodes.length === 0 || tariff.serviceCodes.includes(serviceCode))

export const isForCustomer = ({ scope, customerId, groupCode }: Tariff, { id, groups }: PricingCustomer): boolean =>
  matchesScope({ scope, customerId: customerId ?? null, group: groupCode ?? null }, { customerId: id, groups: groups ?? null })

/** Drafts alone make no offer: a service is looked at only where something was published by then. */
export const wasPublished = ({ versions }: Tariff, pricedAt: number): boolean =>
  versions.some(({ publishedAt }) => publishedAt !== null && Date.parse(publishedAt) <= pricedAt)

export function tariffCandidate(tariff: Tariff, { pricedAt, pricedAtText, request }: Shipment): TariffCandidate {
  const day = {
    timezone: tariff.timezone,
    shipDate: request.shipDate ?? null,
    shipAt: request.shipAt ?? null,
    pricedAt: pricedAtText,
  }
  const date = rateDate({ ...day, basis: tariff.rateDateBasis })
  const [version = null, second] = tariff.versions
    .flatMap((one) => asKnownAt(one, pricedAt) ?? [])
    .filter((known) => isInForce(known, date))
  if (second) throw new EngineRefusal('OVERLAPPING_VERSIONS', { path: `/tariffs/${tariff.id}` })
  return {
    id: tariff.id,
    scope: tariff.scope,
    customerId: tariff.customerId ?? null,
    group: tariff.groupCode ?? null,
    priority: tariff.priority,
    specificity: tariff.serviceCodes.length === 0 ? 0 : 1,
    effectiveFrom: version?.effectiveFrom ?? '',
    condition: null,
    isInForce: version !== null,
    fallbackPolicy: tariff.fallbackPolicy,
    tariff,
    version,
    rateDate: date,
    shipDate: shipDay(day),
  }
}
