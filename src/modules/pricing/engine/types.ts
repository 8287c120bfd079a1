/**
 * The faces of the pricing engine: what one pricing takes and what it answers. Everything is plain JSON data.
 *
 * Decimals and amounts are strings (`DecimalText`), instants are ISO 8601 texts with `Z`, dates are `YYYY-MM-DD`, intervals are half-open and `null` means
 * open. A JavaScript number is only ever an id, a count, a rank or a number of days, never money, a rate, a weight or a size.
 *
 * The engine compiles tables, policies and conditions once per object and remembers the result by identity: treat everything handed in as frozen.
 */

/** `-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,10})?` */
export type DecimalText = string
/** `YYYY-MM-DD`, a calendar day without a zone. */
export type DateText = string
/** `YYYY-MM-DDTHH:MM:SS[.mmm]` with `Z` or an offset. */
export type InstantText = string

export interface Money {
  amount: DecimalText
  currency: string
}

export type WeightUnit = 'kg' | 'g' | 't' | 'lb' | 'oz'
export type LengthUnit = 'mm' | 'cm' | 'm' | 'in' | 'ft'

export interface Weight {
  value: DecimalText
  unit: WeightUnit
}

export interface Length {
  value: DecimalText
  unit: LengthUnit
}

export type RoundingMode = 'half_up' | 'half_even' | 'up' | 'down'

/** Rounding of money; the increment is a positive multiple of the minor unit and defaults to it. */
export interface MoneyRounding {
  mode: RoundingMode
  increment?: DecimalText | null
}

/** Rounding of a size or a weight; the increment defaults to 1. */
export interface MeasureRounding {
  mode: RoundingMode | 'none'
  increment?: DecimalText | null
}

/* ---------------------------------------------------------------- weight policy */

export type Aggregation = 'per_piece_sum' | 'shipment_total' | 'revenue_ton'

export interface WeightStep extends MeasureRounding {
  /** The step serves unrounded weights up to and including this; only the last step has none. */
  upTo?: DecimalText | null
}

export interface MinBillable {
  lengthPlusGirthGt?: DecimalText | null
  longestSideGt?: DecimalText | null
  volumeGt?: DecimalText | null
  weight: DecimalText
}

/** How a shipment becomes the weight it pays for. All numbers are in the units of the version. */
export interface WeightPolicy {
  aggregation: Aggregation
  dimRounding?: MeasureRounding | null
  divisor?: DecimalText | null
  dimThreshold?: { volumeGt: DecimalText } | null
  weightRounding?: WeightStep[] | null
  minBillable?: MinBillable[] | null
  requireDims?: boolean | null
  minRevenueTons?: DecimalText | null
}

/** The policy of a tariff version, with the units its numbers and its rate tables are in. */
export interface VersionWeightPolicy extends WeightPolicy {
  weightUnit: WeightUnit
  dimUnit: LengthUnit
}

/* ---------------------------------------------------------------- rate tables */

export type BreakMode = 'lower_inclusive' | 'upper_inclusive'
export type Overflow = 'error' | 'pro_rata_last' | 'repeat'

export interface StepBreak {
  from: DecimalText
  to?: DecimalText | null
  /** Money in the currency of the tariff. */
  price: DecimalText
  allowZero?: boolean | null
}

export interface RateBreak {
  from: DecimalText
  to?: DecimalText | null
  rate: DecimalText
  /** Money in the currency of the tariff, default 0. */
  flat?: DecimalText | null
  allowZero?: boolean | null
}

interface RateCommon {
  minCharge?: DecimalText | null
  maxCharge?: DecimalText | null
  rounding?: MoneyRounding | null
}

/** How units become a base charge. */
export type Rate = RateCommon &
  (
    | { type: 'per_unit'; rate: DecimalText; per?: DecimalText | null; allowZero?: boolean | null }
    | { type: 'percent'; percent: DecimalText; allowZero?: boolean | null }
    | { type: 'step'; breaks: StepBreak[]; breakMode?: BreakMode | null; overflow?: Overflow | null }
    | { type: 'volume'; breaks: RateBreak[]; per?: DecimalText | null; breakMode?: BreakMode | null; deficit?: boolean | null }
    | { type: 'graduated'; breaks: RateBreak[]; per?: DecimalText | null; breakMode?: BreakMode | null }
    | { type: 'package'; size: DecimalText; price: DecimalText; free?: DecimalText | null; allowZero?: boolean | null }
  )

export type RateUnits = 'chargeable_weight' | 'pieces' | 'declared_value' | 'distance_km'

/** A rate with its address inside a version. `*` as service: every service of the tariff without a table of its own. `*` is the one zone of a version that pins no zone set. */
export type RateTable = Rate & {
  service: string
  zone: string
  units?: RateUnits | null
  transitDays?: number | null
}

/* ---------------------------------------------------------------- tariffs */

export type Scope = 'customer' | 'group' | 'public'
export type DiscountStacking = 'best_of' | 'additive' | 'compound'
export type VersionState = 'draft' | 'published' | 'withdrawn'

export interface TariffVersion {
  id: number
  number: number
  state: VersionState
  effectiveFrom: DateText
  /** As published; a later closing is a record of its own. */
  effectiveTo: DateText | null
  publishedAt: InstantText | null
  withdrawnAt: InstantText | null
  /** Records by which successors closed this version: in force until `to` for pricings at or after `at`. */
  closings?: { to: DateText; at: InstantText }[] | null
  weightPolicy: VersionWeightPolicy
  rounding?: MoneyRounding | null
  discountStacking?: DiscountStacking | null
  /** Money in the currency of the tariff. */
  minNet?: DecimalText | null
  minTotal?: DecimalText | null
  maxTotal?: DecimalText | null
  rateTables: RateTable[]
  contentHash: string
}

export interface Tariff {
  id: number
  code: string
  carrierId: number
  /** Empty: every service of the carrier. */
  serviceCodes: string[]
  scope: Scope
  customerId?: number | null
  groupCode?: string | null
  priority: number
  currency: string
  timezone: string
  rateDateBasis: 'ship_date' | 'quote_date'
  fallbackPolicy: 'next' | 'none'
  quoteValidityDays: number
  capAtTariffEnd: boolean
  versions: TariffVersion[]
}

/* ---------------------------------------------------------------- rules */

export type Condition =
  | Condition[]
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | { attribute: string; op: string; value?: unknown }

export type SurchargeBasis = 'gross' | 'net' | 'net+fuelable' | 'subtotal' | 'declaredValue' | { codes: string[] }

/** Pieces that exceed every limit named here, strictly, are counted; sizes and weight in the units of the tariff version. */
export interface PieceLimits {
  lengthPlusGirthGt?: DecimalText | null
  longestSideGt?: DecimalText | null
  volumeGt?: DecimalText | null
  weightGt?: DecimalText | null
}

export interface OverrideAction {
  amount: Money
}

/** Exactly one of `percent` and `amount`. */
export interface DiscountAction {
  percent?: DecimalText | null
  amount?: Money | null
  /** `BASE` and codes of surcharges; absent: the base. */
  appliesTo?: string[] | null
}

/** Exactly one of `amount`, `percent` (with `basis`, default `net`) and `perUnit`. */
export interface SurchargeAction {
  amount?: Money | null
  percent?: DecimalText | null
  basis?: SurchargeBasis | null
  perUnit?: { amount: DecimalText; currency: string; unit: 'piece' | 'chargeable_unit' | 'km'; pieceWhen?: PieceLimits | null } | null
  min?: Money | null
  max?: Money | null
  fuelable?: boolean | null
  group?: string | null
}

/** Takes the place of the version's `minNet`, `minTotal` (kind `minimum`) or `maxTotal` (kind `maximum`, `of` always `total`). */
export interface BoundAction {
  of: 'net' | 'total'
  amount: Money
}

interface RuleCommon {
  id: number
  /** The number current at `pricedAt`; the caller hands over one entry per id. */
  number: number
  code: string
  /** Null: a free rule, for every tariff it meets. */
  tariffVersionId: number | null
  customerId: number | null
  groupCode: string | null
  conditions: Condition | null
  /** Order of surcharges and of discounts. All applicable rules of a kind carry one, or none does and their ids decide. */
  sequence: number | null
  priority: number
  effectiveFrom: DateText
  effectiveTo: DateText | null
  enabled: boolean
}

export type RuleKind = 'override' | 'discount' | 'surcharge' | 'minimum' | 'maximum' | 'block'

export type Rule = RuleCommon &
  (
    | { kind: 'override'; action: OverrideAction }
    | { kind: 'discount'; action: DiscountAction }
    | { kind: 'surcharge'; action: SurchargeAction }
    | { kind: 'minimum'; action: BoundAction }
    | { kind: 'maximum'; action: BoundAction }
    | { kind: 'block'; action: Record<string, never> }
  )

/* ---------------------------------------------------------------- one pricing */

export interface Place {
  country: string
  region?: string | null
  city?: string | null
  postalCode?: string | null
  residential?: boolean | null
}

export interface Piece {
  weight: Weight
  dimensions?: { length: DecimalText; width: DecimalText; height: DecimalText; unit: LengthUnit } | null
  /** 1 to 9999, default 1. */
  count?: number | null
}

export interface PricingRequest {
  origin: Place
  destination: Place
  pieces: Piece[]
  shipDate?: DateText | null
  shipAt?: InstantText | null
  declaredValue?: Money | null
  distanceKm?: DecimalText | null
  features?: string[] | null
  services?: { carrierId: number; serviceCode?: string | null }[] | null
  currency?: string | null
}

export interface PricingCustomer {
  id: number
  status: 'pending' | 'active' | 'suspended' | 'closed'
  tier?: string | null
  groups?: string[] | null
  creditStatus?: 'ok' | 'warn' | 'hold' | 'prepay_only' | null
}

export interface ServiceLimits {
  maxWeight?: Weight | null
  maxLength?: Length | null
  maxLengthPlusGirth?: Length | null
  maxPieces?: number | null
  maxDeclaredValue?: Money | null
}

export interface PricingService {
  code: string
  name: string
  mode: string
  status: 'draft' | 'active' | 'paused' | 'retired'
  limits?: ServiceLimits | null
  features: string[]
  transit?: { minDays?: number | null; maxDays?: number | null } | null
}

export interface PricingCarrier {
  id: number
  code: string
  scac: string | null
  status: 'draft' | 'pending_review' | 'active' | 'suspended' | 'retired'
  services: PricingService[]
}

/** Everything one pricing needs, already loaded. The result is a function of this alone. */
export interface PricingInput {
  pricedAt: InstantText
  request: PricingRequest
  /** Not `closed`: the caller refuses that before it asks. */
  customer: PricingCustomer
  carriers: PricingCarrier[]
  tariffs: Tariff[]
  rules: Rule[]
}

/* ---------------------------------------------------------------- the answer */

export type LineType = 'base' | 'discount' | 'adjustment' | 'surcharge'

export interface RateLine {
  seq: number
  type: LineType
  code: string
  amount: Money
  /** The rule that wrote the line; null for the rate table and for the version's own fields. */
  rule: { id: number; number: number } | null
  /** A discount on a surcharge names the surcharge. */
  of?: string
  /** What the amount was computed from, as texts. */
  calc: Record<string, string>
  /** The amount before rounding and before any bound, at most 6 fraction digits. */
  raw: DecimalText
}

export interface PricedRate {
  rateId: number
  carrier: { id: number; code: string; scac: string | null }
  serviceCode: string
  transitDays: number | null
  zone: string
  chargeableWeight: { value: DecimalText; unit: WeightUnit | 'revenue_ton' }
  tariff: { id: number; versionId: number; number: number; scope: Scope; contentHash: string }
  /** A better placed tariff had no rate. */
  fallback: boolean
  total: Money
  lines: RateLine[]
}

export interface IneligibleService {
  carrierCode: string
  serviceCode: string
  code: string
  limit?: string
  value?: string
  unit?: string
  /** The rule that blocked the service, or whose amounts could not be used. */
  rule?: { id: number; number: number }
}

export interface PricingWarning {
  code: string
  path?: string
  /** The service the warning is about, `carrier/service`; absent: the whole request. */
  service?: string
  /** The slot of an `AMBIGUOUS_RULES`, such as `tariff` or `surcharge:FUEL`. */
  slot?: string
}

export type CandidateOutcome = 'won' | 'lost' | 'applied'

export interface ExplainedCandidate {
  id: number
  /** `tariff`, `override`, `discount:CODE`, `surcharge:CODE`, `minimum:net`, `minimum:total`, `maximum:total` or `block`. */
  slot: string
  code: string
  outcome: CandidateOutcome
  /** Why it lost; null for the winner. */
  reason: string | null
  versionId?: number | null
}

/** Rows of the order of evaluation. */
export type StepName = '0' | '1' | '2' | '3-6' | '7' | '8' | '9' | '10' | '11' | '12' | '13'

export interface ExplanationStep {
  step: StepName
  inputs: Record<string, unknown>
  decision: string
  candidates: ExplainedCandidate[]
  output: Record<string, unknown>
  text: string
}

/** How one considered service came to its rate, or to its refusal. */
export interface ServiceExplanation {
  carrierCode: string
  serviceCode: string
  /** Null when the service is ineligible. */
  rateId: number | null
  steps: ExplanationStep[]
}

export interface PricingResult {
  engineVersion: '1'
  /** The rate date of the first rate; without rates that of the pricing itself in UTC. */
  rateDate: DateText
  expiresAt: InstantText
  rates: PricedRate[]
  ineligible: IneligibleService[]
  warnings: PricingWarning[]
  explanations: ServiceExplanation[]
}

/* ---------------------------------------------------------------- publishing */

export interface LintInput {
  tariff: Tariff
  version: TariffVersion
  /** Attached rules of the version, and free rules that could meet it. */
  rules: Rule[]
  /** Codes of the carrier's services. */
  knownServices: string[]
  /** Other tariffs of the carrier with their published versions: two tariffs for one service may not tie. */
  otherTariffs?: Tariff[]
}

export interface LintFinding {
  severity: 'error' | 'warning'
  code: string
  /** JSON pointer into the version, or `/rules/{id}`. */
  path: string
  message: string
  rules?: number[]
  tariffs?: number[]
}
