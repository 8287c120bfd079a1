import { requireInterval } from './effective.ts'
import { readAction } from './lint-rules.ts'
import { requireCurrency } from './money.ts'
import { EngineRefusal, isRefusal } from './refusal.ts'
import { ruleCandidate } from './rule-slots.ts'
import type { Money, Rule } from './types.ts'

/**
 * Whether a rule by itself makes sense, as it is asked when it is saved: its interval, its conditions, its action. Amounts are
 * read in the currency they name, since a free rule meets tariffs of any. Throws `EngineRefusal` with the path into the rule.
 */
export function checkRule(rule: Rule): void {
  requireInterval(rule)
  ruleCandidate(rule)
  const moneys = moneysOf(rule.action)
  const code = moneys[0]?.currency ?? 'USD'
  if (moneys.some(({ currency }) => currency !== code)) throw new EngineRefusal('INVALID_RULE', { path: '/action' })
  try {
    readAction(rule, requireCurrency(code, '/amount/currency'))
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw new EngineRefusal(error.code, {
      path: `/action${error.path ?? ''}`,
      ...(error.limit === undefined ? {} : { limit: error.limit }),
      ...(error.value === undefined ? {} : { value: error.value }),
    })
  }
}

function moneysOf(action: object): Money[] {
  return Object.values(action).filter((member): member is Money => typeof member === 'object' && member !== null && 'currency' in member)
}
