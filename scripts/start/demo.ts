import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApi, login, type Page, patient } from '../api.ts'
import { type ExplanationView, type QuoteView, quoteText } from '../quote-text.ts'
import { type DemoLogin, demoShipment, seedDemo } from '../seed.ts'

interface Demo {
  baseUrl: string
  dataDir: string
  admin: { email: string; password: string }
  password: string
  say: (step: string) => void
}

/** Fills an empty system once; later starts read the log-ins it noted. */
export async function demoData({ baseUrl, dataDir, admin, password, say }: Demo): Promise<DemoLogin[]> {
  const file = join(dataDir, 'demo.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const logins = await seedDemo({ baseUrl, admin, password, progress: say })
  writeFileSync(file, JSON.stringify(logins, null, 2), { mode: 0o600 })
  return logins
}

export const hasDemoData = (dataDir: string): boolean => existsSync(join(dataDir, 'demo.json'))

/** Computes a quote through the real API, as the demo customer would. */
export async function demoQuote(baseUrl: string, logins: readonly DemoLogin[]): Promise<{ text: string; curl: string } | undefined> {
  const person = logins.find(({ role }) => role === 'customer')
  if (!person) return undefined
  const api = await login(patient(createApi(baseUrl)), person.email, person.password)
  const mine = await api.call<Page<{ id: number }>>('GET', '/v1/customers?limit=1')
  const customerId = mine.body.data[0]?.id
  if (customerId === undefined) return undefined
  const request = { customerId, ...demoShipment() }
  const quote = await api.call<QuoteView>('POST', '/v1/quotes', { body: request })
  const explanation =
    quote.body.id === undefined ? undefined : await api.call<ExplanationView>('GET', `/v1/quotes/${quote.body.id}/explanation`)
  return { text: quoteText(quote.body, explanation?.body), curl: quoteByHand(baseUrl, person, request) }
}

/** One line to paste: nothing but a shell and curl, so the token is cut out with sed. */
function quoteByHand(baseUrl: string, { email, password }: DemoLogin, request: unknown): string {
  const json = "-H 'content-type: application/json'"
  const token = `curl -s ${baseUrl}/v1/auth/login ${json} -d '${JSON.stringify({ email, password })}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/'`
  return `curl -s ${baseUrl}/v1/quotes ${json} -H "authorization: Bearer $(${token})" -d '${JSON.stringify(request)}'`
}
