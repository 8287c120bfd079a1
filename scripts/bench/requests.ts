import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import mysql from 'mysql2/promise'
import { createApi, login } from '../api.ts'
import { demoEmails, demoShipment } from '../seed.ts'
import { freePort } from '../servers/ports.ts'
import { cpuSeconds, rounded } from './figures.ts'
import { type BenchSystem, startBenchSystem } from './system.ts'

/**
 * Server CPU per request, as ratios to bare Fastify in the same run. Absolute times of a shared machine mean little: every
 * target is measured in turn, round after round, by the CPU time its own process used while a fixed number of requests was
 * answered; the best round of each counts.
 */
export interface RequestFigures {
  readonly rounds: number
  readonly results: readonly RequestFigure[]
  readonly idle: Idle
}

export interface RequestFigure {
  readonly name: string
  readonly microseconds: number
  /** Times the CPU of bare Fastify, and of bare Fastify with one statement. */
  readonly toHello: number
  readonly toMysql: number
}

/** What the whole system costs while nobody asks for anything. */
export interface Idle {
  readonly statementsPerSecond: number
  readonly shareOfCore: number
}

interface Target {
  name: string
  pid: number
  url: string
  requests: number
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}

export async function measureRequests(rounds: number, say: (text: string) => void): Promise<RequestFigures> {
  const children: ChildProcess[] = []
  const system = await startBenchSystem(say)
  try {
    const idle = await measureIdle(system, say)
    const targets = await makeTargets(system, children)
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
    const micros = targets.map(({ name }) => best.get(name) ?? 0)
    const [hello = 1, mysql = 1] = micros
    return {
      rounds,
      idle,
      results: targets.map(({ name }, index) => {
        const own = micros[index] ?? 0
        return { name, microseconds: rounded(own, 1), toHello: rounded(own / hello, 2), toMysql: rounded(own / mysql, 2) }
      }),
    }
  } finally {
    for (const child of children) child.kill('SIGTERM')
    await system.stop()
  }
}

/** After the start has come to rest: what a look around costs that finds nothing. */
async function measureIdle({ pid, customerDatabase: { schema, ...account } }: BenchSystem, say: (text: string) => void): Promise<Idle> {
  const [restSeconds, seconds] = [15, 30]
  say('waiting for it to come to rest … ')
  const connection = await mysql.createConnection({ ...account, database: schema })
  const statements = async (): Promise<number> => {
    const [rows] = await connection.query<mysql.RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")
    return Number(rows[0]?.Value)
  }
  try {
    await pause(restSeconds * 1_000)
    const [cpu, before] = [cpuSeconds(pid), await statements()]
    await pause(seconds * 1_000)
    say('at rest\n')
    return {
      statementsPerSecond: rounded(((await statements()) - before) / seconds, 1),
      shareOfCore: rounded((cpuSeconds(pid) - cpu) / seconds, 4),
    }
  } finally {
    await connection.end()
  }
}

async function makeTargets(system: BenchSystem, children: ChildProcess[]): Promise<Target[]> {
  const hello = await bare(children, 'hello')
  const mysql = await bare(children, 'mysql', JSON.stringify(system.customerDatabase))
  const api = createApi(system.url)
  const owner = await login(api, demoEmails.customer, system.demoPassword)
  const { body: own } = await owner.call<{ data: { id: number }[] }>('GET', '/v1/customers')
  const id = own.data[0]?.id
  const asStaff = { authorization: `Bearer ${await tokenOf(system, system.admin.email, system.admin.password)}` }
  const asCustomer = { authorization: `Bearer ${await tokenOf(system, demoEmails.customer, system.demoPassword)}` }
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

async function tokenOf(system: BenchSystem, email: string, password: string): Promise<string> {
  const { body } = await createApi(system.url).call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })
  return body.accessToken
}

async function bare(children: ChildProcess[], kind: string, ...more: string[]): Promise<{ pid: number; url: string }> {
  const port = await freePort()
  const child = fork(new URL('./bare.ts', import.meta.url), [kind, String(port), ...more])
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
  const before = cpuSeconds(target.pid)
  const result = await autocannon({
    url: target.url,
    method: target.method ?? 'GET',
    headers: target.headers ?? {},
    ...(target.body === undefined ? {} : { body: target.body }),
    connections: 8,
    amount: target.requests,
  })
  const used = cpuSeconds(target.pid) - before
  // On a machine under other load a few requests are refused in time, as they should be; more would be another measurement.
  if (result.non2xx > target.requests / 100)
    throw new Error(
      `${target.name}: of ${target.requests} answers ${result.non2xx} were no success: ${JSON.stringify(result.statusCodeStats)}`,
    )
  if (result.non2xx > 0) process.stderr.write(`${target.name}: ${JSON.stringify(result.statusCodeStats)}\n`)
  return (used * 1e6) / target.requests
}
