import { compileCondition } from './engine/conditions.ts'
import { provablyDisjoint } from './engine/disjoint.ts'
import type { RuleRow } from './rule-repository.ts'
import type { TariffRow } from './tariff-repository.ts'

/** What a tariff can price: the carrier's code and the codes of its services. */
export interface Market {
  carrierCode: string
  serviceCodes: readonly string[]
}

/** Free rules that could apply to a price of the tariff. Left out is only what provably cannot: of other customers, carriers or services. */
export function thatCouldMeet(
  rules: readonly RuleRow[],
  tariff: Pick<TariffRow, 'scope' | 'customerId' | 'serviceCodes'>,
  market: Market,
): RuleRow[] {
  const services = tariff.serviceCodes.length > 0 ? tariff.serviceCodes : market.serviceCodes
  const priced = compileCondition([
    { attribute: 'carrier.code', op: 'eq', value: market.carrierCode },
    { attribute: 'service.code', op: 'in', value: [...services] },
  ])
  return rules.filter(({ customerId, conditions }) => {
    if (tariff.scope === 'customer' && customerId !== null && customerId !== tariff.customerId) return false
    return !provablyDisjoint(conditions && compileCondition(conditions), priced)
  })
}
