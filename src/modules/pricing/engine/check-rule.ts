import { requireInterval } from './effective.ts'
import { readAction } from './lint-rules.ts'
import { requireCurrency } from './money.ts'
import { invalidRule, requireFreeCode } from './price-rules.ts'
import { EngineRefusal, isRefusal } from './refusal.ts'
import { ruleCandidate } from './rule-slots.ts'
import type { Money, Rule, RuleKind } from './types.ts'

/** What an action may say, by the kind of its rule. */
const MEMBERS: Readonly<Record<RuleKind, readonly string[]>> = {
  override: ['amount'],
  discount: ['percent', 'amount', 'appliesTo'],
  surcharge: ['amount', 'percent', 'basis', 'perUnit', 'min', 'max', 'fuelable', 'group'],
  minimum: ['of', 'amount'],
  maximum: ['of', 'amount'],
  block: [],
}
/** Kinds whose code becomes that of a price line. */
const WRITES_LINE: readonly RuleKind[] = ['override', 'discount', 'surcharge']
/** Kinds that are nothing without their amount. */
const NEED_AMOUNT: readonly RuleKind[] = ['override', 'minimum', 'maximum']

/**
 * Whether a rule by itself makes sense, as it is asked when it is saved: its interval, its conditions, its action. Amounts are
 * read in the currency they name, since a free rule meets tariffs of any. Throws `EngineRefusal` with the path into the rule.
 */
export function checkRule(rule: Rule): void {
  under('/effectiveTo', () => requireInterval(rule))
  under('/conditions', () => ruleCandidate(rule), '')
  if (WRITES_LINE.includes(rule.kind)) requireFreeCode(rule.code, '/code')
  under('/action', () => checkAction(rule))
}

function checkAction(rule: Rule): void {
  const members = Object.entries(rule.action).filter(([, value]) => value !== null && value !== undefined)
  const foreign = members.find(([name]) => !MEMBERS[rule.kind].includes(name))
  if (foreign) throw invalidRule(`/${foreign[0]}`)
  if (NEED_AMOUNT.includes(rule.kind) && !members.some(([name]) => name === 'amount')) throw invalidRule('/amount')
  const moneys = members.flatMap(([name, value]): [string, Money][] => (isMoney(value) ? [[name, value]] : []))
  const [name, first] = moneys[0] ?? ['amount', { currency: 'USD' }]
  const currency = requireCurrency(first.currency, `/${name}/currency`)
  const other = moneys.find(([, money]) => money.currency !== currency.code)
  if (other) throw invalidRule(`/${other[0]}/currency`)
  readAction(rule, currency)
}

const isMoney = (value: unknown): value is Money => typeof value === 'object' && value !== null && 'currency' in value

/** A refusal that knows no path of its own has the path of what was checked. */
function under(path: string, check: () => void, prefix = path): void {
  try {
    check()
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw new EngineRefusal(error.code, {
      path: error.path === undefined ? path : `${prefix}${error.path}`,
      ...(error.limit === undefined ? {} : { limit: error.limit }),
      ...(error.value === undefined ? {} : { value: error.value }),
    })
  }
}
