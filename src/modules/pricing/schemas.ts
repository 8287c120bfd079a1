import Type, { type Static } from 'typebox'
import { commaList, listQuery } from '#platform/lists.ts'
import {
  Country,
  Currency,
  Decimal,
  ExternalRefs,
  FreeText,
  Id,
  Instant,
  LocalDate,
  Metadata,
  Money,
  Nullable,
  OneOf,
  Page,
  Personal,
  Reason,
  Text,
} from '#platform/schemas.ts'

/** Shapes of pricing's HTTP surface. Prices and measures are decimal strings; a JSON number never carries an amount. */

const closed = { additionalProperties: false } as const

export const Timezone = Type.String({
  maxLength: 64,
  pattern: '^[A-Za-z0-9_+/-]+$',
  description: 'Name of the tz database, or UTC',
  examples: ['America/New_York'],
})
const ServiceCode = Type.String({ pattern: '^[A-Za-z0-9_-]{1,40}$', description: 'Code of a service of the carrier', examples: ['GND'] })
const Code = Type.String({ pattern: '^[A-Z][A-Z0-9_]{0,39}$', description: 'Code of a price line', examples: ['FUEL'] })
/** A decimal string that stands for money in the tariff's currency. */
const Amount = Type.String({
  pattern: '^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,10})?$',
  description: "Amount in the tariff's currency",
  examples: ['14.20'],
})
const Priority = Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, default: 0, description: 'The higher one wins' })

// --- Tariffs ---

export const tariffScopes = ['public', 'customer'] as const

const tariffMembers = {
  code: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,39}$', description: 'Unique, immutable', examples: ['fast-public'] }),
  name: Text(1, 200),
  carrierId: Id,
  serviceCodes: Type.Array(ServiceCode, {
    maxItems: 100,
    uniqueItems: true,
    default: [],
    description: 'Empty: every service of the carrier',
  }),
  scope: OneOf(tariffScopes, 'Whom the tariff is for'),
  customerId: Nullable(Id),
  priority: Priority,
  currency: Currency,
  timezone: Timezone,
  rateDateBasis: OneOf(['ship_date', 'quote_date'] as const, 'Which day decides the version in force'),
  fallbackPolicy: OneOf(['next', 'none'] as const, 'What happens when the tariff has no rate for a shipment'),
  quoteValidityDays: Type.Integer({ minimum: 1, maximum: 90 }),
  capAtTariffEnd: Type.Boolean({ description: 'Quotes end with the version' }),
  externalRefs: ExternalRefs,
  metadata: Metadata,
}

export const NewTariff = Type.Object(
  {
    code: tariffMembers.code,
    name: tariffMembers.name,
    carrierId: tariffMembers.carrierId,
    serviceCodes: Type.Optional(tariffMembers.serviceCodes),
    scope: tariffMembers.scope,
    customerId: Type.Optional(tariffMembers.customerId),
    priority: Type.Optional(tariffMembers.priority),
    currency: tariffMembers.currency,
    timezone: tariffMembers.timezone,
    rateDateBasis: Type.Optional(tariffMembers.rateDateBasis),
    fallbackPolicy: Type.Optional(tariffMembers.fallbackPolicy),
    quoteValidityDays: Type.Optional(tariffMembers.quoteValidityDays),
    capAtTariffEnd: Type.Optional(tariffMembers.capAtTariffEnd),
    externalRefs: Type.Optional(ExternalRefs),
    metadata: Type.Optional(Metadata),
  },
  {
    ...closed,
    examples: [
      { code: 'fast-public', name: 'Fast, public prices', carrierId: 3, scope: 'public', currency: 'USD', timezone: 'America/New_York' },
    ],
  },
)
export type NewTariff = Static<typeof NewTariff>

export const Tariff = Type.Object(
  {
    id: Id,
    ...tariffMembers,
    side: OneOf(['sell'] as const),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'Tariff' },
)
export type Tariff = Static<typeof Tariff>

export const TariffPatch = Type.Partial(
  Type.Object({
    code: tariffMembers.code,
    name: tariffMembers.name,
    carrierId: Id,
    serviceCodes: tariffMembers.serviceCodes,
    scope: tariffMembers.scope,
    customerId: tariffMembers.customerId,
    priority: Priority,
    currency: Currency,
    timezone: Timezone,
    rateDateBasis: tariffMembers.rateDateBasis,
    fallbackPolicy: tariffMembers.fallbackPolicy,
    quoteValidityDays: tariffMembers.quoteValidityDays,
    capAtTariffEnd: tariffMembers.capAtTariffEnd,
    externalRefs: ExternalRefs,
    metadata: Metadata,
  }),
  closed,
)
export type TariffPatch = Static<typeof TariffPatch>
export const TariffPage = Page(Tariff)
export const ListTariffs = listQuery({
  sorts: ['createdAt', 'code'],
  filters: {
    carrierId: Id,
    serviceCode: ServiceCode,
    scope: commaList(tariffScopes),
    customerId: Id,
    q: Text(1, 40, 'Beginning of the code'),
  },
})
export type ListTariffs = Static<typeof ListTariffs>

// --- Versions of a tariff ---

export const versionStates = ['draft', 'published', 'withdrawn'] as const

export const Rounding = Type.Object(
  { mode: OneOf(['half_up', 'half_even', 'up', 'down'] as const), increment: Type.Optional(Decimal) },
  { ...closed, description: 'How a computed amount becomes a line; default half_up to the minor unit' },
)

const weightRounding = Type.Array(
  Type.Object(
    {
      upTo: Type.Optional(Decimal),
      increment: Type.Optional(Decimal),
      mode: OneOf(['half_up', 'half_even', 'up', 'down', 'none'] as const),
    },
    closed,
  ),
  { minItems: 1, maxItems: 20 },
)

export const WeightPolicy = Type.Object(
  {
    weightUnit: OneOf(['kg', 'g', 't', 'lb', 'oz'] as const),
    dimUnit: OneOf(['mm', 'cm', 'm', 'in', 'ft'] as const),
    aggregation: OneOf(['per_piece_sum', 'shipment_total', 'revenue_ton'] as const),
    dimRounding: Type.Optional(
      Type.Object({ mode: OneOf(['half_up', 'half_even', 'up', 'down', 'none'] as const), increment: Type.Optional(Decimal) }, closed),
    ),
    divisor: Type.Optional(Decimal),
    dimThreshold: Type.Optional(Type.Object({ volumeGt: Decimal }, closed)),
    weightRounding: Type.Optional(weightRounding),
    minBillable: Type.Optional(
      Type.Array(
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
    ),
    requireDims: Type.Optional(Type.Boolean()),
    minRevenueTons: Type.Optional(Decimal),
  },
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

export const TariffVersionPatch = Type.Partial(Type.Object(versionMembers), closed)
export type TariffVersionPatch = Static<typeof TariffVersionPatch>

export const TariffVersion = Type.Object(
  {
    id: Id,
    tariffId: Id,
    number: Type.Integer({ minimum: 1 }),
    state: OneOf(versionStates),
    ...versionMembers,
    contentHash: Nullable(
      Type.String({ pattern: '^[0-9a-f]{64}$', examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'] }),
    ),
    engineVersion: Nullable(Type.String()),
    basedOn: Nullable(Type.Integer({ minimum: 1 })),
    publishedAt: Nullable(Instant),
    publishedBy: Nullable(Id),
    withdrawnAt: Nullable(Instant),
    closedTo: Nullable(LocalDate),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'TariffVersion' },
)
export type TariffVersion = Static<typeof TariffVersion>
export const TariffVersionPage = Page(TariffVersion)
export const ListTariffVersions = listQuery({ sorts: ['number'], filters: { state: commaList(versionStates), on: LocalDate } })
export type ListTariffVersions = Static<typeof ListTariffVersions>

const priceBreaks = Type.Array(
  Type.Object({ from: Decimal, to: Type.Optional(Nullable(Decimal)), price: Amount, allowZero: Type.Optional(Type.Boolean()) }, closed),
  {
    minItems: 1,
    maxItems: 1_000,
  },
)
const rateBreaks = Type.Array(
  Type.Object(
    {
      from: Decimal,
      to: Type.Optional(Nullable(Decimal)),
      rate: Decimal,
      flat: Type.Optional(Amount),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  { minItems: 1, maxItems: 1_000 },
)
const breakMode = Type.Optional(OneOf(['lower_inclusive', 'upper_inclusive'] as const))

const rateTableMembers = {
  service: Type.Union([Type.Literal('*'), ServiceCode], { description: '`*`: every service of the tariff without a table of its own' }),
  zone: Type.Literal('*', { description: 'A version without a zone set has the one zone `*`' }),
  units: Type.Optional(
    OneOf(['chargeable_weight', 'pieces', 'declared_value', 'distance_km'] as const, 'What is counted; default the chargeable weight'),
  ),
  minCharge: Type.Optional(Nullable(Amount)),
  maxCharge: Type.Optional(Nullable(Amount)),
  transitDays: Type.Optional(Nullable(Type.Integer({ minimum: 0, maximum: 365 }))),
}

/** One rate table of a version (rules BC1 to BC5). */
export const RateTable = Type.Union([
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('per_unit'),
      rate: Decimal,
      per: Type.Optional(Decimal),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object({ ...rateTableMembers, type: Type.Literal('percent'), percent: Decimal, allowZero: Type.Optional(Type.Boolean()) }, closed),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('step'),
      breaks: priceBreaks,
      breakMode,
      overflow: Type.Optional(OneOf(['error', 'pro_rata_last', 'repeat'] as const)),
    },
    closed,
  ),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('volume'),
      breaks: rateBreaks,
      breakMode,
      per: Type.Optional(Decimal),
      deficit: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object({ ...rateTableMembers, type: Type.Literal('graduated'), breaks: rateBreaks, breakMode, per: Type.Optional(Decimal) }, closed),
  Type.Object(
    {
      ...rateTableMembers,
      type: Type.Literal('package'),
      size: Decimal,
      price: Amount,
      free: Type.Optional(Decimal),
      allowZero: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
])
export type RateTable = Static<typeof RateTable>
export const RateTables = Type.Object(
  { tables: Type.Array(RateTable, { maxItems: 500 }) },
  { ...closed, description: 'All rate tables of a draft; PUT replaces them as a whole' },
)
export type RateTables = Static<typeof RateTables>

export const LintFinding = Type.Object({ code: Type.String(), path: Type.String(), message: Type.String() }, closed)
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
    warnings: Type.Array(LintFinding),
    closedVersionId: Nullable(Id),
    affectedQuotes: Nullable(
      Type.Integer({ minimum: 0, description: 'Back-dated only: open quotes this version would have priced otherwise' }),
    ),
  },
  closed,
)
export type PublishedVersion = Static<typeof PublishedVersion>

export const ReasonBody = Type.Object({ reason: Type.Optional(Reason) }, closed)

// --- Rules ---

export const ruleKinds = ['override', 'discount', 'surcharge', 'minimum', 'maximum', 'block'] as const

const Basis = Type.Union([
  OneOf(['gross', 'net', 'net+fuelable', 'subtotal', 'declaredValue'] as const),
  Type.Object({ codes: Type.Array(Code, { minItems: 1, maxItems: 50 }) }, closed),
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

/** What a rule does; which members it may have follows from its kind and is checked when it is saved. */
export const RuleAction = Type.Object(
  {
    amount: Type.Optional(Money),
    percent: Type.Optional(Decimal),
    perUnit: Type.Optional(
      Type.Object(
        {
          amount: Decimal,
          currency: Currency,
          unit: OneOf(['piece', 'chargeable_unit', 'km'] as const),
          pieceWhen: Type.Optional(PieceLimits),
        },
        closed,
      ),
    ),
    basis: Type.Optional(Basis),
    min: Type.Optional(Money),
    max: Type.Optional(Money),
    fuelable: Type.Optional(Type.Boolean()),
    group: Type.Optional(Text(1, 40)),
    appliesTo: Type.Optional(Type.Array(Code, { minItems: 1, maxItems: 50 })),
    of: Type.Optional(OneOf(['net', 'total'] as const, 'A minimum bounds the net or the total, a maximum the total')),
  },
  closed,
)

export type RuleAction = Static<typeof RuleAction>

/** A condition tree (rule CR6), checked when it is saved. */
export const Conditions = Type.Unsafe<unknown>({
  description: 'Tree of all, any, not and leaves { attribute, op, value }; a list means all; empty or absent: always',
  anyOf: [{ type: 'array', maxItems: 100 }, { type: 'object', maxProperties: 3 }, { type: 'null' }],
})

const ruleMembers = {
  code: Code,
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

export const PricingRulePatch = Type.Partial(Type.Object({ ...ruleMembers, enabled: Type.Boolean() }), closed)
export type PricingRulePatch = Static<typeof PricingRulePatch>

export const PricingRule = Type.Object(
  {
    id: Id,
    ...ruleMembers,
    enabled: Type.Boolean(),
    number: Type.Integer({ minimum: 1, description: 'Raised by every change; a quote names the number that priced it' }),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'PricingRule' },
)
export type PricingRule = Static<typeof PricingRule>
export const PricingRulePage = Page(PricingRule)
export const ListPricingRules = listQuery({
  sorts: ['createdAt'],
  filters: { kind: commaList(ruleKinds), code: Code, customerId: Id, tariffVersionId: Id, enabled: Type.Boolean(), on: LocalDate },
})
export type ListPricingRules = Static<typeof ListPricingRules>
export const PricingRuleHistory = Type.Object({ data: Type.Array(PricingRule) }, closed)

// --- Quotes ---

export const Place = Type.Object(
  {
    country: Country,
    region: Type.Optional(Text(1, 10)),
    city: Type.Optional(Text(1, 100)),
    postalCode: Type.Optional(Text(1, 20)),
    residential: Type.Optional(Type.Boolean()),
  },
  closed,
)
const Weight = Type.Object({ value: Decimal, unit: OneOf(['g', 'kg', 't', 'oz', 'lb'] as const) }, closed)
const Dimensions = Type.Object(
  { length: Decimal, width: Decimal, height: Decimal, unit: OneOf(['mm', 'cm', 'm', 'in', 'ft'] as const) },
  closed,
)

export const QuoteRequest = Type.Object(
  {
    customerId: Type.Optional(Type.Integer({ ...Id, description: 'Customers may leave it out: their own' })),
    origin: Place,
    destination: Place,
    pieces: Type.Array(
      Type.Object(
        { weight: Weight, dimensions: Type.Optional(Dimensions), count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9_999 })) },
        closed,
      ),
      { minItems: 1, maxItems: 200 },
    ),
    shipDate: Type.Optional(LocalDate),
    shipAt: Type.Optional(Instant),
    declaredValue: Type.Optional(Money),
    distanceKm: Type.Optional(Decimal),
    features: Type.Optional(
      Type.Array(OneOf(['signature', 'liftgate', 'residential', 'hazmat', 'reefer', 'insurance', 'appointment'] as const), {
        uniqueItems: true,
        maxItems: 7,
      }),
    ),
    services: Type.Optional(
      Type.Array(Type.Object({ carrierId: Id, serviceCode: Type.Optional(ServiceCode) }, closed), { minItems: 1, maxItems: 50 }),
    ),
    currency: Type.Optional(Currency),
    ref: Type.Optional(Personal(Text(1, 100))),
  },
  {
    ...closed,
    examples: [
      {
        origin: { country: 'US', postalCode: '10001' },
        destination: { country: 'US', postalCode: '94105', residential: true },
        pieces: [{ weight: { value: '3.2', unit: 'lb' }, dimensions: { length: '10', width: '8', height: '6', unit: 'in' } }],
        shipDate: '2026-03-02',
      },
    ],
  },
)
export type QuoteRequest = Static<typeof QuoteRequest>

export const quoteStates = ['open', 'accepted', 'expired', 'cancelled', 'superseded'] as const

const Refusal = {
  code: Type.String(),
  limit: Type.Optional(Type.String()),
  value: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
}

export const RateLine = Type.Object(
  {
    seq: Type.Integer({ minimum: 1 }),
    type: OneOf(['base', 'discount', 'adjustment', 'surcharge'] as const),
    code: Type.String(),
    amount: Money,
    of: Type.Optional(Type.String({ description: 'A discount on a surcharge: the code of that surcharge' })),
    rule: Nullable(Type.Object({ id: Id, number: Type.Integer({ minimum: 1 }) }, closed)),
    calc: Type.Record(Type.String(), Type.String(), { description: 'What the amount was computed from' }),
    raw: Type.String({ description: 'The exact amount before rounding, at most 6 digits shown' }),
  },
  closed,
)

export const QuoteRate = Type.Object(
  {
    rateId: Type.Integer({ minimum: 1 }),
    carrier: Type.Object({ id: Id, code: Type.String(), scac: Nullable(Type.String()) }, closed),
    serviceCode: Type.String(),
    transitDays: Nullable(Type.Integer({ minimum: 0 })),
    zone: Type.String(),
    chargeableWeight: Type.Object({ value: Type.String(), unit: Type.String() }, closed),
    tariff: Type.Object({ id: Id, versionId: Id, number: Type.Integer(), scope: OneOf(tariffScopes), contentHash: Type.String() }, closed),
    fallback: Type.Boolean(),
    total: Money,
    lines: Type.Array(RateLine),
  },
  { ...closed, $id: 'QuoteRate' },
)
export type QuoteRate = Static<typeof QuoteRate>

export const Ineligible = Type.Object(
  {
    carrierCode: Type.String(),
    serviceCode: Type.String(),
    ...Refusal,
    rule: Type.Optional(Type.Object({ id: Id, number: Type.Integer({ minimum: 1 }) }, closed)),
  },
  closed,
)
export const QuoteWarning = Type.Object(
  { code: Type.String(), path: Type.Optional(Type.String()), service: Type.Optional(Type.String()), slot: Type.Optional(Type.String()) },
  closed,
)

export const QuoteCustomer = Type.Object({ accountNumber: Nullable(Type.String()), status: Type.String(), tier: Type.String() }, closed)
export type QuoteCustomer = Static<typeof QuoteCustomer>

export const Quote = Type.Object(
  {
    id: Id,
    status: OneOf(quoteStates),
    customerId: Id,
    pricedAt: Instant,
    rateDate: LocalDate,
    expiresAt: Instant,
    engineVersion: Type.String(),
    request: QuoteRequest,
    requestHash: Type.String(),
    inputsHash: Type.String(),
    customer: QuoteCustomer,
    rates: Type.Array(QuoteRate),
    ineligible: Type.Array(Ineligible),
    warnings: Type.Array(QuoteWarning),
    supersedes: Nullable(Id),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
  },
  { ...closed, $id: 'Quote' },
)
export type Quote = Static<typeof Quote>
export const QuotePage = Page(Quote)
export const ListQuotes = listQuery({
  sorts: ['createdAt'],
  filters: { status: commaList(quoteStates), customerId: Id, carrierId: Id, ref: Text(1, 100) },
})
export type ListQuotes = Static<typeof ListQuotes>

/** What `POST /v1/rates` answers: a quote that is not stored. */
export const Rates = Type.Omit(Quote, ['id', 'status', 'supersedes', 'version', 'createdAt'])
export type Rates = Static<typeof Rates>

export const ExplanationStep = Type.Object(
  {
    step: Type.String({ description: 'Row of the order of evaluation' }),
    inputs: Type.Record(Type.String(), Type.Unknown()),
    decision: Type.String(),
    candidates: Type.Array(
      Type.Object(
        {
          id: Id,
          slot: Type.String({
            description: 'tariff, override, discount:CODE, surcharge:CODE, minimum:net, minimum:total, maximum:total or block',
          }),
          code: Type.String(),
          outcome: OneOf(['won', 'lost', 'applied'] as const),
          reason: Nullable(Type.String({ description: 'Why it lost' })),
          versionId: Type.Optional(Nullable(Id)),
        },
        closed,
      ),
    ),
    output: Type.Record(Type.String(), Type.Unknown()),
    text: Type.String({ description: 'One English sentence' }),
  },
  closed,
)
export const ServiceExplanation = Type.Object(
  {
    carrierCode: Type.String(),
    serviceCode: Type.String(),
    rateId: Nullable(Type.Integer({ minimum: 1 })),
    steps: Type.Array(ExplanationStep),
  },
  closed,
)
export const QuoteExplanation = Type.Object(
  { quoteId: Id, services: Type.Array(ServiceExplanation, { description: 'With ?rateId= only the service of that rate' }) },
  { ...closed, $id: 'QuoteExplanation' },
)
export type QuoteExplanation = Static<typeof QuoteExplanation>
