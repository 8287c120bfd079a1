import { type Static, Type } from 'typebox'
import { ATTRIBUTES, type Facts } from '../attributes.ts'
import { compileCondition } from '../conditions.ts'
import { requireDate } from '../dates.ts'
import { parseDecimal } from '../decimal.ts'
import { requireInterval } from '../effective.ts'
import { EngineRefusal } from '../refusal.ts'
import { type Candidate, select } from '../select.ts'
import type { Condition } from '../types.ts'
import { closed, kind, Read, words } from './reading.ts'

const Texts = Type.Array(Type.String())
const text = Type.Optional(Type.String())
const decimal = Type.Optional(Read)

const Context = closed({
  'customer.id': Type.Optional(Type.Integer()),
  'customer.tier': text,
  'customer.groups': Type.Optional(Texts),
  'carrier.code': text,
  'service.code': text,
  'service.mode': text,
  zone: text,
  'origin.country': text,
  'origin.region': text,
  'origin.postal': text,
  'dest.country': text,
  'dest.region': text,
  'dest.postal': text,
  'dest.residential': Type.Optional(Type.Boolean()),
  features: Type.Optional(Texts),
  chargeableWeight: decimal,
  actualWeight: decimal,
  pieces: decimal,
  longestSide: decimal,
  lengthPlusGirth: decimal,
  declaredValue: decimal,
  shipDate: Type.Optional(Read),
})

const candidate = {
  id: Type.Integer(),
  priority: Type.Integer(),
  specificity: Type.Integer(),
  effectiveFrom: Read,
  effectiveTo: Type.Optional(Read),
  conditions: Type.Optional(Type.Unsafe<Condition>(Type.Unknown())),
  noRate: Type.Optional(Type.Boolean()),
  fallbackPolicy: Type.Optional(words('next', 'none')),
  amount: Type.Optional(Read),
}

const Given = closed({
  context: Context,
  date: Type.Optional(Read),
  candidates: Type.Array(
    Type.Union([
      closed({ ...candidate, scope: Type.Literal('customer'), customerId: Type.Integer() }),
      closed({ ...candidate, scope: Type.Literal('group'), group: Type.String() }),
      closed({ ...candidate, scope: Type.Literal('public') }),
    ]),
  ),
})

export const selectRuleKind = kind(Given, ({ context, date, candidates }) => {
  const asking = {
    customerId: context['customer.id'] ?? null,
    groups: context['customer.groups'] ?? null,
    isCustomerActive: true,
    date: date === undefined ? null : requireDate(date, '/date'),
    facts: facts(context),
  }
  const { winner, losers, isAmbiguous, isFallback } = select(candidates.map(readCandidate), asking, ({ noRate }) => {
    if (noRate) throw new EngineRefusal('NO_RATE')
  })
  return {
    winner: winner?.id ?? null,
    losers: losers.map(({ candidate: { id }, reason }) => ({ id, reason })),
    ...(isAmbiguous && { warning: 'AMBIGUOUS_RULES' }),
    ...(isFallback && { fallback: true }),
  }
})

function readCandidate({
  conditions,
  amount: _,
  noRate,
  ...rest
}: Static<typeof Given>['candidates'][number]): Candidate & { noRate: boolean } {
  requireInterval(rest)
  if (conditions === undefined) return { ...rest, condition: null, noRate: noRate ?? false }
  if (typeof conditions !== 'object') throw new EngineRefusal('INVALID_CONDITION')
  requireKnownKeys(conditions)
  return { ...rest, condition: compileCondition(conditions), noRate: noRate ?? false }
}

const NODE_KEYS: readonly string[] = ['all', 'any', 'not', 'attribute', 'op', 'value']

function requireKnownKeys(node: unknown) {
  if (Array.isArray(node)) node.forEach(requireKnownKeys)
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return
  for (const [key, inner] of Object.entries(node)) {
    if (!NODE_KEYS.includes(key)) throw new EngineRefusal('INVALID_INPUT')
    if (key === 'all' || key === 'any' || key === 'not') requireKnownKeys(inner)
  }
}

function facts({ 'customer.id': _, ...context }: Static<typeof Context>): Facts {
  const read = Object.entries(context).map(([name, value]) => {
    const type = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name as keyof typeof ATTRIBUTES] : undefined
    if (type === 'decimal') return [name, parseDecimal(value, `/context/${name}`)]
    if (type === 'date') return [name, requireDate(value, `/context/${name}`)]
    return [name, value]
  })
  return Object.fromEntries(read)
}
