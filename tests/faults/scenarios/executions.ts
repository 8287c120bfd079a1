import { hasFreeCores } from '#support/free-cores.ts'
import { until } from '../harness/conditions.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, sail, threeReplicas } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

/** Runs of handlers are counted outside all transactions: what was rolled back has been run all the same. */

export const undisturbed: Scenario = {
  id: 'EV-05',
  variant: 'undisturbed',
  claim: '3 replicas without any fault: every handler runs exactly once for each event',
  sizes: {
    short: { events: 700, subjects: 1_000, faults: 0 },
    standard: { events: 10_000, subjects: 1_000, faults: 0 },
    full: { events: 100_000, subjects: 1_000, faults: 0 },
  },
  async run(size, { random, progress }) {
    const hadFreeCores = hasFreeCores()
    const sea = await openSea({ ...size, apart: true })
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: threeReplicas(careless(size.subjects)),
        events: size.events,
        trouble: async () => {},
      })
      const [row] = await sea.rows('harbours', "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
      const waits = Number(row?.Value)
      return figuresOf(
        outcome,
        0,
        {
          ...nothingWrong(outcome),
          'every event is handled exactly once': outcome.executions === outcome.committed,
          // The lock would keep the effects right without any lease; the work would be tried by everybody.
          // Beside other tests a lease is renewed late now and then, so the suite does not judge it.
          'one event in twenty, at most, makes a process wait for another':
            !hadFreeCores || !hasFreeCores() || waits <= outcome.committed / 20,
        },
        { 'row lock waits at the consumer': waits },
      )
    } finally {
      await sea.close()
    }
  },
}

export const rollingRestarts: Scenario = {
  id: 'EV-05',
  variant: 'rolling restarts',
  claim: '3 replicas are restarted in turn by SIGTERM under 50 events/s: no handler runs twice',
  sizes: {
    short: { events: 75, subjects: 100, faults: 3 },
    standard: { events: 1_000, subjects: 1_000, faults: 50 },
    full: { events: 10_000, subjects: 1_000, faults: 500 },
  },
  async run(size, { random, progress }) {
    const sea = await openSea(size)
    let unclean = 0
    let slowest = 0
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: threeReplicas(careless(size.subjects, { lanes: 2, perSecond: 50 / 3 })),
        events: size.events,
        goesOn: true,
        async trouble(voyage) {
          await until(() => voyage.fleet.working.length === 3, 'three replicas')
          for (let restart = 0; restart < size.faults; restart += 1) {
            const [oldest] = voyage.fleet.working
            if (!oldest) throw new Error('no replica works')
            const { next, ms, code } = await voyage.restart(oldest)
            if (code !== 0) unclean += 1
            slowest = Math.max(slowest, ms)
            await next.ready
          }
        },
      })
      return figuresOf(
        outcome,
        size.faults,
        {
          ...nothingWrong(outcome),
          'every event is handled exactly once': outcome.executions === outcome.committed,
          'every replica ends with code 0': unclean === 0,
        },
        { 'slowest end, ms': Math.round(slowest) },
      )
    } finally {
      await sea.close()
    }
  },
}
