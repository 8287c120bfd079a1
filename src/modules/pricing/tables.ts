import { char, index, int, mysqlTable, primaryKey, smallint, unique, varchar } from 'drizzle-orm/mysql-core'
import {
  asciiKey,
  binaryText,
  createdAt,
  currency,
  decimal,
  flag,
  id,
  instant,
  json,
  localDate,
  minorUnits,
  ref,
  updatedAt,
  version,
} from '#platform/columns.ts'
import type {
  Condition,
  IneligibleService,
  MoneyRounding,
  PricedRate,
  PricingWarning,
  ServiceExplanation,
  VersionWeightPolicy,
} from './engine/types.ts'
import type { QuoteCustomer } from './quote-schemas.ts'
import type { RuleAction } from './rule-schemas.ts'
import type { QuoteRequest } from './shipment-schemas.ts'
import type { Tariff } from './tariff-schemas.ts'
import type { LintReport } from './version-schemas.ts'

/** Tables of `pricing_service_db`. `customer_id` and `carrier_id` are references into other databases: numbers, resolved through contracts. */

export const tariffs = mysqlTable(
  'tariffs',
  {
    id: id(),
    code: asciiKey('code', 40).notNull(),
    name: varchar('name', { length: 200 }).notNull(),
    carrierId: ref('carrier_id'),
    serviceCodes: json<string[]>('service_codes').notNull(),
    side: asciiKey('side', 10).$type<'sell'>().notNull().default('sell'),
    scope: asciiKey('scope', 10).$type<Tariff['scope']>().notNull(),
    customerId: int('customer_id'),
    priority: int('priority').notNull().default(0),
    currency: currency('currency').notNull(),
    timezone: asciiKey('timezone', 64).notNull(),
    rateDateBasis: asciiKey('rate_date_basis', 20).$type<Tariff['rateDateBasis']>().notNull(),
    fallbackPolicy: asciiKey('fallback_policy', 10).$type<Tariff['fallbackPolicy']>().notNull(),
    quoteValidityDays: smallint('quote_validity_days').notNull(),
    capAtTariffEnd: flag('cap_at_tariff_end').notNull(),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    unique('tariffs_code').on(table.code),
    // Order by code and id: a unique key alone does not serve it.
    index('tariffs_by_code').on(table.code, table.id),
    index('tariffs_by_carrier').on(table.carrierId, table.id),
    index('tariffs_by_customer').on(table.customerId, table.id),
    index('tariffs_by_created').on(table.createdAt, table.id),
  ],
)

export const tariffVersions = mysqlTable(
  'tariff_versions',
  {
    id: id(),
    tariffId: ref('tariff_id'),
    number: int('number').notNull(),
    state: asciiKey('state', 20).$type<'draft' | 'published' | 'withdrawn'>().notNull(),
    effectiveFrom: localDate('effective_from').notNull(),
    effectiveTo: localDate('effective_to'),
    weightPolicy: json<VersionWeightPolicy>('weight_policy').notNull(),
    rounding: json<MoneyRounding>('rounding'),
    discountStacking: asciiKey('discount_stacking', 20).$type<'best_of' | 'additive' | 'compound'>().notNull(),
    minNetMinor: minorUnits('min_net_minor'),
    minTotalMinor: minorUnits('min_total_minor'),
    maxTotalMinor: minorUnits('max_total_minor'),
    contentHash: char('content_hash', { length: 64 }),
    engineVersion: asciiKey('engine_version', 10),
    basedOn: int('based_on'),
    changeNote: varchar('change_note', { length: 500 }),
    /** What publishing warned of. */
    warnings: json<LintReport['warnings']>('warnings').notNull(),
    publishedAt: instant('published_at'),
    publishedBy: int('published_by'),
    withdrawnAt: instant('withdrawn_at'),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    unique('tariff_versions_number').on(table.tariffId, table.number),
    index('tariff_versions_by_tariff').on(table.tariffId, table.id),
    index('tariff_versions_by_number').on(table.tariffId, table.number, table.id),
    index('tariff_versions_by_state').on(table.state, table.tariffId),
  ],
)

/** A successor closes its predecessor by a record of its own: a published version itself never changes. */
export const tariffVersionClosings = mysqlTable(
  'tariff_version_closings',
  {
    versionId: int('version_id').notNull(),
    closedTo: localDate('closed_to').notNull(),
    closedBy: int('closed_by').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.versionId, table.closedBy] }), index('tariff_version_closings_by_closer').on(table.closedBy)],
)

export const rateTables = mysqlTable(
  'rate_tables',
  {
    id: id(),
    versionId: int('version_id').notNull(),
    service: asciiKey('service', 40).notNull(),
    zone: asciiKey('zone', 40).notNull(),
    /** Where the table stood when the draft was written: it is answered in that order. */
    position: int('position').notNull(),
    type: asciiKey('type', 20).notNull(),
    units: asciiKey('units', 30).notNull(),
    breakMode: asciiKey('break_mode', 20),
    overflow: asciiKey('overflow', 20),
    deficit: flag('deficit').notNull(),
    allowZero: flag('allow_zero').notNull(),
    per: decimal('per'),
    rate: decimal('rate'),
    percent: decimal('percent'),
    size: decimal('size'),
    free: decimal('free'),
    priceMinor: minorUnits('price_minor'),
    minChargeMinor: minorUnits('min_charge_minor'),
    maxChargeMinor: minorUnits('max_charge_minor'),
    transitDays: smallint('transit_days'),
  },
  (table) => [unique('rate_tables_address').on(table.versionId, table.service, table.zone)],
)

export const rateRows = mysqlTable(
  'rate_rows',
  {
    id: id(),
    rateTableId: int('rate_table_id').notNull(),
    from: decimal('from_units').notNull(),
    to: decimal('to_units'),
    priceMinor: minorUnits('price_minor'),
    rate: decimal('rate'),
    flatMinor: minorUnits('flat_minor'),
    allowZero: flag('allow_zero').notNull(),
  },
  (table) => [unique('rate_rows_from').on(table.rateTableId, table.from)],
)

const ruleContent = {
  code: asciiKey('code', 40).notNull(),
  kind: asciiKey('kind', 20).$type<'override' | 'discount' | 'surcharge' | 'minimum' | 'maximum' | 'block'>().notNull(),
  name: varchar('name', { length: 200 }),
  tariffVersionId: int('tariff_version_id'),
  customerId: int('customer_id'),
  conditions: json<Condition>('conditions'),
  action: json<RuleAction>('action').notNull(),
  sequence: int('sequence'),
  priority: int('priority').notNull(),
  effectiveFrom: localDate('effective_from').notNull(),
  effectiveTo: localDate('effective_to'),
  enabled: flag('enabled').notNull(),
  number: int('number').notNull(),
}

export const pricingRules = mysqlTable(
  'pricing_rules',
  { id: id(), ...ruleContent, version: version(), createdAt: createdAt(), updatedAt: updatedAt() },
  (table) => [
    index('pricing_rules_by_version').on(table.tariffVersionId, table.id),
    index('pricing_rules_by_customer').on(table.customerId, table.id),
    index('pricing_rules_by_created').on(table.createdAt, table.id),
  ],
)

/** Every content a rule ever had; a quote names the number that priced it. */
export const pricingRuleRevisions = mysqlTable(
  'pricing_rule_revisions',
  { ruleId: int('rule_id').notNull(), ...ruleContent, recordedAt: instant('recorded_at').notNull() },
  (table) => [primaryKey({ columns: [table.ruleId, table.number] })],
)

export const quotes = mysqlTable(
  'quotes',
  {
    id: id(),
    status: asciiKey('status', 20).$type<'open' | 'accepted' | 'cancelled' | 'superseded'>().notNull(),
    customerId: ref('customer_id'),
    pricedAt: instant('priced_at').notNull(),
    rateDate: localDate('rate_date').notNull(),
    expiresAt: instant('expires_at').notNull(),
    engineVersion: asciiKey('engine_version', 10).notNull(),
    request: json<QuoteRequest>('request').notNull(),
    requestHash: char('request_hash', { length: 64 }).notNull(),
    inputsHash: char('inputs_hash', { length: 64 }).notNull(),
    customer: json<QuoteCustomer>('customer').notNull(),
    /** The version of the customer that was priced: what happened to the customer later ends the quote, what came before does not. */
    customerVersion: int('customer_version').notNull(),
    ineligible: json<IneligibleService[]>('ineligible').notNull(),
    warnings: json<PricingWarning[]>('warnings').notNull(),
    /** Why each considered service has its price or none. */
    explanations: json<ServiceExplanation[]>('explanations').notNull(),
    ref: binaryText('ref', 100),
    supersedes: int('supersedes'),
    createdBy: int('created_by'),
    version: version(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('quotes_by_customer').on(table.customerId, table.id),
    index('quotes_by_customer_created').on(table.customerId, table.createdAt, table.id),
    index('quotes_by_customer_status').on(table.customerId, table.status, table.id),
    index('quotes_by_created').on(table.createdAt, table.id),
    index('quotes_by_ref').on(table.ref, table.id),
  ],
)

export const quoteRates = mysqlTable(
  'quote_rates',
  {
    quoteId: int('quote_id').notNull(),
    rateId: smallint('rate_id').notNull(),
    carrierId: ref('carrier_id'),
    serviceCode: asciiKey('service_code', 40).notNull(),
    tariffVersionId: int('tariff_version_id').notNull(),
    totalMinor: minorUnits('total_minor').notNull(),
    currency: currency('currency').notNull(),
    rate: json<PricedRate>('rate').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.quoteId, table.rateId] }),
    index('quote_rates_by_carrier').on(table.carrierId, table.quoteId),
    index('quote_rates_by_version').on(table.tariffVersionId, table.quoteId),
  ],
)
