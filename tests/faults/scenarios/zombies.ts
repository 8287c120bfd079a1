import { setTimeout as pause } from 'node:timers/promises'
import { grows, until } from '../harness/conditions.ts'
import type { Worker } from '../harness/fleet.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, sail } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

const everyMs = 700
/** Longer than a lease: whoever wakes up finds that others went on without it. */
const stoppedMs = 4_500

export const zombies: Scenario = {
  id: 'EV-04',
  claim: 'every 0.7 s a process is stopped for 4.5 s in the middle of anything and goes on believing that nothing happened',
  sizes: {
    short: { events: 250, subjects: 50, faults: 7 },
    standard: { events: 10_000, subjects: 1_000, faults: 60 },
    full: { events: 50_000, subjects: 1_000, faults: 400 },
  },
  async run(size, { random, progress, form }) {
    const sea = await openSea(size)
    let stops = 0
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: Array.from({ length: 5 }, () => ({
          // Slow enough for the stops to happen while there is something to do; most of the time one process works.
          publishes: careless(size.subjects, { lanes: 2, perSecond: form === 'short' ? 25 : 150 }),
          delivers: { handlerMs: 1 },
        })),
        events: size.events,
        goesOn: true,
        patienceMs: 40_000,
        async trouble(voyage) {
          const waking: Promise<void>[] = []
          await until(() => voyage.fleet.working.length === 5, 'five processes')
          let stuck = false
          void voyage.reaches(1).then((reached) => {
            stuck = !reached
          })
          while (!stuck && (stops < size.faults || voyage.share() < 1)) {
            await pause(everyMs)
            // The last one goes on: with nobody at work there is nobody to go on without the others.
            if (voyage.fleet.working.length < 2) continue
            const victim = random.pick(voyage.fleet.working)
            victim.stop()
            stops += 1
            waking.push(pause(stoppedMs).then(() => victim.continue()))
          }
          await Promise.all(waking)
        },
      })
      return figuresOf(outcome, stops, nothingWrong(outcome))
    } finally {
      await sea.close()
    }
  },
}

/** The suite shares its cores with other tests. */
const takenOverWithinSeconds = { short: 20, standard: 15, full: 15 }

/** A process is stopped inside a handler, longer than the server lets its transaction be; others are there to take over. */
const stoppedInHandler = (variant: string, claim: string, waitsInAttempt: number): Scenario => ({
  id: 'EV-04',
  variant,
  claim,
  sizes: {
    short: { events: 40, subjects: 10, faults: 1 },
    standard: { events: 500, subjects: 100, faults: 1 },
    full: { events: 5_000, subjects: 100, faults: 1 },
  },
  async run(size, { random, progress, form }) {
    const sea = await openSea(size)
    let takenOver = Number.POSITIVE_INFINITY
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: [{ publishes: careless(size.subjects, { rolledBack: 0, late: 0 }), delivers: { waitsInAttempt } }],
        events: size.events,
        patienceMs: 40_000,
        async trouble(voyage) {
          const { worker, mark } = await waiting(voyage.waiting)
          worker.stop()
          const stoppedAt = performance.now()
          voyage.launch({ delivers: {} })
          voyage.launch({ delivers: {} })
          const effects = async () => (await sea.find()).effects.filter((effect) => effect === mark).length
          await grows(effects, () => 1, 40_000)
          takenOver = (performance.now() - stoppedAt) / 1_000
          const wakesAt = stoppedAt + (form === 'short' ? (takenOver + 1) * 1_000 : 40_000)
          await pause(Math.max(0, wakesAt - performance.now()))
          worker.continue()
        },
      })
      return figuresOf(
        outcome,
        1,
        {
          ...nothingWrong(outcome),
          [`another process takes over within ${takenOverWithinSeconds[form]} s`]: takenOver <= takenOverWithinSeconds[form],
        },
        { 'taken over after, s': Math.round(takenOver * 10) / 10 },
      )
    } finally {
      await sea.close()
    }
  },
})

async function waiting(found: ReadonlyMap<Worker, string>): Promise<{ worker: Worker; mark: string }> {
  await until(() => found.size > 0, 'a process that waits inside a handler')
  for (const [worker, mark] of found) return { worker, mark }
  throw new Error('nobody waits')
}

export const stoppedInMainLoop = stoppedInHandler(
  'stopped in a handler',
  'a process is stopped for 40 s inside a handler: another takes over within 15 s, and the event takes effect once',
  1,
)
export const stoppedInRetryLoop = stoppedInHandler(
  'stopped in a retry',
  'a process is stopped for 40 s inside a handler that tries a parked event again: another takes over within 15 s, and the event takes effect once',
  2,
)
