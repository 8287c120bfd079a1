import type { BaseCharge } from './base-charge.ts'
import { exactText, printDecimal } from './decimal.ts'
import { formatMinor } from './money.ts'
import type { Price, PriceLine } from './price-lines.ts'
import type { RefusalDetails } from './refusal.ts'
import type { Selection } from './select.ts'
import type { Shipment } from './shipment.ts'
import type { TariffCandidate } from './tariff-candidates.ts'
import type {
  DiscountStacking,
  ExplainedCandidate,
  ExplanationStep,
  PricingCarrier,
  PricingService,
  StepName,
  TariffVersion,
} from './types.ts'
import type { PriceTexts } from './winning-rules.ts'

/**
 * The account of one service, a step for each row of the order of evaluation. Inputs are exact, as decimals or as `n/d`, so that the total can be computed
 * again from the steps alone.
 */
export function requestStep({ request, origin, destination, pieceCount }: Shipment): ExplanationStep {
  return step('0', {
    inputs: { request },
    decision: 'accepted',
    output: { origin, destination, pieceCount },
    text: `The request has ${pieceCount} ${pieceCount === 1 ? 'piece' : 'pieces'} from ${origin.country} to ${destination.country}.`,
  })
}

export function gateStep(carrier: PricingCarrier, service: PricingService, blocks: ExplainedCandidate[]): ExplanationStep {
  return step('1', {
    inputs: { carrierStatus: carrier.status, serviceStatus: service.status, limits: service.limits ?? null, features: service.features },
    decision: 'open',
    candidates: blocks,
    text: `${carrier.code} ${service.code} is offered for this shipment.`,
  })
}

export function refusalStep(name: StepName, code: string, details: RefusalDetails, candidates: ExplainedCandidate[] = []): ExplanationStep {
  const { limit, value, unit, rule, path } = details
  const known = Object.fromEntries(Object.entries({ limit, value, unit, rule, path }).filter(([, detail]) => detail !== undefined))
  return step(name, { decision: code, candidates, output: known, text: `The service has no price: ${code}.` })
}

export function tariffCandidates({ winner, losers }: Selection<TariffCandidate, BaseCharge>): ExplainedCandidate[] {
  const explained = losers.map(({ candidate, reason }): ExplainedCandidate => ({ ...addressOf(candidate), outcome: 'lost', reason }))
  if (winner) explained.push({ ...addressOf(winner), outcome: 'won', reason: null })
  return explained.sort((a, b) => a.id - b.id)
}

const addressOf = ({ id, tariff, version }: TariffCandidate) => ({ id, slot: 'tariff', code: tariff.code, versionId: version?.id ?? null })

export function tariffStep(
  candidates: ExplainedCandidate[],
  { tariff, rateDate }: TariffCandidate,
  version: TariffVersion,
  isFallback: boolean,
): ExplanationStep {
  return step('2', {
    inputs: { rateDate, rateDateBasis: tariff.rateDateBasis, timezone: tariff.timezone },
    decision: isFallback ? 'fallback' : 'best',
    candidates,
    output: { tariffId: tariff.id, versionId: version.id, number: version.number, scope: tariff.scope },
    text: `Version ${version.number} of tariff ${tariff.code} prices the service on ${rateDate}${isFallback ? ', because a better placed tariff has no rate' : ''}.`,
  })
}

export function baseStep(
  { currency, zone, weight, table, units, charge }: BaseCharge,
  { weightPolicy, rounding }: TariffVersion,
): ExplanationStep {
  const amount = formatMinor(charge.amount, currency)
  return step('3-6', {
    inputs: { zone, weightPolicy, table, units: exactText(units), currency: currency.code, rounding: rounding ?? null },
    decision: charge.adjusted ? charge.adjusted.by : 'charge',
    output: {
      chargeableWeight: exactText(weight.value),
      pieces: weight.pieces.map((piece) => ({
        count: piece.count,
        roundedDims: piece.size ? piece.size.sides.map(exactText) : null,
        dimWeight: exactText(piece.dimWeight),
        actualWeight: exactText(piece.actualWeight),
        billable: exactText(piece.billable),
      })),
      raw: exactText(charge.raw),
      ...(charge.adjusted && { beforeBound: formatMinor(charge.adjusted.from, currency) }),
      ...(charge.appliedBreakFrom && { appliedBreakFrom: printDecimal(charge.appliedBreakFrom) }),
      ...(charge.billedUnits && { billedUnits: printDecimal(charge.billedUnits), deficitApplied: charge.deficitApplied }),
      ...(charge.overflow && { overflow: charge.overflow }),
      amount,
    },
    text: `${printDecimal(units)} units by table ${table.service}/${zone} cost ${amount} ${currency.code}${charge.adjusted ? `, the ${charge.adjusted.by} of the table` : ''}.`,
  })
}

export interface PriceSteps {
  texts: PriceTexts
  price: Price
  base: BaseCharge
  stacking: DiscountStacking
  declaredValue: bigint | null
  candidates: ExplainedCandidate[]
}

/** Steps 7 to 11. */
export function priceSteps({ texts, price, base, stacking, declaredValue, candidates }: PriceSteps): ExplanationStep[] {
  const { currency } = base
  const amount = (minor: bigint) => `${formatMinor(minor, currency)} ${currency.code}`
  const inSlots = (...kinds: string[]) =>
    candidates.filter(({ slot }) => kinds.some((kind) => slot === kind || slot.startsWith(`${kind}:`)))
  const linesOf = (test: (line: PriceLine) => boolean) =>
    price.lines
      .filter(test)
      .map((line) => ({ code: line.code, ...(line.of && { of: line.of }), amount: formatMinor(line.amount, currency) }))
  const { override, discounts, surcharges, minNet, minTotal, maxTotal } = texts
  const onBase = linesOf(({ type, of }) => type === 'discount' && of === undefined)
  const onSurcharges = linesOf(({ type, of }) => type === 'surcharge' || of !== undefined)
  const minimumNet = linesOf(({ code }) => code === 'MIN_NET')
  const bounds = linesOf(({ code }) => code === 'MIN_TOTAL' || code === 'MAX_TOTAL')
  return [
    step('7', {
      inputs: { override },
      decision: override ? override.code : 'none',
      candidates: inSlots('override'),
      output: { gross: formatMinor(price.gross, currency) },
      text: override
        ? `${override.code} replaces the base charge with ${amount(price.gross)}.`
        : `No override: the base charge stays ${amount(price.gross)}.`,
    }),
    step('8', {
      inputs: { stacking, discounts },
      decision: onBase.length > 0 ? 'discounted' : 'none',
      candidates: inSlots('discount'),
      output: { lines: onBase },
      text: `${plural(onBase.length, 'discount')} on the base charge.`,
    }),
    step('9', {
      inputs: { minNet },
      decision: minimumNet.length > 0 ? 'raised' : 'none',
      candidates: inSlots('minimum:net'),
      output: { net: formatMinor(price.net, currency), lines: minimumNet },
      text:
        minimumNet.length > 0
          ? `The net charge is raised to its minimum, ${amount(price.net)}.`
          : `The net charge is ${amount(price.net)}.`,
    }),
    step('10', {
      inputs: {
        surcharges: surcharges.map(({ units, ...surcharge }) => ({
          ...surcharge,
          units: units == null || typeof units === 'string' ? units : exactText(units),
        })),
        declaredValue: declaredValue === null ? null : formatMinor(declaredValue, currency),
      },
      decision: onSurcharges.length > 0 ? 'surcharged' : 'none',
      candidates: inSlots('surcharge'),
      output: { lines: onSurcharges, skipped: price.skipped },
      text: `${plural(price.lines.filter(({ type }) => type === 'surcharge').length, 'surcharge')} on the net charge.`,
    }),
    step('11', {
      inputs: { minTotal, maxTotal },
      decision: bounds.length > 0 ? 'bounded' : 'none',
      candidates: inSlots('minimum:total', 'maximum:total'),
      output: { lines: bounds, total: formatMinor(price.total, currency) },
      text: `The total is ${amount(price.total)}.`,
    }),
  ]
}

export function conversionStep(currency: string): ExplanationStep {
  return step('12', { inputs: { from: currency, to: currency }, decision: 'none', text: `The price stays in ${currency}.` })
}

export function rankStep(rateId: number, of: number): ExplanationStep {
  return step('13', { inputs: { rates: of }, decision: 'ranked', output: { rateId }, text: `Rate ${rateId} of ${of}.` })
}

const plural = (count: number, noun: string): string => (count === 0 ? `No ${noun}` : `${count} ${noun}${count === 1 ? '' : 's'}`)

function step(
  name: StepName,
  { inputs = {}, decision, candidates = [], output = {}, text }: Partial<ExplanationStep> & Pick<ExplanationStep, 'decision' | 'text'>,
): ExplanationStep {
  return { step: name, inputs, decision, candidates, output, text }
}
