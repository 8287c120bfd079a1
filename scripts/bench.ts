/**
 * Server CPU per request, as ratios to bare Fastify in the same run: `npm run bench [-- --json] [-- --rounds N]`.
 *
 * Absolute times of a shared machine mean little. Every target is measured in turn, round after round, by the CPU time its own
 * process used while a fixed number of requests was answered; the best round of each counts. Linux only: the figures are read
 * from /proc.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { createApi, login } from './api.ts'
import { startBenchSystem } from './bench/system.ts'
import { demoEmails, demoShipment } from './seed.ts'
import { freePort } from './servers/ports.ts'

interface Target {
  name: string
  pid: number
  url: string
  requests: number
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } } })
const rounds = Number(options.rounds)
const say = (text: string): void => {
  if (!options.json) process.stderr.write(text)
}

const children: ChildProcess[] = []
const system = await startBenchSystem(say)
try {
  const targets = await makeTargets()
  const best = new Map<string, number>()
  for (let round = 0; round <= rounds; round += 1) {
    say(`\rround ${round}/${rounds} `)
    for (const target of targets) {
      const used = await cpuPerRequest(target)
      // The first round warms up.
      if (round > 0) best.set(target.name, Math.min(best.get(target.name) ?? Number.POSITIVE_INFINITY, used))
    }
  }
  say('\n')
  report(targets.map(({ name }) => ({ name, micros: best.get(name) ?? 0 })))
} finally {
  for (const child of children) child.kill('SIGTERM')
  await system.stop()
}

async function makeTargets(): Promise<Target[]> {
  const hello = await bare('hello')
  const mysql = await bare('mysql', JSON.stringify(system.customerDatabase))
  const api = createApi(system.url)
  const owner = await login(api, demoEmails.customer, system.demoPassword)
  const { body: own } = await owner.call<{ data: { id: number }[] }>('GET', '/v1/customers')
  const id = own.data[0]?.id
  const asStaff = { authorization: `Bearer ${await tokenOf(system.admin.email, system.admin.password)}` }
  const asCustomer = { authorization: `Bearer ${await tokenOf(demoEmails.customer, system.demoPassword)}` }
  return [
    { name: 'bare Fastify, hello', ...hello, url: `${hello.url}/hello`, requests: 4_000 },
    { name: 'bare Fastify + mysql2 execute, customer by id', ...mysql, url: `${mysql.url}/customers/${id}`, requests: 3_000 },
    { name: 'API: health/live', pid: system.pid, url: `${system.url}/health/live`, requests: 4_000 },
    // The owner's read goes to the database with the owner in its WHERE; the staff's read may come from the cache.
    {
      name: 'API: customer by id, uncached',
      pid: system.pid,
      url: `${system.url}/v1/customers/${id}`,
      headers: asCustomer,
      requests: 3_000,
    },
    { name: 'API: customer by id, cached', pid: system.pid, url: `${system.url}/v1/customers/${id}`, headers: asStaff, requests: 4_000 },
    {
      name: 'API: prices without storing (POST /v1/rates)',
      pid: system.pid,
      url: `${system.url}/v1/rates`,
      method: 'POST',
      headers: { ...asStaff, 'content-type': 'application/json' },
      body: JSON.stringify({ ...demoShipment(), customerId: id }),
      requests: 1_500,
    },
    {
      name: 'API: quote (POST /v1/quotes)',
      pid: system.pid,
      url: `${system.url}/v1/quotes`,
      method: 'POST',
      headers: { ...asStaff, 'content-type': 'application/json' },
      body: JSON.stringify({ ...demoShipment(), customerId: id }),
      requests: 1_000,
    },
  ]
}

async function tokenOf(email: string, password: string): Promise<string> {
  const { body } = await createApi(system.url).call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })
  return body.accessToken
}

async function bare(kind: string, ...more: string[]): Promise<{ pid: number; url: string }> {
  const port = await freePort()
  const child = fork(new URL('./bench/bare.ts', import.meta.url), [kind, String(port), ...more])
  children.push(child)
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`bare ${kind} ended with ${code}`)))
  })
  if (child.pid === undefined) throw new Error(`bare ${kind} has no pid`)
  return { pid: child.pid, url: `http://127.0.0.1:${port}` }
}

/** Microseconds of CPU of the server per answered request. */
async function cpuPerRequest(target: Target): Promise<number> {
  const before = cpuTicks(target.pid)
  const result = await autocannon({
    url: target.url,
    method: target.method ?? 'GET',
    headers: target.headers ?? {},
    ...(target.body === undefined ? {} : { body: target.body }),
    connections: 8,
    amount: target.requests,
  })
  const used = cpuTicks(target.pid) - before
  if (result.non2xx > 0) throw new Error(`${target.name}: ${result.non2xx} of ${target.requests} answers were no success`)
  return (used * 10_000) / target.requests
}

/** User and system time of a process in ticks of 10 ms. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

function report(results: { name: string; micros: number }[]): void {
  const hello = results[0]?.micros ?? 1
  const mysql = results[1]?.micros ?? 1
  const rows = results.map(({ name, micros }) => ({
    name,
    microseconds: Math.round(micros * 10) / 10,
    toHello: ratio(micros, hello),
    toMysql: ratio(micros, mysql),
  }))
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ rounds, results: rows })}\n`)
    return
  }
  process.stdout.write(`${'server CPU per request'.padEnd(48)}${'µs'.padStart(8)}${'× hello'.padStart(10)}${'× mysql2'.padStart(10)}\n`)
  for (const row of rows) {
    process.stdout.write(
      `${row.name.padEnd(48)}${row.microseconds.toFixed(1).padStart(8)}${row.toHello.toFixed(2).padStart(10)}${row.toMysql.toFixed(2).padStart(10)}\n`,
    )
  }
}

function ratio(value: number, base: number): number {
  return Math.round((value / base) * 100) / 100
}
