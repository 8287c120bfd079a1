import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import autocannon from 'autocannon'
import mysql from 'mysql2/promise'
import { createApi, login } from '../api.ts'
import { demoEmails, demoShipment } from '../seed.ts'
import { freePort } from '../servers/ports.ts'
import { cpuSeconds, rounded } from './figures.ts'
import { type BenchSystem, prepareBenchData } from './system.ts'

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

interface Target extends Load {
  name: string
  pid: number
}

/** Requests of one kind. */
export interface Load {
  url: string
  requests: number
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** At once; eight unless said. */
  connections?: number
}

export async function measureRequests(rounds: number, say: (text: string) => void): Promise<RequestFigures> {
  const children: ChildProcess[] = []
  say('starting a system of its own … ')
  const data = await prepareBenchData()
  let system: BenchSystem | undefined
  try {
    system = await data.start()
    const pid = requirePid(system)
    say('ready\n')
    const idle = await measureIdle(pid, system, say)
    const targets = await makeTargets(pid, system, children)
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
    await system?.stop()
    data.remove()
  }
}

function requirePid({ processes }: BenchSystem): number {
  const api = processes.get('api')
  if (!api) throw new Error('the system of the benchmark has no process')
  return api.pid
}

/** After the start has come to rest: what a look around costs that finds nothing. */
async function measureIdle(
  pid: number,
  { customerDatabase: { schema, ...account } }: BenchSystem,
  say: (text: string) => void,
): Promise<Idle> {
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

async function makeTargets(pid: number, system: BenchSystem, children: ChildProcess[]): Promise<Target[]> {
  const hello = await bare(children, 'hello')
  const mysql = await bare(children, 'mysql', JSON.stringify(system.customerDatabase))
  const api = createApi(system.url)
  const owner = await login(api, demoEmails.customer, system.demoPassword)
  const { body: own } = await owner.call<{ data: { id: number }[] }>('GET', '/v1/customers')
  const id = own.data[0]?.id
  const asStaff = { authorization: `Bearer ${await tokenOf(system.url, system.admin.email, system.admin.password)}` }
  const asCustomer = { authorization: `Bearer ${await tokenOf(system.url, demoEmails.customer, system.demoPassword)}` }
  return [
    { name: 'bare Fastify, hello', ...hello, url: `${hello.url}/hello`, requests: 4_000 },
    { name: 'bare Fastify + mysql2 execute, customer by id', ...mysql, url: `${mysql.url}/customers/${id}`, requests: 3_000 },
    { name: 'API: health/live', pid, url: `${system.url}/health/live`, requests: 4_000 },
    // The owner's read goes to the database with the owner in its WHERE; the staff's read may come from the cache.
    {
      name: 'API: customer by id, uncached',
      pid,
      url: `${system.url}/v1/customers/${id}`,
      headers: asCustomer,
      requests: 3_000,
    },
    { name: 'API: customer by id, cached', pid, url: `${system.url}/v1/customers/${id}`, headers: asStaff, requests: 4_000 },
    {
      name: 'API: prices without storing (POST /v1/rates)',
      pid,
      url: `${system.url}/v1/rates`,
      method: 'POST',
      headers: { ...asStaff, 'content-type': 'application/json' },
      body: JSON.stringify({ ...demoShipment(), customerId: id }),
      requests: 1_500,
    },
    {
      name: 'API: quote (POST /v1/quotes)',
      pid,
      url: `${system.url}/v1/quotes`,
      method: 'POST',
      headers: { ...asStaff, 'content-type': 'application/json' },
      body: JSON.stringify({ ...demoShipment(), customerId: id }),
      requests: 1_000,
    },
  ]
}

export async function tokenOf(url: string, email: string, password: string): Promise<string> {
  const { body } = await createApi(url).call<{ accessToken: string }>('POST', '/v1/auth/login', { body: { email, password } })
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
  const { isWhole, statuses } = await send(target)
  const used = cpuSeconds(target.pid) - before
  if (!isWhole) throw new Error(`${target.name}: of ${target.requests} answers too many were no success: ${statuses}`)
  return (used * 1e6) / target.requests
}

interface Sent {
  perSecond: number
  /** On a machine under other load a few requests are refused in time, as they should be; with more it is another measurement. */
  isWhole: boolean
  statuses: string
}

export async function send({ url, method = 'GET', headers = {}, body, requests, connections = 8 }: Load): Promise<Sent> {
  const began = performance.now()
  const result = await autocannon({ url, method, headers, ...(body === undefined ? {} : { body }), connections, amount: requests })
  const seconds = (performance.now() - began) / 1_000
  const statuses = JSON.stringify(result.statusCodeStats)
  return { perSecond: (requests - result.non2xx) / seconds, isWhole: result.non2xx <= requests / 100, statuses }
}
