import type { Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, fiveProcesses, moments, sail, threeReplicas } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

const sizes = {
  short: { events: 500, subjects: 200, faults: 3 },
  standard: { events: 10_000, subjects: 1_000, faults: 50 },
  full: { events: 200_000, subjects: 1_000, faults: 1_000 },
}

const withCrew = (crewOf: typeof fiveProcesses): Scenario['run'] =>
  async function run(size, { random, progress }) {
    const sea = await openSea(size)
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: crewOf(careless(size.subjects)),
        events: size.events,
        async trouble(voyage) {
          for (const share of moments(random, size.faults)) {
            if (!(await voyage.reaches(share))) return
            await voyage.killOne()
          }
        },
      })
      const repeated = outcome.executions - outcome.committed
      return figuresOf(outcome, size.faults, {
        ...nothingWrong(outcome),
        'at most 150 handlers run again for each kill': repeated <= 150 * size.faults,
      })
    } finally {
      await sea.close()
    }
  }

export const kills: Scenario = {
  id: 'EV-03',
  claim:
    'processes that publish or deliver are killed with kill -9 at any moment: no event is lost, takes effect twice or overtakes another of its subject',
  sizes,
  run: withCrew(fiveProcesses),
}

export const killedReplicas: Scenario = {
  id: 'EV-03',
  variant: 'replicas',
  claim:
    '3 replicas of one process, each of which publishes and delivers, are killed with kill -9 at any moment: no event is lost, takes effect twice or overtakes another of its subject',
  sizes,
  run: withCrew(threeReplicas),
}
