import type { DemoLogin } from '../seed.ts'

interface BannerFacts {
  url: string
  internalUrl: string
  dataDir: string
  seconds: number
  logins: readonly DemoLogin[]
  /** The quote that was computed a moment ago, as text, and the line that computes it again. */
  quote?: { text: string; curl: string } | undefined
  databases: string
  redis: string
  /** Of a topology: which process hosts what, a line each. */
  processes?: readonly string[] | undefined
}

export function banner({ url, internalUrl, dataDir, seconds, logins, quote, databases, redis, processes }: BannerFacts): string {
  const wide = Math.max(...logins.map(({ role }) => role.length), 0) + 2
  const lines = [
    '',
    `Bulkhead is ready (${seconds.toFixed(1)} s).`,
    '',
    `  API        ${url}/v1`,
    `  reference  ${url}/docs`,
    `  OpenAPI    ${url}/openapi.json`,
    `  health     ${url}/health/ready`,
    `  metrics    ${internalUrl}/metrics`,
    `  databases  ${databases}`,
    `  redis      ${redis}`,
    `  data       ${dataDir}`,
  ]
  if (processes) lines.push('', 'Processes behind that address:', ...processes.map((line) => `  ${line}`))
  if (logins.length > 0) {
    lines.push('', 'Log-ins:', ...logins.map(({ role, email, password }) => `  ${role.padEnd(wide)}${email}  ${password}`))
  }
  if (quote) {
    lines.push('', 'A quote, computed a moment ago:', '', ...quote.text.split('\n').map((line) => `  ${line}`))
    lines.push('', 'The same by hand:', '', quote.curl)
  }
  return [...lines, '', 'Ctrl-C stops everything that was started.', ''].join('\n')
}
