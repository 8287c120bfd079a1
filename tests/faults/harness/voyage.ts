import { grows, until } from './conditions.ts'
import { createFleet, type Fleet, type Worker } from './fleet.ts'
import { createLedger, judge, type Ledger, type Verdict } from './ledger.ts'
import type { Publishing, Report, Task } from './protocol.ts'
import type { Random } from './random.ts'
import type { Sea } from './sea.ts'

/**
 * A run of a fleet: it publishes until enough is acknowledged, somebody makes trouble meanwhile, then what has been committed
 * is waited for and compared with the ledger.
 */
export interface Voyage {
  readonly sea: Sea
  readonly fleet: Fleet
  readonly ledger: Ledger
  readonly random: Random
  /** Ends of processes that nobody ordered. */
  readonly deaths: number
  /** Starts one more process; it publishes only while more is wanted. */
  launch(role: Role): Worker
  /** Of what is to be published and delivered, the share that is done: 0 to 1. */
  share(): number
  /** Resolves when so much is done; false when nothing has moved for a long time. */
  reaches(share: number): Promise<boolean>
  /** One that works, by chance; waits until there is one. */
  anyWorking(hosts?: Task['hosts']): Promise<Worker>
  /** kill -9 of one that works (of this side alone, if told so), and another in its place. */
  killOne(hosts?: Task['hosts']): Promise<void>
  /** From now on no event fails or kills any more, in processes that are started later neither. */
  mend(): void
  /** SIGTERM, and another in its place when it has gone. Returns how long it took and what it ended with. */
  restart(worker: Worker): Promise<{ next: Worker; ms: number; code: number | null }>
  /** Processes that wait inside a handler, with the mark of its event. */
  readonly waiting: ReadonlyMap<Worker, string>
  /** `performance.now()` of the first handler a process has run. */
  firstExecution(worker: Worker): number | undefined
  /** When this share of the events had been handled for the first time, in seconds from the beginning. */
  secondsUntilHandled(share: number): number
}

export type Role = Pick<Task, 'publishes' | 'delivers' | 'hosts'>

export interface VoyagePlan {
  sea: Sea
  random: Random
  crew: readonly Role[]
  events: number
  /** Whatever is to happen meanwhile. Returns when it is over. */
  trouble(voyage: Voyage): Promise<void>
  /** After the trouble, when enough is published and before everything has to be there: what is to be mended for that. */
  afterwards?(voyage: Voyage): Promise<void>
  /** Publishes more than `events` when the trouble lasts longer. */
  goesOn?: boolean
  /** Starts another process for each that ends by itself. */
  revive?: boolean
  /** How long nothing may move before what is missing counts as lost. */
  patienceMs?: number
  progress(text: string): void
  /** Told of everything that processes say. */
  heard?(report: Report, worker: string): void
}

export interface Outcome extends Verdict {
  readonly executions: number
  readonly seconds: number
  readonly deaths: number
  readonly voyage: Voyage
  /** Log lines of the processes by message, with the error of the last one. */
  readonly log: ReadonlyMap<string, { level: 'warn' | 'error'; count: number; error: string }>
}

/** The crew of most tests: 5 processes, of which 2 publish and 3 deliver. */
export const fiveProcesses = (publishing: Publishing): Role[] => [
  { publishes: publishing },
  { publishes: publishing },
  { delivers: {} },
  { delivers: {} },
  { delivers: {} },
]

/** The system split in two: 2 processes publish, 3 others deliver, and only Redis lies between them. */
export const splitInTwo = (publishing: Publishing): Role[] => [
  { publishes: publishing, hosts: 'ships' },
  { publishes: publishing, hosts: 'ships' },
  { delivers: {}, hosts: 'harbours' },
  { delivers: {}, hosts: 'harbours' },
  { delivers: {}, hosts: 'harbours' },
]

/** The same process three times, as behind a balancer. */
export const threeReplicas = (publishing: Publishing): Role[] => Array.from({ length: 3 }, () => ({ publishes: publishing, delivers: {} }))

/** 5 % rollbacks, 10 % late commits, and every publisher is careless: it publishes before it locks its row. */
export const careless = (subjects: number, more: Partial<Publishing> = {}): Publishing => ({
  subjects,
  lanes: 5,
  rolledBack: 0.05,
  late: 0.1,
  deadly: 0,
  fates: {},
  ...more,
})

export async function sail(plan: VoyagePlan): Promise<Outcome> {
  const { sea, random, events, patienceMs = 25_000, progress } = plan
  const ledger = createLedger()
  const log = new Map<string, { level: 'warn' | 'error'; count: number; error: string }>()
  const ordered = new WeakSet<Worker>()
  const handledAt: number[] = []
  const waiting = new Map<Worker, string>()
  const silent = new WeakSet<Worker>()
  const firstExecutions = new WeakMap<Worker, number>()
  let deaths = 0
  let enough = false
  let troubled = true
  let mended = false
  let closing = false

  function stopPublishing(): void {
    if (enough || ledger.acknowledged.size < events || (troubled && plan.goesOn)) return
    enough = true
    fleet.tellAll('enough')
  }

  const began = performance.now()
  const fleet = await createFleet({
    heard(worker, report) {
      ledger.note(report)
      plan.heard?.(report, worker.name)
      if (report.kind === 'executed' && !firstExecutions.has(worker)) firstExecutions.set(worker, performance.now())
      if (report.kind === 'silent') silent.add(worker)
      if (report.kind === 'waiting') waiting.set(worker, report.mark)
      if (report.kind === 'log')
        log.set(report.message, { level: report.level, count: (log.get(report.message)?.count ?? 0) + 1, error: report.error })
      if (handledAt.length < ledger.executed) handledAt.push((performance.now() - began) / 1_000)
      stopPublishing()
    },
  })
  const voyage: Voyage = {
    sea,
    fleet,
    ledger,
    random,
    get deaths() {
      return deaths
    },
    launch({ publishes, delivers, hosts }) {
      const worker = fleet.launch({
        ...sea.settings,
        seed: random.seedOfAnother(),
        ...(publishes && !enough ? { publishes } : {}),
        ...(delivers ? { delivers } : {}),
        ...(hosts ? { hosts } : {}),
      })
      if (mended) worker.tell('mended')
      void worker.ended.then((code) => {
        if (closing || ordered.has(worker) || code === 0) return
        deaths += 1
        if (plan.revive) voyage.launch({ publishes, delivers, hosts })
      })
      return worker
    },
    share: () => (Math.min(ledger.acknowledged.size, events) + Math.min(ledger.executed, events)) / (2 * events),
    reaches: (share) =>
      grows(
        async () => voyage.share(),
        () => share,
        patienceMs,
      ),
    async anyWorking(hosts) {
      const working = () => fleet.working.filter(({ task }) => hosts === undefined || task.hosts === hosts)
      await until(() => working().length > 0, 'a process that works')
      return random.pick(working())
    },
    async killOne(hosts) {
      const victim = await voyage.anyWorking(hosts)
      ordered.add(victim)
      await victim.kill()
      voyage.launch(victim.task)
    },
    mend() {
      mended = true
      fleet.tellAll('mended')
    },
    async restart(worker) {
      const asked = performance.now()
      const code = await worker.terminate()
      const ms = performance.now() - asked
      return { next: voyage.launch(worker.task), ms, code }
    },
    waiting,
    firstExecution: (worker) => firstExecutions.get(worker),
    secondsUntilHandled: (share) => handledAt[Math.ceil(handledAt.length * share) - 1] ?? 0,
  }
  const watch = setInterval(() => progress(`${ledger.acknowledged.size} committed, ${ledger.executed} handled`), 250)
  try {
    for (const role of plan.crew) voyage.launch(role)
    await plan.trouble(voyage)
    troubled = false
    stopPublishing()
    await grows(
      async () => ledger.acknowledged.size,
      () => (enough ? 0 : events),
      patienceMs,
    )
    // Who is in the middle of a transaction ends it first: an event that came after the last look would count as lost.
    await until(() => !enough || fleet.workers.every((worker) => !worker.task.publishes || silent.has(worker)), 'all are silent')
    await plan.afterwards?.(voyage)
    await grows(sea.effects, () => sea.changes(), patienceMs)
    const seconds = (performance.now() - began) / 1_000
    closing = true
    await fleet.close()
    return { ...judge(ledger.acknowledged, await sea.find()), executions: ledger.executions, seconds, deaths, voyage, log }
  } finally {
    closing = true
    clearInterval(watch)
    await fleet.close()
  }
}

/** Moments at which something happens, as shares of the work, in order. */
export const moments = (random: Random, count: number, upTo = 0.98): number[] =>
  Array.from({ length: count }, () => random.between(0.02, upTo)).sort((a, b) => a - b)
