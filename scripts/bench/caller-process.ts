import { type ChildProcess, fork } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { runInContext } from '../../src/platform/context.ts'
import { isAppError } from '../../src/platform/errors.ts'
import { createExchange, type ExchangeNeeds } from '../../src/platform/exchange.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import type { ModuleName } from '../../src/platform/module-table.ts'
import type { CalleeReport, CalleeTask } from './callee-process.ts'
import type { CallFigure, CallFigures, QuoteFigure } from './calls.ts'
import { rounded } from './figures.ts'
import { byHand, lendToPricing, type Neighbours, quote, silentLog } from './neighbours.ts'

/**
 * Pricing's end of the benchmark of calls: the same neighbours by hand, through each transport, and in one or two other processes. All
 * of them take turns, round after round, so that whatever else the machine does falls on each.
 */
const rounds = 15
const gc = globalThis.gc
if (!gc) throw new Error('the benchmark of calls runs with --expose-gc')

interface Callee {
  url: string
  /** µs so far. */
  cpu(): Promise<number>
}

const hosts = { front: ['auth', 'user', 'pricing'], back: ['customer', 'carrier'], one: ['customer'], other: ['carrier'] } as const
const keys = Object.fromEntries(Object.keys(hosts).map((name) => [name, generateKeyPairSync('ed25519')]))
const pem = (name: keyof typeof hosts, half: 'privateKey' | 'publicKey'): string =>
  keys[name]?.[half].export({ type: half === 'privateKey' ? 'pkcs8' : 'spki', format: 'pem' }).toString() ?? ''
const processes = Object.fromEntries(
  Object.entries(hosts).map(([name, modules]) => [name, { modules, publicKey: pem(name as keyof typeof hosts, 'publicKey') }]),
)
const identity = (name: keyof typeof hosts) => ({ name, privateKey: pem(name, 'privateKey'), processes })

async function startCallee(name: 'back' | 'one' | 'other'): Promise<Callee> {
  const task: CalleeTask = { service: identity(name), modules: hosts[name] }
  const child = fork(new URL('./callee-process.ts', import.meta.url), [JSON.stringify(task)], { execArgv: [] })
  child.once('exit', (code) => {
    throw new Error(`a callee of the benchmark ended with ${code}`)
  })
  const first = await heardFrom(child)
  return {
    url: 'url' in first ? first.url : '',
    async cpu() {
      child.send('cpu')
      const report = await heardFrom(child)
      return 'cpu' in report ? report.cpu : 0
    },
  }
}

async function heardFrom(child: ChildProcess): Promise<CalleeReport> {
  const [report]: CalleeReport[] = await once(child, 'message')
  if (!report) throw new Error('a callee of the benchmark said nothing')
  return report
}

function neighboursBy(config: Partial<ExchangeNeeds['config']>, hosted: readonly ModuleName[]): Neighbours {
  const exchange = createExchange({
    config: { transport: 'local', modules: hosted, peers: {}, ...config },
    metrics: createMetrics({ process: false }),
    log: silentLog,
  })
  return lendToPricing(exchange, hosted)
}

const [back, one, other] = await Promise.all([startCallee('back'), startCallee('one'), startCallee('other')])
const whole: readonly ModuleName[] = ['auth', 'user', 'customer', 'carrier', 'pricing']
const elsewhere = (customer: string, carrier: string): Neighbours =>
  neighboursBy({ service: identity('front'), peers: { customer: [customer], carrier: [carrier] } }, hosts.front)
const ways = {
  'by hand': { neighbours: byHand, callees: [] },
  local: { neighbours: neighboursBy({}, whole), callees: [] },
  loopback: { neighbours: neighboursBy({ transport: 'loopback' }, whole), callees: [] },
  split2: { neighbours: elsewhere(back.url, back.url), callees: [back] },
  units: { neighbours: elsewhere(one.url, other.url), callees: [one, other] },
} satisfies Record<string, { neighbours: Neighbours; callees: Callee[] }>

/** In a request of somebody who has logged in. */
const inRequest = <R>(work: () => Promise<R>): Promise<R> =>
  runInContext(
    {
      requestId: '0198a6f2-5b1e-7c3a-9f00-8d2b6e4c1a77',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      principal: { kind: 'user', userId: 7, sessionId: 9, roles: ['customer'], can: { 'quote:create': 'own', 'quote:read': 'own' } },
      signal: new AbortController().signal,
      deadline: performance.now() + 30_000,
    },
    work,
  )

/** Calls in this process never wait, and timers of what comes next would reckon from before them. */
const loopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Of one operation; batches, because a call in the same process is shorter than a look at the clock. */
const calls: { transport: CallFigure['transport']; way: keyof typeof ways; batch: number; batches: number }[] = [
  { transport: 'by hand', way: 'by hand', batch: 1_000, batches: 100 },
  { transport: 'local', way: 'local', batch: 1_000, batches: 100 },
  { transport: 'loopback', way: 'loopback', batch: 20, batches: 250 },
  { transport: 'http', way: 'split2', batch: 1, batches: 1_500 },
]

/** On a crowded machine a call may leave its deadline: then it is measured again, and not for ever. */
async function undisturbed<R>(measure: () => Promise<R>): Promise<R> {
  for (let left = 5; ; left -= 1) {
    try {
      return await measure()
    } catch (error) {
      if (left === 0 || !isAppError(error)) throw error
      await pause(1_000)
    }
  }
}

/** The best round of each, which was disturbed least. */
async function measureCalls(): Promise<CallFigure[]> {
  const best = new Map<string, { p50: number; mean: number }>()
  for (let round = 0; round <= rounds; round += 1)
    for (const { transport, way, batch, batches } of calls) {
      const { customers } = ways[way].neighbours
      const times: number[] = []
      await loopTurn()
      await undisturbed(() =>
        inRequest(async () => {
          while (times.length < batches) {
            const began = performance.now()
            for (let call = 0; call < batch; call += 1) await customers.getPricingProfile({ id: 7 })
            times.push(((performance.now() - began) * 1_000) / batch)
          }
        }),
      )
      const before = best.get(transport)
      const p50 = times.toSorted((a, b) => a - b)[Math.floor(batches / 2)] ?? 0
      const mean = times.reduce((sum, each) => sum + each, 0) / batches
      if (round > 0) best.set(transport, { p50: Math.min(p50, before?.p50 ?? p50), mean: Math.min(mean, before?.mean ?? mean) })
    }
  return calls.map(({ transport }) => {
    const { p50 = 0, mean = 0 } = best.get(transport) ?? {}
    return { transport, p50: rounded(p50, 3), mean: rounded(mean, 3) }
  })
}

/** Bytes per call; the young generation is large enough that nothing is collected meanwhile. */
async function measureAllocated(): Promise<CallFigures['allocated']> {
  const least = { byHand: Infinity, local: Infinity }
  for (let round = 0; round < 2 * rounds; round += 1) {
    least.byHand = Math.min(least.byHand, await allocatedPerCall('by hand'))
    least.local = Math.min(least.local, await allocatedPerCall('local'))
  }
  return { byHand: rounded(least.byHand, 1), local: rounded(least.local, 1) }
}

async function allocatedPerCall(way: keyof typeof ways): Promise<number> {
  const { customers } = ways[way].neighbours
  const often = 20_000
  gc?.()
  const before = process.memoryUsage().heapUsed
  for (let call = 0; call < often; call += 1) await customers.getPricingProfile({ id: 7 })
  return (process.memoryUsage().heapUsed - before) / often
}

async function cpuOf(callees: readonly Callee[]): Promise<number> {
  const theirs = await Promise.all(callees.map((callee) => callee.cpu()))
  const { user, system } = process.cpuUsage()
  return theirs.reduce((sum, each) => sum + each, user + system)
}

/** Calls that do not wait for each other, as in a busy process. */
async function measureBusy(): Promise<CallFigures['busy']> {
  const { neighbours, callees } = ways.split2
  const [workers, each] = [16, 300]
  let best = { perSecond: 0, cpu: Number.POSITIVE_INFINITY }
  for (let round = 0; round < 6; round += 1) {
    const [cpu, began] = [await cpuOf(callees), performance.now()]
    const work = async (): Promise<void> => {
      for (let call = 0; call < each; call += 1) await neighbours.customers.getPricingProfile({ id: 7 })
    }
    await undisturbed(() => Promise.all(Array.from({ length: workers }, () => inRequest(work))))
    const seconds = (performance.now() - began) / 1_000
    const used = ((await cpuOf(callees)) - cpu) / (workers * each)
    best = { perSecond: Math.max(best.perSecond, Math.round((workers * each) / seconds)), cpu: Math.min(best.cpu, rounded(used, 1)) }
  }
  return { atOnce: workers, ...best }
}

/** Some at once, as in a busy process: one at a time would measure how a processor falls asleep. */
async function cpuPerQuote(layout: QuoteFigure['layout']): Promise<number> {
  const { neighbours, callees } = ways[layout]
  const [workers, each] = [8, 50]
  // What others have left behind is cleared away at their cost.
  gc?.({ type: 'minor', execution: 'sync' })
  await loopTurn()
  const before = await cpuOf(callees)
  const work = async (): Promise<void> => {
    for (let turn = 0; turn < each; turn += 1) await inRequest(() => quote(neighbours))
  }
  await Promise.all(Array.from({ length: workers }, work))
  return ((await cpuOf(callees)) - before) / (workers * each)
}

async function measureQuotes(): Promise<QuoteFigure[]> {
  const layouts = ['by hand', 'local', 'split2', 'units'] as const
  const best = new Map<string, number>()
  for (let round = 0; round <= 2 * rounds; round += 1)
    for (const layout of layouts) {
      const used = await undisturbed(() => cpuPerQuote(layout))
      if (round > 0) best.set(layout, Math.min(best.get(layout) ?? Number.POSITIVE_INFINITY, used))
    }
  return layouts.map((layout) => ({ layout, cpu: rounded(best.get(layout) ?? 0, 1) }))
}

const figures: CallFigures = {
  rounds,
  calls: await measureCalls(),
  allocated: await measureAllocated(),
  busy: await measureBusy(),
  quotes: await measureQuotes(),
}
process.send?.(figures)
process.once('disconnect', () => process.exit(0))
