import { until } from '../harness/conditions.ts'
import { judge } from '../harness/ledger.ts'
import type { Publishing } from '../harness/protocol.ts'
import { createRandom } from '../harness/random.ts'
import type { Scenario, Size } from '../harness/scenario.ts'
import { openSea, type Parked } from '../harness/sea.ts'
import { careless, fiveProcesses, moments, type Outcome, sail, type Voyage } from '../harness/voyage.ts'
import { delivered, figuresOf } from './promises.ts'

const failing: Publishing['fates'] = { fails: 0.01, 'fails twice': 0.01 }
/** Kills may hit the same event twice while it is tried again; then it counts as the killer. */
const mostWrongfullyDead = 5
const leastThroughput = 0.8
/** Behind events that fail for good some wait until the end, so the last kills come before that share of all work. */
const lastKillAt = 0.85

export const failures: Scenario = {
  id: 'EV-07',
  claim:
    'one event in a hundred fails for good and one in a hundred fails twice, with kills meanwhile: all other subjects go on as if nothing were, and after the mending all that waited takes effect in order',
  sizes: {
    short: { events: 400, subjects: 200, faults: 2 },
    standard: { events: 10_000, subjects: 1_000, faults: 50 },
    full: { events: 100_000, subjects: 10_000, faults: 500 },
  },
  async run(size, { random, progress, form }) {
    const seed = random.seedOfAnother()
    // At the same time, so that whatever else the machine does hits both; beside other tests time says nothing.
    const [{ outcome, eventsPerSecond, before }, clean] = await Promise.all([
      settle(size, seed, failing, progress),
      form === 'short' ? undefined : settle(size, seed, {}, () => {}),
    ])
    const throughput = clean && eventsPerSecond / clean.eventsPerSecond
    return figuresOf(
      outcome,
      size.faults,
      {
        ...delivered(outcome),
        'no process ends by itself': outcome.deaths === 0,
        'before the mending all events have taken effect but those that fail for good, and those behind them in their subject':
          before.complete,
        [`at most ${mostWrongfullyDead} others are dead letters, because kills hit them twice`]:
          before.wrongfullyDead <= mostWrongfullyDead,
        ...(throughput && { 'throughput is at least 80 % of a run without failing events': throughput >= leastThroughput }),
      },
      {
        'subjects blocked before the mending': before.blocked,
        'events waiting before the mending': before.waiting,
        'dead letters that only kills made': before.wrongfullyDead,
        'events/s passed': Math.round(eventsPerSecond),
        ...(clean && { 'events/s passed without failing events': Math.round(clean.eventsPerSecond) }),
        ...(throughput && { 'throughput, % of the run without failing events': Math.round(throughput * 100) }),
      },
    )
  },
}

interface Before {
  /** Nothing is missing but what waits in a line whose head fails for good, or is dead by kills. */
  complete: boolean
  blocked: number
  waiting: number
  wrongfullyDead: number
}

/** Until every event is passed, and then, after the mending, until everything has taken effect. */
async function settle(size: Size, seed: number, fates: Publishing['fates'], progress: (text: string) => void) {
  const random = createRandom(seed)
  const sea = await openSea(size)
  let eventsPerSecond = 0
  let before: Before = { complete: false, blocked: 0, waiting: 0, wrongfullyDead: 0 }
  try {
    const outcome: Outcome = await sail({
      sea,
      random,
      progress,
      crew: fiveProcesses(careless(size.subjects, { fates })),
      events: size.events,
      async trouble(voyage) {
        await until(() => voyage.fleet.working.length === 5, 'five processes')
        const began = performance.now()
        for (const share of moments(random, size.faults, lastKillAt)) {
          if (!(await voyage.reaches(share))) return
          await voyage.killOne()
        }
        await until(() => voyage.ledger.acknowledged.size >= size.events, 'enough events')
        await until(async () => (await sea.unsettled()) === 0, 'all events passed')
        eventsPerSecond = (await sea.changes()) / ((performance.now() - began) / 1_000)
      },
      async afterwards(voyage) {
        before = await rest(voyage)
        voyage.mend()
        await sea.retryAll()
      },
    })
    return { outcome, eventsPerSecond, before }
  } finally {
    await sea.close()
  }
}

async function rest({ sea, ledger }: Voyage): Promise<Before> {
  const isFailing = ({ fate }: Parked) => fate === 'fails'
  let parked: readonly Parked[] = []
  await until(async () => {
    if ((await sea.unsettled()) > 0) return false
    parked = await sea.parked()
    return parked.every((one) => !one.isHead || isFailing(one) || one.isDead)
  }, 'nothing waits that could be handled')
  const heads = parked.filter(({ isHead }) => isHead)
  const { lost, duplicates, inversions } = judge(ledger.acknowledged, await sea.find(), new Set(parked.map(({ mark }) => mark)))
  return {
    complete: lost + duplicates + inversions === 0,
    blocked: heads.length,
    waiting: parked.length,
    wrongfullyDead: heads.filter((head) => !isFailing(head)).length,
  }
}
