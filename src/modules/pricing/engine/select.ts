import type { Facts } from './attributes.ts'
import { type CompiledCondition, compareTexts } from './conditions.ts'
import { isInForce } from './effective.ts'
import { isRefusal } from './refusal.ts'
import type { DateText, Scope } from './types.ts'

export interface Candidate {
  id: number
  scope: Scope
  customerId?: number | null
  group?: string | null
  priority: number
  specificity: number
  effectiveFrom: DateText
  effectiveTo?: DateText | null
  condition: CompiledCondition | null
  /** Said by the caller where candidates have dates of their own, as tariffs of different zones have. */
  isInForce?: boolean
  fallbackPolicy?: 'next' | 'none' | null
}

export interface Asking {
  customerId?: number | null
  groups?: readonly string[] | null
  /** False: contracts of the customer and of its groups do not count. */
  isCustomerActive: boolean
  /** Absent: intervals are not looked at. */
  date?: DateText | null
  facts: Facts
}

export type LossReason =
  | 'SCOPE_MISMATCH'
  | 'CUSTOMER_NOT_ACTIVE'
  | 'NOT_EFFECTIVE'
  | 'CONDITION_NOT_MET'
  | 'NO_RATE'
  | 'LOWER_SCOPE'
  | 'LOWER_PRIORITY'
  | 'LESS_SPECIFIC'
  | 'OLDER_EFFECTIVE_FROM'
  | 'TIE_BROKEN_BY_ID'

export interface Selection<C extends Candidate, Attempt> {
  winner: C | null
  /** What the attempt of the winner gave. */
  value: Attempt | null
  /** All others, by id ascending. */
  losers: { candidate: C; reason: LossReason }[]
  isAmbiguous: boolean
  isFallback: boolean
  /** The refusal of the candidate that was first in line, when it had no rate. */
  firstRefusal: Error | null
}

const SCOPE_RANK: Readonly<Record<Scope, number>> = { customer: 2, group: 1, public: 0 }

/** Why a candidate cannot stand at all; null when it can. */
export function disqualification(candidate: Candidate, asking: Asking): LossReason | null {
  if (!matchesScope(candidate, asking)) return 'SCOPE_MISMATCH'
  if (candidate.scope !== 'public' && !asking.isCustomerActive) return 'CUSTOMER_NOT_ACTIVE'
  if (!(candidate.isInForce ?? (asking.date == null || isInForce(candidate, asking.date)))) return 'NOT_EFFECTIVE'
  if (candidate.condition && candidate.condition.evaluate(asking.facts) !== true) return 'CONDITION_NOT_MET'
  return null
}

export function matchesScope(
  { scope, customerId, group }: Pick<Candidate, 'scope' | 'customerId' | 'group'>,
  asking: Pick<Asking, 'customerId' | 'groups'>,
): boolean {
  switch (scope) {
    case 'customer':
      return customerId != null && customerId === asking.customerId
    case 'group':
      return group != null && (asking.groups ?? []).includes(group)
    case 'public':
      return true
  }
}

/** The criteria in order; the first that is not zero decides. Price is never one of them. */
const CRITERIA: readonly [LossReason, (a: Candidate, b: Candidate) => number][] = [
  ['LOWER_SCOPE', (a, b) => SCOPE_RANK[b.scope] - SCOPE_RANK[a.scope]],
  ['LOWER_PRIORITY', (a, b) => b.priority - a.priority],
  ['LESS_SPECIFIC', (a, b) => b.specificity - a.specificity],
  ['OLDER_EFFECTIVE_FROM', (a, b) => compareTexts(b.effectiveFrom, a.effectiveFrom)],
  ['TIE_BROKEN_BY_ID', (a, b) => a.id - b.id],
]

export function byRank(a: Candidate, b: Candidate): number {
  for (const [, compare] of CRITERIA) {
    const order = compare(a, b)
    if (order !== 0) return order
  }
  return 0
}

/** Equal in everything but the id: which of the two wins is an accident. */
export const isTie = (a: Candidate, b: Candidate): boolean => lostBy(b, a) === 'TIE_BROKEN_BY_ID'

function lostBy(loser: Candidate, winner: Candidate): LossReason {
  for (const [reason, compare] of CRITERIA) if (compare(winner, loser) !== 0) return reason
  return 'TIE_BROKEN_BY_ID'
}

/** Refusals of a first candidate that let the next one try. */
const NEXT_MAY_TRY: readonly string[] = ['NO_ZONE', 'NO_RATE', 'OVER_TABLE']

/**
 * One winner out of all candidates, and the reason of every loser. `attempt` is what being first in line is worth: when it refuses because there is no rate,
 * the next in line tries, unless the policy of the refused one forbids it.
 */
export function select<C extends Candidate, Attempt>(
  candidates: readonly C[],
  asking: Asking,
  attempt: (candidate: C) => Attempt,
): Selection<C, Attempt> {
  const reasons = new Map<C, LossReason>()
  const standing: C[] = []
  for (const candidate of candidates) {
    const reason = disqualification(candidate, asking)
    if (reason) reasons.set(candidate, reason)
    else standing.push(candidate)
  }
  standing.sort(byRank)

  let winner: C | null = null
  let value: Attempt | null = null
  let firstRefusal: Error | null = null
  for (const candidate of standing) {
    if (winner) {
      reasons.set(candidate, lostBy(candidate, winner))
      continue
    }
    try {
      value = attempt(candidate)
      winner = candidate
    } catch (error) {
      if (!isRefusal(error) || !NEXT_MAY_TRY.includes(error.code) || candidate.fallbackPolicy === 'none') throw error
      firstRefusal ??= error
      reasons.set(candidate, 'NO_RATE')
    }
  }

  const losers = [...reasons].map(([candidate, reason]) => ({ candidate, reason })).sort((a, b) => a.candidate.id - b.candidate.id)
  return {
    winner,
    value,
    losers,
    isAmbiguous: losers.some(({ reason }) => reason === 'TIE_BROKEN_BY_ID'),
    isFallback: winner !== null && losers.some(({ reason }) => reason === 'NO_RATE'),
    firstRefusal,
  }
}
