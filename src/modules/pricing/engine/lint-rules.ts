import { neverMatches, provablyDisjoint } from './disjoint.ts'
import { overlap, requireInterval } from './effective.ts'
import type { Attempt, Report } from './lint-report.ts'
import { type Currency, parseMoney } from './money.ts'
import { BASE, invalidRule, isDependent, readDiscount, readSurcharge, requireFreeCode, type Surcharge } from './price-rules.ts'
import { isRefusal } from './refusal.ts'
import { isOfKind, type RuleCandidate, ruleCandidate, slotOf } from './rule-slots.ts'
import { byRank, isTie } from './select.ts'
import type { Rule, TariffVersion } from './types.ts'
import { amountIn, discountText, pieceTest, uncountedSurcharge } from './winning-rules.ts'

/** Rules one by one, and what only the list of them can break. */
export function lintRules(rules: readonly Rule[], currency: Currency, report: Report, attempt: Attempt) {
  const surcharges: { rule: Rule; read: Surcharge }[] = []
  for (const rule of rules) {
    const path = `/rules/${rule.id}`
    attempt(path, () => requireInterval(rule))
    attempt(path, () => ruleCandidate(rule))
    attempt(`${path}/action`, () => {
      const read = readAction(rule, currency)
      if (read) surcharges.push({ rule, read })
    })
  }
  const codes = new Set(surcharges.map(({ read }) => read.code))
  const dependent = new Set(surcharges.filter(({ read }) => isDependent(read)).map(({ read }) => read.code))
  for (const { rule, read } of surcharges) {
    if (!('basis' in read.charge) || typeof read.charge.basis !== 'object') continue
    const path = `/rules/${rule.id}/action/basis`
    for (const code of read.charge.basis.codes) {
      if (code !== BASE && code !== 'NET' && !codes.has(code))
        report({ severity: 'error', code: 'UNKNOWN_CODE', path, message: `No surcharge has the code ${code}.` })
      if (dependent.has(code))
        report({ severity: 'error', code: 'INVALID_RULE', path, message: `${code} is itself computed from other surcharges.` })
    }
  }
  for (const rule of rules.filter(isOfKind('discount'))) {
    for (const code of rule.action.appliesTo ?? []) {
      if (code === BASE || codes.has(code)) continue
      report({
        severity: 'error',
        code: 'UNKNOWN_CODE',
        path: `/rules/${rule.id}/action/appliesTo`,
        message: `No surcharge has the code ${code}.`,
      })
    }
  }
  lintSequences(rules.filter(isOfKind('discount')), 'discount', report)
  lintSequences(rules.filter(isOfKind('surcharge')), 'surcharge', report)
}

/** Reads an action as pricing would; answers the surcharge when it is one. */
export function readAction(rule: Rule, currency: Currency): Surcharge | null {
  switch (rule.kind) {
    case 'override':
      requireFreeCode(rule.code, '/code')
      parseMoney(amountIn(currency, rule.action.amount, rule), currency, { path: '/amount' })
      return null
    case 'minimum':
    case 'maximum':
      parseMoney(amountIn(currency, rule.action.amount, rule), currency, { path: '/amount' })
      if (rule.action.of !== 'total' && !(rule.kind === 'minimum' && rule.action.of === 'net')) throw invalidRule('/of')
      return null
    case 'discount':
      readDiscount(discountText(rule, currency), currency, '')
      return null
    case 'surcharge': {
      if (rule.action.perUnit?.pieceWhen) pieceTest(rule.action.perUnit.pieceWhen)
      const text = uncountedSurcharge(rule, currency)
      return readSurcharge(text.perUnit == null ? text : { ...text, units: '0' }, currency, '')
    }
    case 'block':
      return null
  }
}

function lintSequences(rules: readonly Rule[], kind: 'discount' | 'surcharge', report: Report) {
  const without = rules.filter(({ sequence }) => sequence === null)
  if (without.length === 0 || without.length === rules.length) return
  report({
    severity: 'error',
    code: 'INVALID_RULE',
    path: `/rules/${without[0]?.id}/sequence`,
    message: `Every ${kind} carries a sequence, or none does.`,
    rules: without.map(({ id }) => id),
  })
}

/** Rules of one slot against each other: ties, and rules that can never win. */
export function lintSlots(rules: readonly Rule[], version: TariffVersion, report: Report) {
  const slots = new Map<string, RuleCandidate[]>()
  for (const rule of rules.filter(({ enabled }) => enabled)) {
    const candidate = readable(rule)
    if (!candidate) continue
    lintAlone(candidate, version, report)
    if (rule.kind === 'block') continue
    const slot = slotOf(rule)
    slots.set(slot, [...(slots.get(slot) ?? []), candidate])
  }
  for (const [slot, candidates] of slots) lintSlot(slot, candidates, version, report)
}

/** A rule whose conditions are at fault was reported already. */
function readable(rule: Rule): RuleCandidate | null {
  try {
    return ruleCandidate(rule)
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

function lintAlone({ rule, condition }: RuleCandidate, version: TariffVersion, report: Report) {
  const path = `/rules/${rule.id}`
  if (!overlap(rule, version))
    report({
      severity: 'warning',
      code: 'EXPIRED_RULE',
      path,
      message: `Rule ${rule.code} is never in force while the version is.`,
      rules: [rule.id],
    })
  if (condition && neverMatches(condition)) {
    report({
      severity: 'warning',
      code: 'NEVER_MATCHES',
      path,
      message: `Two conditions of rule ${rule.code} exclude each other.`,
      rules: [rule.id],
    })
  }
}

function lintSlot(slot: string, candidates: readonly RuleCandidate[], version: TariffVersion, report: Report) {
  const ordered = [...candidates].sort(byRank)
  for (const [index, a] of ordered.entries()) {
    for (const b of ordered.slice(index + 1)) {
      const canMeet =
        sameScope(a, b) && overlap(a, b) && overlap(a, version) && overlap(b, version) && !provablyDisjoint(a.condition, b.condition)
      if (canMeet && isTie(a, b)) {
        report({
          severity: 'error',
          code: 'AMBIGUOUS_RULES',
          path: `/rules/${b.id}`,
          message: `Rules ${a.id} and ${b.id} of ${slot} can apply to one shipment, and nothing but their ids decides between them.`,
          rules: [a.id, b.id],
        })
      } else if (isShadowedBy(b, a, version)) {
        report({
          severity: 'warning',
          code: 'UNREACHABLE_RULE',
          path: `/rules/${b.id}`,
          message: `Rule ${a.id} of ${slot} always ranks above rule ${b.id}.`,
          rules: [b.id, a.id],
        })
      }
    }
  }
}

/** Contracts of two customers never meet; those of two groups do, in a customer of both. */
function sameScope(a: RuleCandidate, b: RuleCandidate): boolean {
  return a.scope === b.scope && (a.scope !== 'customer' || a.customerId === b.customerId)
}

/** Whenever the lower rule applies, the higher one does too. */
function isShadowedBy(lower: RuleCandidate, higher: RuleCandidate, version: TariffVersion): boolean {
  if (!coversScope(higher, lower)) return false
  const [, from = ''] = [lower.effectiveFrom, version.effectiveFrom].sort()
  const ends = [lower.effectiveTo, version.effectiveTo].flatMap((end) => (end == null ? [] : [end])).sort()
  const lastsAsLong = higher.effectiveTo == null || (ends[0] !== undefined && ends[0] <= higher.effectiveTo)
  if (higher.effectiveFrom > from || !lastsAsLong) return false
  if (!higher.condition) return true
  if (!higher.condition.isFlat) return false
  const leaves = new Set((lower.condition?.required ?? []).map((leaf) => JSON.stringify([leaf.attribute, leaf.op, leaf.value])))
  return higher.condition.required.every((leaf) => leaves.has(JSON.stringify([leaf.attribute, leaf.op, leaf.value])))
}

function coversScope(higher: RuleCandidate, lower: RuleCandidate): boolean {
  if (higher.scope === 'public') return true
  return (
    higher.scope === lower.scope && (higher.scope === 'customer' ? higher.customerId === lower.customerId : higher.group === lower.group)
  )
}
