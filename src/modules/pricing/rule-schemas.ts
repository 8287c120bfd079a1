import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import { Currency, Decimal, Id, Instant, LocalDate, Money, Nullable, OneOf, Page, Text } from '#platform/schemas.ts'
import { clearable, closed, LineCode, Ordinal, Priority, RowVersion } from './schemas.ts'

/** Pricing rules: what they do, for whom, when and under which conditions. */

export const ruleKinds = ['override', 'discount', 'surcharge', 'minimum', 'maximum', 'block'] as const

const Basis = Type.Union([
  OneOf(['gross', 'net', 'net+fuelable', 'subtotal', 'declaredValue'] as const),
  Type.Object({ codes: Type.Array(LineCode, { minItems: 1, maxItems: 50 }) }, closed),
])

const PieceLimits = Type.Object(
  {
    weightGt: Type.Optional(Decimal),
    lengthPlusGirthGt: Type.Optional(Decimal),
    longestSideGt: Type.Optional(Decimal),
    volumeGt: Type.Optional(Decimal),
  },
  { ...closed, description: 'Pieces that exceed every limit named, strictly, in the units of the version' },
)

const actionMembers = {
  amount: Money,
  percent: Decimal,
  perUnit: Type.Object(
    {
      amount: Decimal,
      currency: Currency,
      unit: OneOf(['piece', 'chargeable_unit', 'km'] as const),
      pieceWhen: Type.Optional(PieceLimits),
    },
    closed,
  ),
  basis: Basis,
  min: Money,
  max: Money,
  fuelable: Type.Boolean(),
  group: Text(1, 40, 'Of the applied surcharges of a group only the highest counts'),
  appliesTo: Type.Array(LineCode, { minItems: 1, maxItems: 50 }),
  of: OneOf(['net', 'total'] as const, 'A minimum bounds the net or the total, a maximum the total'),
}

/** What a rule does; which members it may have follows from its kind and is checked when it is saved. */
export const RuleAction = Type.Partial(Type.Object(actionMembers), closed)
export type RuleAction = Static<typeof RuleAction>

const conditions = (most: number) =>
  Type.Unsafe<unknown>({
    description: 'Tree of all, any, not and leaves { attribute, op, value }; a list means all; null: always',
    anyOf: [
      { type: 'array', minItems: 1, maxItems: 100 },
      // Open on purpose: its form is recursive and checked by the engine, and a closed one would be answered without its members.
      { type: 'object', minProperties: 1, maxProperties: most, additionalProperties: true },
      { type: 'null' },
    ],
  })
/** A condition tree, whose form is checked when it is saved. */
export const Conditions = conditions(3)

const ruleMembers = {
  code: LineCode,
  kind: OneOf(ruleKinds),
  name: Nullable(Text(1, 200)),
  tariffVersionId: Nullable(Id),
  customerId: Nullable(Id),
  conditions: Conditions,
  action: RuleAction,
  sequence: Nullable(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  priority: Priority,
  effectiveFrom: LocalDate,
  effectiveTo: Nullable(LocalDate),
}

export const NewPricingRule = Type.Object(
  {
    code: ruleMembers.code,
    kind: ruleMembers.kind,
    name: Type.Optional(ruleMembers.name),
    tariffVersionId: Type.Optional(ruleMembers.tariffVersionId),
    customerId: Type.Optional(ruleMembers.customerId),
    conditions: Type.Optional(Conditions),
    action: RuleAction,
    sequence: Type.Optional(ruleMembers.sequence),
    priority: Type.Optional(ruleMembers.priority),
    effectiveFrom: LocalDate,
    effectiveTo: Type.Optional(ruleMembers.effectiveTo),
    enabled: Type.Optional(Type.Boolean()),
  },
  { ...closed, examples: [{ code: 'FUEL', kind: 'surcharge', action: { percent: '12.5', basis: 'net' }, effectiveFrom: '2026-01-01' }] },
)
export type NewPricingRule = Static<typeof NewPricingRule>

/** A merge patch: of a node that becomes another one, the old keys are sent as null. */
export const PricingRulePatch = Type.Partial(
  Type.Object({
    ...ruleMembers,
    action: Type.Object(clearable(actionMembers), closed),
    conditions: conditions(6),
    enabled: Type.Boolean(),
  }),
  closed,
)
export type PricingRulePatch = Static<typeof PricingRulePatch>

export const PricingRule = Type.Object(
  {
    id: Id,
    ...ruleMembers,
    enabled: Type.Boolean(),
    number: { ...Ordinal, description: 'Raised by every change; a quote names the number that priced it' },
    version: RowVersion,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'PricingRule' },
)
export type PricingRule = Static<typeof PricingRule>
export const PricingRulePage = Page(PricingRule)
export const ListPricingRules = listQuery({
  sorts: ['createdAt'],
  filters: { kind: commaList(ruleKinds), code: LineCode, customerId: Id, tariffVersionId: Id, enabled: Type.Boolean(), on: LocalDate },
})
export type ListPricingRules = Static<typeof ListPricingRules>
export const PricingRuleHistory = Type.Object({ data: Type.Array(PricingRule) }, closed)
