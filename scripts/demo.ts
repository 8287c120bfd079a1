/**
 * The main job once more against the running API, step by step: a new user registers, the event gives the customer profile,
 * staff activates it, and a quote answers with exact, explained prices.
 *
 *     npm run demo [-- --json]
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createApi, login } from './api.ts'
import { type ExplanationView, type QuoteView, quoteText } from './quote-text.ts'
import { activateCustomer, type DemoLogin, demoShipment, profileOf, register } from './seed.ts'
import { describeFailure, Failure } from './servers/failure.ts'

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const dataDir = resolve(import.meta.dirname, '..', process.env.BULKHEAD_DATA_DIR || '.bulkhead')

try {
  await demonstrate()
} catch (error) {
  process.stderr.write(`${error instanceof Failure ? describeFailure(error) : error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function demonstrate(): Promise<void> {
  const api = createApi(addressOfRunningApi())
  const ops = loginOf('ops')
  const person = { email: `demo-${Date.now()}@demo.example`, password: loginOf('customer').password, firstName: 'Dana', lastName: 'Demo' }

  say(`1. ${person.email} registers`)
  const userId = await register(api, { ...person, company: { name: 'Demo Goods', country: 'US' } })
  say(`   user ${userId}`)

  say('2. the event user.created gives the user a customer profile')
  const asOps = await login(api, ops.email, ops.password)
  const customer = await profileOf(asOps, userId)
  say(`   customer ${customer.id}, ${customer.status}`)

  say('3. staff activates the customer')
  await activateCustomer(asOps, customer.id)

  say('4. the customer asks for a quote')
  const asCustomer = await login(api, person.email, person.password)
  const quote = await asCustomer.call<QuoteView & { id: number }>('POST', '/v1/quotes', {
    body: demoShipment(),
    idempotencyKey: `demo-${userId}`,
  })
  const explanation = await asCustomer.call<ExplanationView>('GET', `/v1/quotes/${quote.body.id}/explanation`)
  say(`   quote ${quote.body.id}, valid until ${quote.body.expiresAt}\n`)
  say(
    quoteText(quote.body, explanation.body)
      .split('\n')
      .map((line) => `   ${line}`)
      .join('\n'),
  )
  if (options.json)
    process.stdout.write(`${JSON.stringify({ userId, customerId: customer.id, quote: quote.body, explanation: explanation.body })}\n`)
}

function say(line: string): void {
  if (!options.json) process.stdout.write(`${line}\n`)
}

function addressOfRunningApi(): string {
  const file = join(dataDir, 'address')
  if (existsSync(file)) return readFileSync(file, 'utf8')
  throw new Failure({
    what: 'No running API was found.',
    why: `${file} is written by npm start while it runs, and it is not there.`,
    mend: 'run npm start in another terminal (with the same BULKHEAD_DATA_DIR), then npm run demo again',
  })
}

function loginOf(role: string): DemoLogin {
  const file = join(dataDir, 'demo.json')
  const logins: DemoLogin[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
  const found = logins.find((entry) => entry.role === role)
  if (found) return found
  throw new Failure({
    what: `There is no demo log-in for ${role}.`,
    why: `${file} holds the log-ins of the demo data, which the first npm start with DEMO_DATA=on makes.`,
    mend: 'DEMO_DATA=on npm start, then npm run demo again',
  })
}
