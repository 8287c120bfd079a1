import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createApi, login } from '../api.ts'
import { demoEmails, demoShipment } from '../seed.ts'
import { requireTopology } from '../start/topologies.ts'
import { cpuSeconds, rounded } from './figures.ts'
import { type Load, send, tokenOf } from './requests.ts'
import { type BenchSystem, prepareBenchData } from './system.ts'

/** What a layout costs: the same requests, with databases, to systems that differ in nothing but where their modules run. */
export interface LayoutFigures {
  readonly rounds: number
  readonly layouts: readonly LayoutFigure[]
  readonly replicas: Replicas
}

export interface LayoutFigure {
  readonly layout: LayoutName
  readonly processes: number
  /** Processor time of all processes of the API together, per request, in µs. */
  readonly prices: number
  readonly quote: number
  /** Resident, of all of them, in MiB. */
  readonly memory: number
}

/** Prices per second of one process, and of three behind the balancer. */
export interface Replicas {
  readonly processors: number
  readonly one: number
  readonly three: number
}

const layoutNames = ['local', 'replicas3', 'split2', 'units'] as const
export type LayoutName = (typeof layoutNames)[number]

/** Three processes, the database, the balancer and whoever asks. */
export const processorsForReplicas = 6

interface Candidate {
  layout: LayoutName
  system: BenchSystem
  loads: Record<'prices' | 'quote', Load>
  best: Record<'prices' | 'quote', number>
}

export async function measureLayouts(rounds: number, say: (text: string) => void): Promise<LayoutFigures> {
  say('demo data … ')
  const data = await prepareBenchData()
  const systems: BenchSystem[] = []
  try {
    const candidates: Candidate[] = []
    for (const layout of layoutNames) {
      say(`${layout} … `)
      const system = await data.start(layout === 'local' ? undefined : layout)
      systems.push(system)
      candidates.push({ layout, system, loads: await loadsOn(layout, system), best: { prices: Infinity, quote: Infinity } })
    }
    say('ready\n')
    for (const candidate of candidates) await warmUp(candidate)
    for (let round = 1; round <= rounds; round += 1) {
      say(`\rround ${round}/${rounds} `)
      // All take turns: whatever else the machine does falls on each.
      for (const candidate of candidates) await measure(candidate, say)
    }
    const replicas = await measureReplicas(candidates, rounds)
    say('\n')
    return { rounds, layouts: candidates.map(figureOf), replicas }
  } finally {
    await Promise.all(systems.map((system) => system.stop()))
    data.remove()
  }
}

/** At the process that hosts pricing; the balancer in front would be the same for all. */
async function loadsOn(layout: LayoutName, system: BenchSystem): Promise<Candidate['loads']> {
  const host = layout === 'local' ? undefined : requireTopology(layout).find(({ modules }) => modules.includes('pricing'))
  const name = host === undefined ? 'api' : host.count === 1 ? host.name : `${host.name}-1`
  const url = system.processes.get(name)?.url
  if (url === undefined) throw new Error(`no process of ${layout} is called ${name}`)
  const owner = await login(createApi(system.url), demoEmails.customer, system.demoPassword)
  const { body: own } = await owner.call<{ data: { id: number }[] }>('GET', '/v1/customers')
  const authorization = `Bearer ${await tokenOf(system.url, system.admin.email, system.admin.password)}`
  const load = (path: string, requests: number): Load => ({
    url: `${url}${path}`,
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ ...demoShipment(), customerId: own.data[0]?.id }),
    requests,
  })
  return { prices: load('/v1/rates', 800), quote: load('/v1/quotes', 250) }
}

/** Long: the code of a call between processes is compiled to its best form only after some thousand of them. */
async function warmUp({ loads: { prices, quote } }: Candidate): Promise<void> {
  await send({ ...prices, requests: 5_000 })
  await send({ ...quote, requests: 500 })
}

/** The best round of each, which was disturbed least. */
async function measure({ layout, system, loads, best }: Candidate, say: (text: string) => void): Promise<void> {
  const used = (): number => [...system.processes.values()].reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  for (const kind of ['prices', 'quote'] as const) {
    const before = used()
    const { isWhole, statuses } = await send(loads[kind])
    const each = ((used() - before) * 1e6) / loads[kind].requests
    if (isWhole) best[kind] = Math.min(best[kind], each)
    else say(`\n${layout}, ${kind}: a round does not count: ${statuses}\n`)
  }
}

async function measureReplicas(candidates: readonly Candidate[], rounds: number): Promise<Replicas> {
  const best = { local: 0, replicas3: 0 }
  for (let round = 0; round < Math.min(rounds, 3); round += 1)
    for (const { layout, system, loads } of candidates) {
      if (layout !== 'local' && layout !== 'replicas3') continue
      const { perSecond } = await send({ ...loads.prices, url: `${system.url}/v1/rates`, requests: 800, connections: 24 })
      best[layout] = Math.max(best[layout], Math.round(perSecond))
    }
  return { processors: availableParallelism(), one: best.local, three: best.replicas3 }
}

function figureOf({ layout, system, best }: Candidate): LayoutFigure {
  if (best.prices + best.quote === Infinity) throw new Error(`no round of ${layout} was undisturbed: the machine has too much else to do`)
  const pids = [...system.processes.values()].map(({ pid }) => pid)
  const memory = pids.reduce((sum, pid) => sum + residentMib(pid), 0)
  return { layout, processes: pids.length, prices: rounded(best.prices, 0), quote: rounded(best.quote, 0), memory: Math.round(memory) }
}

const residentMib = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
