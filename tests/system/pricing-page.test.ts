import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem } from '#support/system.ts'
import { login } from '../../scripts/api.ts'
import type { ExplanationView, QuoteView } from '../../scripts/quote-text.ts'
import { demoEmails, demoShipment, seedDemo } from '../../scripts/seed.ts'

/** The worked example of docs/pricing.md is what the demo data really cost. */

const page = readFileSync(new URL('../../docs/pricing.md', import.meta.url), 'utf8')
const password = 'nine quiet harbours'

let system: System
let quote: QuoteView
let explanation: ExplanationView

beforeAll(async () => {
  system = await startSystem()
  await seedDemo({ baseUrl: system.url, admin: system.admin, password })
  const customer = await login(system.api, demoEmails.customer, password)
  quote = (await customer.call<QuoteView>('POST', '/v1/quotes', { body: demoShipment() })).body
  explanation = (await customer.call<ExplanationView>('GET', `/v1/quotes/${quote.id}/explanation?rateId=1`)).body
})
afterAll(() => system.stop())

test('the page lists the lines of the demo quote, each with its amount and the rule that made it', () => {
  const [rate] = quote.rates
  const rows = (rate?.lines ?? []).map(({ code, amount, raw, rule }) => {
    const maker = rule ? `rule ${rule.id}, number ${rule.number}` : 'tariff'
    return `| \`${code}\` | ${amount.amount} | ${raw} | ${maker} |`
  })

  expect(page).toContain([...rows, `| total | ${rate?.total.amount} | | |`].join('\n'))
  expect(rate?.chargeableWeight).toEqual({ value: '4', unit: 'lb' })
})

test('the page names the rule that lost, and why', () => {
  const lost = explanation.services
    .flatMap(({ steps }) => steps.flatMap(({ candidates }) => candidates))
    .filter(({ outcome }) => outcome === 'lost')

  expect(lost).toMatchObject([{ code: 'TIER', reason: 'LOWER_SCOPE' }])
  expect(page).toContain('`TIER`')
  expect(page).toContain('`LOWER_SCOPE`')
})
