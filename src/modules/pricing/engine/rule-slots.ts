import { compileCondition } from './conditions.ts'
import { EngineRefusal } from './refusal.ts'
import { type Asking, type Candidate, disqualification, select } from './select.ts'
import type { ExplainedCandidate, Rule, RuleKind, Scope } from './types.ts'

/** A rule as a candidate for its slot. */
export type RuleCandidate<R extends Rule = Rule> = Candidate & { rule: R }

export type RuleOf<Kind extends RuleKind> = Rule & { kind: Kind }

/** The rules that won their slots, ordered by id, and what became of every other. */
export interface SlotResult<R extends Rule> {
  winners: R[]
  candidates: ExplainedCandidate[]
  /** Slots in which an accident of ids decided. */
  ambiguous: string[]
}

export function ruleScope({ customerId, groupCode }: Rule): Scope {
  if (customerId !== null) return 'customer'
  return groupCode !== null ? 'group' : 'public'
}

export function ruleCandidate<R extends Rule>(rule: R): RuleCandidate<R> {
  const { id, customerId, groupCode, priority, effectiveFrom, effectiveTo, conditions } = rule
  if (conditions !== null && typeof conditions !== 'object')
    throw new EngineRefusal('INVALID_CONDITION', { rule: { id, number: rule.number } })
  const condition = conditions === null ? null : compileCondition(conditions)
  return {
    id,
    scope: ruleScope(rule),
    customerId,
    group: groupCode,
    priority,
    specificity: condition?.attributes.size ?? 0,
    effectiveFrom,
    effectiveTo,
    condition,
    rule,
  }
}

/** Rules of one slot compete; rules of different slots do not meet. */
export function slotOf(rule: Rule): string {
  switch (rule.kind) {
    case 'override':
    case 'block':
      return rule.kind
    case 'discount':
    case 'surcharge':
      return `${rule.kind}:${rule.code}`
    case 'minimum':
    case 'maximum':
      return `${rule.kind}:${rule.action.of}`
  }
}

export const isOfKind =
  <Kind extends RuleKind>(kind: Kind) =>
  (rule: Rule): rule is RuleOf<Kind> =>
    rule.kind === kind

/** One winner per slot. */
export function decideSlots<R extends Rule>(rules: readonly R[], asking: Asking): SlotResult<R> {
  const slots = new Map<string, RuleCandidate<R>[]>()
  for (const rule of rules) {
    const slot = slotOf(rule)
    const candidates = slots.get(slot)
    if (candidates) candidates.push(ruleCandidate(rule))
    else slots.set(slot, [ruleCandidate(rule)])
  }
  const winners: R[] = []
  const candidates: ExplainedCandidate[] = []
  const ambiguous: string[] = []
  for (const [slot, competing] of slots) {
    const { winner, losers, isAmbiguous } = select(competing, asking, () => null)
    if (winner) {
      winners.push(winner.rule)
      candidates.push({ id: winner.id, slot, code: winner.rule.code, outcome: 'won', reason: null })
    }
    for (const { candidate, reason } of losers)
      candidates.push({ id: candidate.id, slot, code: candidate.rule.code, outcome: 'lost', reason })
    if (isAmbiguous) ambiguous.push(slot)
  }
  return { winners: winners.sort((a, b) => a.id - b.id), candidates: candidates.sort(bySlotThenId), ambiguous: ambiguous.sort() }
}

/** Blocks do not compete: every one that applies is enough. */
export function applicableBlocks(
  rules: readonly RuleOf<'block'>[],
  asking: Asking,
): { applied: RuleOf<'block'>[]; candidates: ExplainedCandidate[] } {
  const applied: RuleOf<'block'>[] = []
  const candidates = rules.map((rule): ExplainedCandidate => {
    const reason = disqualification(ruleCandidate(rule), asking)
    if (!reason) applied.push(rule)
    return { id: rule.id, slot: 'block', code: rule.code, outcome: reason ? 'lost' : 'applied', reason }
  })
  return { applied: applied.sort((a, b) => a.id - b.id), candidates: candidates.sort((a, b) => a.id - b.id) }
}

function bySlotThenId(a: ExplainedCandidate, b: ExplainedCandidate): number {
  if (a.slot !== b.slot) return a.slot < b.slot ? -1 : 1
  return a.id - b.id
}
