// A smoke test of a running installation: is it ready, does it refuse strangers, does the first administrator get in?
//
//     node deploy/smoke.mjs http://127.0.0.1:3000 deploy/.env
import { readFileSync } from 'node:fs'

const [baseUrl, envFile] = process.argv.slice(2)
if (!baseUrl || !envFile) {
  process.stderr.write('usage: node deploy/smoke.mjs <address of the API> <environment file of the composition>\n')
  process.exit(2)
}

const settings = Object.fromEntries(
  readFileSync(envFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
)

async function expect(what, wanted, method, path, { body, token } = {}) {
  const response = await fetch(new URL(path, baseUrl), {
    method,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  const ok = response.status === wanted
  process.stdout.write(`${ok ? '✓' : '✗'} ${what}: ${method} ${path} answered ${response.status}\n`)
  if (!ok) {
    process.stderr.write(`expected ${wanted}, body: ${text.slice(0, 500)}\n`)
    process.exit(1)
  }
  return text.startsWith('{') ? JSON.parse(text) : undefined
}

await expect('ready', 200, 'GET', '/health/ready')
await expect('the description of the API', 200, 'GET', '/openapi.json')
await expect('the reference for people', 200, 'GET', '/docs')
await expect('strangers are refused', 401, 'GET', '/v1/customers')
const login = await expect('the first administrator', 200, 'POST', '/v1/auth/login', {
  body: { email: settings.BOOTSTRAP_ADMIN_EMAIL, password: settings.BOOTSTRAP_ADMIN_PASSWORD },
})
// One read from each database.
for (const path of ['/v1/users', '/v1/customers', '/v1/carriers', '/v1/tariffs']) {
  await expect('the administrator reads', 200, 'GET', path, { token: login.accessToken })
}
