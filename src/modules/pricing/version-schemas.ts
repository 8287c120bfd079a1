import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import { Decimal, FreeText, Id, Instant, LocalDate, Nullable, OneOf, Page, Reason } from '#platform/schemas.ts'
import { Amount, clearable, closed, Ordinal, RowVersion } from './schemas.ts'

/** A version of a tariff: the policies under which its rate tables are read, and what publishing says about it. */

export const versionStates = ['draft', 'published', 'withdrawn'] as const

const moneyMode = OneOf(['half_up', 'half_even', 'up', 'down'] as const)
const measureMode = OneOf(['half_up', 'half_even', 'up', 'down', 'none'] as const)

const rounding = { description: 'How a computed amount becomes a line; default half_up to the minor unit' }
export const Rounding = Type.Object({ mode: moneyMode, increment: Type.Optional(Decimal) }, { ...closed, ...rounding })

const policyUnits = {
  weightUnit: OneOf(['kg', 'g', 't', 'lb', 'oz'] as const),
  dimUnit: OneOf(['mm', 'cm', 'm', 'in', 'ft'] as const),
  aggregation: OneOf(['per_piece_sum', 'shipment_total', 'revenue_ton'] as const),
}
const policyMembers = {
  dimRounding: Type.Object({ mode: measureMode, increment: Type.Optional(Decimal) }, closed),
  divisor: Decimal,
  dimThreshold: Type.Object({ volumeGt: Decimal }, closed),
  weightRounding: Type.Array(Type.Object({ upTo: Type.Optional(Decimal), increment: Type.Optional(Decimal), mode: measureMode }, closed), {
    minItems: 1,
    maxItems: 20,
  }),
  minBillable: Type.Array(
    Type.Object(
      {
        lengthPlusGirthGt: Type.Optional(Decimal),
        longestSideGt: Type.Optional(Decimal),
        volumeGt: Type.Optional(Decimal),
        weight: Decimal,
      },
      closed,
    ),
    { maxItems: 20 },
  ),
  requireDims: Type.Boolean(),
  minRevenueTons: Decimal,
}
export const WeightPolicy = Type.Object(
  { ...policyUnits, ...Type.Partial(Type.Object(policyMembers)).properties },
  { ...closed, description: 'How weight and size become the chargeable weight' },
)

const versionMembers = {
  effectiveFrom: LocalDate,
  effectiveTo: Nullable(LocalDate),
  weightPolicy: WeightPolicy,
  rounding: Nullable(Rounding),
  discountStacking: OneOf(['best_of', 'additive', 'compound'] as const),
  minNet: Nullable(Amount),
  minTotal: Nullable(Amount),
  maxTotal: Nullable(Amount),
  changeNote: Nullable(FreeText(1, 500)),
}

export const NewTariffVersion = Type.Object(
  {
    basedOn: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Number of the version whose content is copied; what is sent beside it replaces its members',
      }),
    ),
    effectiveFrom: LocalDate,
    effectiveTo: Type.Optional(versionMembers.effectiveTo),
    weightPolicy: Type.Optional(WeightPolicy),
    rounding: Type.Optional(versionMembers.rounding),
    discountStacking: Type.Optional(versionMembers.discountStacking),
    minNet: Type.Optional(versionMembers.minNet),
    minTotal: Type.Optional(versionMembers.minTotal),
    maxTotal: Type.Optional(versionMembers.maxTotal),
    changeNote: Type.Optional(versionMembers.changeNote),
  },
  {
    ...closed,
    examples: [
      { effectiveFrom: '2026-01-01', weightPolicy: { weightUnit: 'lb', dimUnit: 'in', aggregation: 'per_piece_sum', divisor: '139' } },
    ],
  },
)
export type NewTariffVersion = Static<typeof NewTariffVersion>

/** A merge patch: members of the policies are merged one by one, null takes one away, lists are replaced whole. */
export const TariffVersionPatch = Type.Partial(
  Type.Object({
    ...versionMembers,
    weightPolicy: Type.Object({ ...Type.Partial(Type.Object(policyUnits)).properties, ...clearable(policyMembers) }, closed),
    rounding: Nullable(Type.Object({ mode: moneyMode, ...clearable({ increment: Decimal }) }, closed)),
  }),
  closed,
)
export type TariffVersionPatch = Static<typeof TariffVersionPatch>

export const LintFinding = Type.Object({ code: Type.String(), path: Type.String(), message: Type.String() }, closed)

export const TariffVersion = Type.Object(
  {
    id: Id,
    tariffId: Id,
    number: Ordinal,
    state: OneOf(versionStates),
    ...versionMembers,
    contentHash: Nullable(
      Type.String({ pattern: '^[0-9a-f]{64}$', examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'] }),
    ),
    engineVersion: Nullable(Type.String()),
    basedOn: Nullable(Ordinal),
    warnings: Type.Array(LintFinding, { description: 'What was worth knowing when it was published' }),
    publishedAt: Nullable(Instant),
    publishedBy: Nullable(Id),
    withdrawnAt: Nullable(Instant),
    closedTo: Nullable(LocalDate),
    version: RowVersion,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'TariffVersion' },
)
export type TariffVersion = Static<typeof TariffVersion>
export const TariffVersionPage = Page(TariffVersion)
export const ListTariffVersions = listQuery({ sorts: ['number'], filters: { state: commaList(versionStates), on: LocalDate } })
export type ListTariffVersions = Static<typeof ListTariffVersions>

export const LintReport = Type.Object(
  { errors: Type.Array(LintFinding), warnings: Type.Array(LintFinding) },
  { ...closed, $id: 'LintReport' },
)
export type LintReport = Static<typeof LintReport>

export const PublishRequest = Type.Object(
  {
    reason: Type.Optional(Reason),
    force: Type.Optional(Type.Array(OneOf(['AMBIGUOUS_RULES'] as const), { maxItems: 1, uniqueItems: true })),
  },
  closed,
)
export type PublishRequest = Static<typeof PublishRequest>

export const PublishedVersion = Type.Object(
  {
    ...TariffVersion.properties,
    closedVersionId: Nullable({ ...Id, description: 'The version before, whose interval ends where this one begins' }),
    affectedQuotes: Nullable(
      Type.Integer({ minimum: 0, description: 'Back-dated only: open quotes this version would have priced otherwise' }),
    ),
  },
  closed,
)
export type PublishedVersion = Static<typeof PublishedVersion>

export const ReasonBody = Type.Object({ reason: Type.Optional(Reason) }, closed)
