import fastify from 'fastify'

/**
 * The page that shows the API document. Its script comes from the installed package and is read when somebody first opens the
 * page, because it is five megabytes that no request needs. All it would fetch from elsewhere (fonts, telemetry, proxy, agent)
 * is switched off, and the content policy would refuse it.
 */

export const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-cache',
} as const

const configuration = {
  url: '/openapi.json',
  proxyUrl: '',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  persistAuth: false,
  theme: 'default',
}

const attribute = (value: object): string => JSON.stringify(value).replaceAll('&', '&amp;').replaceAll('"', '&quot;')

export const referencePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bulkhead API reference</title>
<link rel="icon" href="data:,">
</head>
<body>
<script id="api-reference" type="application/json" data-configuration="${attribute(configuration)}" data-url="/openapi.json"></script>
<script src="/docs/reference.js"></script>
</body>
</html>
`

let script: Promise<string> | undefined

/** The viewer's script, as its package serves it. */
export function referenceScript(): Promise<string> {
  script ??= readScript().catch((error: unknown) => {
    script = undefined
    throw error
  })
  return script
}

async function readScript(): Promise<string> {
  const { default: plugin } = await import('@scalar/fastify-api-reference')
  // The package hands its script out through a route only.
  const inner = fastify()
  await inner.register(plugin, { routePrefix: '/docs', configuration: { url: '/openapi.json' } })
  const answer = await inner.inject('/docs/js/scalar.js')
  await inner.close()
  if (answer.statusCode !== 200) throw new Error(`the API reference has no script: ${answer.statusCode}`)
  return answer.body
}
