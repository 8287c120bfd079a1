/** A quote as a person reads it on a terminal: each line, its rule, and what lost against it. */

export interface QuoteView {
  id?: number
  expiresAt: string
  rates: {
    rateId: number
    carrier: { code: string }
    serviceCode: string
    transitDays: number | null
    chargeableWeight: { value: string; unit: string }
    total: { amount: string; currency: string }
    lines: { type: string; code: string; amount: { amount: string }; raw: string; rule: { id: number; number: number } | null }[]
  }[]
  ineligible: { carrierCode: string; serviceCode: string; code: string; limit?: string; value?: string; unit?: string }[]
  warnings: { code: string }[]
}

export interface ExplanationView {
  services: {
    rateId: number | null
    steps: {
      step: string
      text: string
      candidates: { id: number; slot: string; code: string; outcome: string; reason: string | null }[]
    }[]
  }[]
}

export function quoteText(quote: QuoteView, explanation?: ExplanationView): string {
  const lines: string[] = []
  for (const rate of quote.rates) {
    const days = rate.transitDays === null ? '' : `, ${rate.transitDays} day${rate.transitDays === 1 ? '' : 's'}`
    const weight = `${rate.chargeableWeight.value} ${rate.chargeableWeight.unit}`
    lines.push(`${rate.carrier.code} ${rate.serviceCode}  ${rate.total.amount} ${rate.total.currency}  (${weight} chargeable${days})`)
    for (const line of rate.lines) {
      const rule = line.rule ? `rule ${line.rule.id}, number ${line.rule.number}` : 'tariff'
      lines.push(`  ${line.code.padEnd(14)}${line.amount.amount.padStart(10)}   ${rule}`)
    }
    const steps = explanation?.services.find((service) => service.rateId === rate.rateId)?.steps ?? []
    for (const candidate of steps.flatMap((step) => step.candidates).filter((entry) => entry.outcome === 'lost')) {
      lines.push(
        `  lost: ${candidate.code} (${candidate.slot.split(':')[0]} ${candidate.id}) because ${candidate.reason ?? 'it came second'}`,
      )
    }
  }
  for (const refused of quote.ineligible) {
    const numbers = refused.limit === undefined ? '' : ` (limit ${refused.limit}, value ${refused.value} ${refused.unit ?? ''})`
    lines.push(`${refused.carrierCode} ${refused.serviceCode}  no price: ${refused.code}${numbers}`)
  }
  for (const warning of quote.warnings) lines.push(`warning: ${warning.code}`)
  return lines.join('\n')
}
