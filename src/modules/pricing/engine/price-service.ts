import { type BaseCharge, baseCharge } from './base-charge.ts'
import { startOfLocalDay } from './dates.ts'
import { printDecimal } from './decimal.ts'
import { rateDate } from './effective.ts'
import { baseStep, conversionStep, gateStep, priceSteps, refusalStep, requestStep, tariffCandidates, tariffStep } from './explanation.ts'
import { factsOfBase, factsOfRequest } from './facts.ts'
import { passGates } from './gates.ts'
import { type Minor, money, moneyRounder, parseMoney } from './money.ts'
import { type Price, type PriceLine, priceLines } from './price-lines.ts'
import { readDiscount, readSurcharge } from './price-rules.ts'
import { EngineRefusal, isRefusal } from './refusal.ts'
import { applicableBlocks, decideSlots, isOfKind, type RuleOf } from './rule-slots.ts'
import { type Asking, type Selection, select } from './select.ts'
import type { Shipment } from './shipment.ts'
import { type TariffCandidate, tariffCandidate } from './tariff-candidates.ts'
import type {
  DateText,
  ExplainedCandidate,
  ExplanationStep,
  IneligibleService,
  PricedRate,
  PricingCarrier,
  PricingCustomer,
  PricingService,
  PricingWarning,
  RateLine,
  Rule,
  StepName,
  Tariff,
  TariffVersion,
} from './types.ts'
import { type PriceTexts, priceTexts } from './winning-rules.ts'

export interface ServiceInput {
  shipment: Shipment
  customer: PricingCustomer
  carrier: PricingCarrier
  service: PricingService
  /** Tariffs that cover the service, whoever they are for. */
  tariffs: readonly Tariff[]
  rules: readonly Rule[]
}

/** A rate before it has its place among the others. */
export interface ServiceRate {
  rate: Omit<PricedRate, 'rateId'>
  total: Minor
  rateDate: DateText
  expiresAt: number
  warnings: PricingWarning[]
}

export type ServiceOutcome = { steps: ExplanationStep[] } & ({ priced: ServiceRate } | { ineligible: IneligibleService })

const DAY_MS = 86_400_000

/** Steps 0 to 12 for one service. Whatever the engine refuses here makes the service ineligible, and only it. */
export function priceService(input: ServiceInput): ServiceOutcome {
  const { carrier, service } = input
  const progress: Progress = { steps: [requestStep(input.shipment)], at: '1', candidates: [] }
  try {
    return { priced: walk(input, progress), steps: progress.steps }
  } catch (error) {
    if (!isRefusal(error)) throw error
    const { code, limit, value, unit, rule, path } = error
    const numbers = {
      ...(limit !== undefined && { limit }),
      ...(value !== undefined && { value }),
      ...(unit !== undefined && { unit }),
      ...(rule && { rule }),
    }
    progress.steps.push(refusalStep(progress.at, code, { ...numbers, ...(path !== undefined && { path }) }, progress.candidates))
    return { ineligible: { carrierCode: carrier.code, serviceCode: service.code, code, ...numbers }, steps: progress.steps }
  }
}

/** How far the account of a service has come, so that a refusal can say where it happened. */
interface Progress {
  steps: ExplanationStep[]
  at: StepName
  candidates: ExplainedCandidate[]
}

function walk(input: ServiceInput, progress: Progress): ServiceRate {
  const { shipment, carrier, service } = input
  passGates(carrier, service, shipment)
  const candidates = input.tariffs.map((tariff) => tariffCandidate(tariff, shipment))
  const early = earlyAsking(input, candidates)
  const free = input.rules.filter(({ enabled, tariffVersionId }) => enabled && tariffVersionId === null)
  const blocks = refuseBlocked(free.filter(isOfKind('block')), early, progress)
  progress.steps.push(gateStep(carrier, service, blocks))

  progress.at = '2'
  const selection = select(candidates, { ...early, date: null }, ({ tariff, version }) =>
    baseCharge(tariff, requireVersion(version), service.code, shipment),
  )
  progress.candidates = tariffCandidates(selection)
  const { candidate, version, base } = requireTariff(selection)
  progress.steps.push(tariffStep(progress.candidates, candidate, version, selection.isFallback), baseStep(base, version))

  progress.at = '1'
  const asking: Asking = {
    ...early,
    date: candidate.rateDate,
    facts: { ...factsOfRequest(shipment, input.customer, carrier, service, candidate.shipDate), ...factsOfBase(base, shipment) },
  }
  const meeting = input.rules.filter(
    ({ enabled, tariffVersionId }) => enabled && (tariffVersionId === null || tariffVersionId === version.id),
  )
  refuseBlocked(meeting.filter(isOfKind('block')), asking, progress)

  progress.at = '7'
  progress.candidates = []
  const slots = decideSlots(
    meeting.filter((rule) => rule.kind !== 'block'),
    asking,
  )
  progress.candidates = slots.candidates
  const texts = priceTexts(slots.winners, version, base, shipment)
  const price = priceOf(texts, version, base, shipment)
  const stacking = version.discountStacking ?? 'best_of'
  progress.steps.push(
    ...priceSteps({ texts, price, base, stacking, declaredValue: shipment.declaredValue?.minor ?? null, candidates: slots.candidates }),
  )

  progress.at = '12'
  progress.candidates = []
  requireCurrencyOfTariff(input, base)
  progress.steps.push(conversionStep(base.currency.code))

  const ambiguous = [...(selection.isAmbiguous ? ['tariff'] : []), ...slots.ambiguous]
  const where = `${carrier.code}/${service.code}`
  return {
    rate: rateOf(input, { candidate, version, base, price, texts, isFallback: selection.isFallback }),
    total: price.total,
    rateDate: candidate.rateDate,
    expiresAt: expiry(candidate.tariff, version, shipment.pricedAt),
    warnings: [
      ...base.weight.withoutDimensions.map((index) => ({ code: 'DIMS_MISSING', path: `/pieces/${index}` })),
      ...texts.warnings,
      ...ambiguous.map((slot) => ({ code: 'AMBIGUOUS_RULES', service: where, slot })),
    ],
  }
}

/** What can be asked before a tariff is chosen: on the dates of the first one that covers the service, else in UTC. */
function earlyAsking({ shipment, customer, carrier, service }: ServiceInput, candidates: readonly TariffCandidate[]): Asking {
  const { pricedAtText, request } = shipment
  const [first] = [...candidates].sort((a, b) => a.id - b.id)
  const date = first
    ? first.rateDate
    : rateDate({
        basis: 'ship_date',
        timezone: 'UTC',
        shipDate: request.shipDate ?? null,
        shipAt: request.shipAt ?? null,
        pricedAt: pricedAtText,
      })
  return {
    customerId: customer.id,
    groups: customer.groups ?? null,
    isCustomerActive: customer.status === 'active' || customer.status === 'pending',
    date,
    facts: factsOfRequest(shipment, customer, carrier, service, first?.shipDate ?? date),
  }
}

function refuseBlocked(blocks: readonly RuleOf<'block'>[], asking: Asking, progress: Progress): ExplainedCandidate[] {
  const { applied, candidates } = applicableBlocks(blocks, asking)
  const [rule] = applied
  if (!rule) return candidates
  progress.candidates = candidates
  throw new EngineRefusal('BLOCKED_BY_RULE', { value: rule.code, rule: { id: rule.id, number: rule.number } })
}

function requireVersion(version: TariffVersion | null): TariffVersion {
  if (!version) throw new EngineRefusal('NO_EFFECTIVE_TARIFF')
  return version
}

function requireTariff({ winner, value, losers, firstRefusal }: Selection<TariffCandidate, BaseCharge>) {
  if (winner && value) return { candidate: winner, version: requireVersion(winner.version), base: value }
  if (firstRefusal) throw firstRefusal
  throw new EngineRefusal(losers.some(({ reason }) => reason === 'NOT_EFFECTIVE') ? 'NO_EFFECTIVE_TARIFF' : 'NO_TARIFF')
}

function priceOf(texts: PriceTexts, version: TariffVersion, { currency, charge }: BaseCharge, shipment: Shipment): Price {
  const amount = (text: string | null, path: string): Minor | null => (text === null ? null : parseMoney(text, currency, { path }))
  const { override } = texts
  return priceLines({
    currency,
    round: moneyRounder(currency, version.rounding, '/rounding'),
    base: charge.amount,
    override: override ? { code: override.code, amount: parseMoney(override.amount, currency, { path: '/override/amount' }) } : null,
    stacking: version.discountStacking ?? 'best_of',
    discounts: texts.discounts.map((discount) => readDiscount(discount, currency, `/discounts/${discount.code}`)),
    surcharges: texts.surcharges.map((surcharge) => readSurcharge(surcharge, currency, `/surcharges/${surcharge.code}`)),
    minNet: amount(texts.minNet, '/minNet'),
    minTotal: amount(texts.minTotal, '/minTotal'),
    maxTotal: amount(texts.maxTotal, '/maxTotal'),
    declaredValue: shipment.declaredValue?.minor ?? null,
  })
}

/** No rate of exchange is known to the engine yet: a request for another currency cannot be answered in it. */
function requireCurrencyOfTariff({ shipment }: ServiceInput, { currency }: BaseCharge) {
  const asked = shipment.request.currency
  if (asked != null && asked !== currency.code) throw new EngineRefusal('FX_RATE_MISSING', { limit: currency.code, value: asked })
}

interface Decided {
  candidate: TariffCandidate
  version: TariffVersion
  base: BaseCharge
  price: Price
  texts: PriceTexts
  isFallback: boolean
}

function rateOf(
  { carrier, service }: ServiceInput,
  { candidate, version, base, price, texts, isFallback }: Decided,
): Omit<PricedRate, 'rateId'> {
  const { currency, table, zone, weight } = base
  const { tariff } = candidate
  return {
    carrier: { id: carrier.id, code: carrier.code, scac: carrier.scac },
    serviceCode: service.code,
    transitDays: table.transitDays ?? service.transit?.maxDays ?? null,
    zone,
    chargeableWeight: {
      value: printDecimal(weight.value),
      unit: version.weightPolicy.aggregation === 'revenue_ton' ? 'revenue_ton' : version.weightPolicy.weightUnit,
    },
    tariff: { id: tariff.id, versionId: version.id, number: version.number, scope: tariff.scope, contentHash: version.contentHash },
    fallback: isFallback,
    total: money(price.total, currency),
    lines: price.lines.map((line, index) => rateLine(line, index + 1, base, texts)),
  }
}

function rateLine(line: PriceLine, seq: number, base: BaseCharge, { override, rules }: PriceTexts): RateLine {
  const { type, code, amount, of } = line
  const rule = rules.get(`${type}:${code}`)
  const isTableCharge = type === 'base' && !override
  return {
    seq,
    type,
    code,
    amount: money(amount, base.currency),
    rule: rule ? { id: rule.id, number: rule.number } : null,
    ...(of !== undefined && { of }),
    calc: isTableCharge ? chargeCalc(base) : line.calc,
    raw: printDecimal(isTableCharge ? base.charge.raw : line.raw),
  }
}

function chargeCalc({ table, zone, units, charge, currency }: BaseCharge): Record<string, string> {
  const { adjusted, appliedBreakFrom, billedUnits, deficitApplied, overflow } = charge
  return {
    table: `${table.service}/${zone}`,
    units: printDecimal(units),
    ...(appliedBreakFrom && { break: printDecimal(appliedBreakFrom) }),
    ...(deficitApplied && billedUnits && { ratedAs: printDecimal(billedUnits) }),
    ...(overflow && { overflow }),
    ...(adjusted && { [adjusted.by]: money(charge.amount, currency).amount }),
  }
}

function expiry({ quoteValidityDays, capAtTariffEnd, timezone }: Tariff, { effectiveTo }: TariffVersion, pricedAt: number): number {
  const validUntil = pricedAt + quoteValidityDays * DAY_MS
  return capAtTariffEnd && effectiveTo !== null ? Math.min(validUntil, startOfLocalDay(effectiveTo, timezone)) : validUntil
}
