import { setTimeout as pause } from 'node:timers/promises'
import { hasFreeCores } from '#support/free-cores.ts'
import type { Report } from '../harness/protocol.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea, type Sea } from '../harness/sea.ts'
import { careless, moments, sail, splitInTwo, type Voyage } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

const awayMs = { short: 2_000, standard: 30_000, full: 30_000 }
/** On a machine that is busy with other things it is only asked whether they catch up at all. */
const atAllSeconds = 25
const caughtUpWithinSeconds = 5
const insideWithinMs = 150
/** No process is killed so shortly before Redis returns: what it holds is free after 3 s, which is no fault of Redis. */
const calmMs = 6_000

export const redisLost: Scenario = {
  id: 'EV-12',
  claim:
    'the system is split in two processes, replicas of both are killed, and meanwhile Redis, the only way between them, is killed with what it was told last, flushed, and away for half a minute: events between processes wait and catch up, those inside a process notice nothing',
  sizes: {
    short: { events: 200, subjects: 100, faults: 2, serverKills: 1 },
    standard: { events: 10_000, subjects: 1_000, faults: 50, serverKills: 2 },
    full: { events: 100_000, subjects: 1_000, faults: 500, serverKills: 20 },
  },
  async run(size, { random, progress, form }) {
    const judgesTime = form !== 'short' && hasFreeCores()
    const flushes = size.serverKills ?? 0
    const sea = await openSea({ ...size, split: true })
    const inside = stopwatch()
    let caughtUp = Number.POSITIVE_INFINITY
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: splitInTwo(careless(size.subjects, { perSecond: 50 })),
        events: size.events,
        goesOn: true,
        heard: inside.heard,
        async trouble(voyage) {
          const [away = 0.5] = moments(random, 1, 0.5)
          const faults = [
            ...moments(random, Math.ceil(size.faults / 2)).map((share) => ({ share, make: () => voyage.killOne() })),
            ...moments(random, flushes).map((share) => ({ share, make: sea.flush })),
            ...moments(random, flushes).map((share) => ({ share, make: () => restartOf(sea) })),
            {
              share: away,
              make: async () => {
                inside.begin()
                caughtUp = await withoutRedis(sea, voyage, awayMs[form], Math.floor(size.faults / 2))
                inside.end()
              },
            },
          ].sort((a, b) => a.share - b.share)
          for (const { share, make } of faults) {
            if (!(await voyage.reaches(share))) return
            await make()
          }
        },
      })
      const p99 = inside.p99()
      return figuresOf(
        outcome,
        size.faults + 2 * flushes + 1,
        {
          ...nothingWrong(outcome),
          [`events between processes are caught up within ${caughtUpWithinSeconds} s of the return of Redis`]:
            caughtUp <= (judgesTime ? caughtUpWithinSeconds : atAllSeconds),
          'while Redis is away 99 of 100 events inside a process are handled within 150 ms of their commit':
            !judgesTime || p99 <= insideWithinMs,
        },
        {
          'caught up after, s': Math.round(caughtUp * 10) / 10,
          'p99 inside a process without Redis, ms': p99,
          'process kills': size.faults,
          'Redis flushed': flushes,
          'Redis killed': flushes + 1,
        },
      )
    } finally {
      await sea.close()
    }
  },
}

const restartOf = async ({ redis }: Sea): Promise<void> => redis?.restart()

/** Redis is away; processes that hear are killed meanwhile. Answers how many seconds after its return all is caught up. */
async function withoutRedis(sea: Sea, voyage: Voyage, ms: number, kills: number): Promise<number> {
  const { random } = voyage
  await sea.redis?.server.kill()
  const began = performance.now()
  for (const share of moments(random, kills, Math.max(0.1, 1 - calmMs / ms))) {
    await pause(Math.max(0, began + share * ms - performance.now()))
    await voyage.killOne('harbours')
  }
  await pause(Math.max(0, began + ms - performance.now()))
  await restartOf(sea)
  const back = performance.now()
  const all = await sea.catchesUp(25_000)
  return all ? (performance.now() - back) / 1_000 : Number.POSITIVE_INFINITY
}

interface Moment {
  at: number
  worker: string
}

/**
 * From the commit to the handler in the same process, between two moments. An event whose partition is in the hands of the other replica
 * goes from process to process: without Redis it is found by looking, every quarter of a second.
 */
function stopwatch() {
  const committed = new Map<string, Moment>()
  const seen = new Map<string, Moment>()
  let [from, to] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  return {
    begin(): void {
      from = Date.now()
    },
    end(): void {
      to = Date.now()
    },
    heard(report: Report, worker: string): void {
      if (report.kind === 'acknowledged') committed.set(report.mark, { at: report.at, worker })
      if (report.kind === 'seen' && !seen.has(report.mark)) seen.set(report.mark, { at: report.at, worker })
    },
    p99(): number {
      const between = [...committed].filter(([, { at }]) => at >= from && at < to)
      const took = between
        .flatMap(([mark, { at, worker }]) => {
          const there = seen.get(mark)
          if (!there) return [Number.POSITIVE_INFINITY]
          return there.worker === worker ? [Math.max(0, there.at - at)] : []
        })
        .sort((a, b) => a - b)
      return took[Math.floor(took.length * 0.99)] ?? Number.POSITIVE_INFINITY
    },
  }
}
