import { isRefusal } from '../refusal.ts'
import { priceKind } from './prices.ts'
import { rateKind } from './rates.ts'
import { selectRuleKind } from './selections.ts'
import { allocateKind, tableLookupKind } from './tables.ts'
import { effectiveVersionKind } from './versions.ts'
import { chargeableWeightKind } from './weights.ts'

const KINDS: ReadonlyMap<string, (given: unknown) => unknown> = new Map([
  ['allocate', allocateKind],
  ['chargeable_weight', chargeableWeightKind],
  ['effective_version', effectiveVersionKind],
  ['price', priceKind],
  ['rate', rateKind],
  ['select_rule', selectRuleKind],
  ['table_lookup', tableLookupKind],
])

export const implementedKinds: readonly string[] = [...KINDS.keys()]

/** The result of one vector by the engine that prices requests: `{ error }` where it refuses. Throws only when the program itself is at fault. */
export function evaluateVector(kind: string, given: unknown): unknown {
  const evaluate = KINDS.get(kind)
  if (!evaluate) return { error: 'UNKNOWN_KIND' }
  try {
    return evaluate(given)
  } catch (error) {
    if (isRefusal(error)) return { error: error.code }
    throw error
  }
}
