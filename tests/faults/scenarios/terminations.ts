import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../harness/conditions.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, sail } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

/** The suite shares its cores with other tests; a lease that was not given back would cost 3 s, so it shows all the same. */
const startsWithinMs = { short: 2_000, standard: 500, full: 500 }
const endsWithinMs = 10_000

export const terminations: Scenario = {
  id: 'EV-25',
  claim:
    'SIGTERM in the middle of a batch: the process ends in time, its leases are free at once, and the next one starts on them within 0.5 s',
  sizes: {
    short: { events: 120, subjects: 100, faults: 4 },
    standard: { events: 3_000, subjects: 1_000, faults: 50 },
    full: { events: 30_000, subjects: 1_000, faults: 500 },
  },
  async run(size, { random, progress, form }) {
    const sea = await openSea(size)
    let unclean = 0
    let held = 0
    const ends: number[] = []
    const starts: number[] = []
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: [{ publishes: careless(size.subjects, { perSecond: form === 'short' ? 100 : 250 }) }],
        events: size.events,
        goesOn: true,
        async trouble(voyage) {
          // A backlog, so that every start finds work.
          await until(() => voyage.ledger.acknowledged.size > size.events / 2, 'a backlog')
          let worker = voyage.launch({ delivers: { handlerMs: 5 } })
          for (let restart = 0; restart < size.faults; restart += 1) {
            await until(() => voyage.firstExecution(worker) !== undefined, 'a process in the middle of a batch')
            starts.push((voyage.firstExecution(worker) ?? 0) - (worker.startedAt ?? 0))
            await pause(random.between(0, 50))
            const { next, ms, code } = await voyage.restart(worker)
            if (code !== 0) unclean += 1
            ends.push(ms)
            const owned = `owner LIKE '${worker.pid}-%'`
            held += (await sea.rows('harbours', `SELECT part FROM inbox_cursor WHERE ${owned}`)).length
            held += (await sea.rows('ships', `SELECT part FROM outbox_sequence WHERE ${owned}`)).length
            worker = next
          }
        },
      })
      return figuresOf(
        outcome,
        size.faults,
        {
          ...nothingWrong(outcome),
          'every event is handled exactly once': outcome.executions === outcome.committed,
          'every process ends with code 0': unclean === 0,
          [`every process ends within ${endsWithinMs / 1_000} s`]: Math.max(...ends) <= endsWithinMs,
          'no lease outlives its process': held === 0,
          [`the next process starts on them within ${startsWithinMs[form]} ms`]: Math.max(...starts) <= startsWithinMs[form],
        },
        {
          'slowest end, ms': Math.round(Math.max(...ends)),
          'median start, ms': Math.round(medianOf(starts)),
          'slowest start, ms': Math.round(Math.max(...starts)),
        },
      )
    } finally {
      await sea.close()
    }
  },
}

const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
