import { judgePromises, type Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, sail } from '../harness/voyage.ts'

export const rollbacks: Scenario = {
  id: 'EV-01',
  claim:
    'half of the transactions are rolled back at a random step, some by kill -9 of their process: the outbox holds exactly the committed changes',
  sizes: {
    short: { events: 200, subjects: 100, faults: 6 },
    standard: { events: 2_000, subjects: 1_000, faults: 50 },
    full: { events: 50_000, subjects: 1_000, faults: 500 },
  },
  async run(size, { random, progress }) {
    const sea = await openSea(size)
    try {
      // Of as many transactions as the size says about half are to commit.
      const deadly = size.faults / size.events
      const publishing = careless(size.subjects, { rolledBack: 0.5 - deadly, deadly })
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: [{ publishes: publishing }, { publishes: publishing }, { publishes: publishing }, { delivers: {} }],
        events: Math.floor(size.events / 2),
        revive: true,
        trouble: async () => {},
      })
      const [{ changes }, outbox] = [await sea.find(), await sea.outbox()]
      const { ledger } = outcome.voyage
      const withoutEvent = [...changes.keys()].filter((mark) => !outbox.has(mark)).length
      const withoutChange = [...outbox].filter((mark) => !changes.has(mark)).length
      const undoneAndThere = [...ledger.undone].filter((mark) => outbox.has(mark) || changes.has(mark)).length
      return {
        events: outcome.committed,
        faults: outcome.deaths,
        lost: outcome.lost,
        duplicates: outcome.duplicates,
        inversions: outcome.inversions,
        executions: outcome.executions,
        seconds: outcome.seconds,
        more: {
          transactions: ledger.attempted + outcome.deaths,
          'rolled back': ledger.undone.size,
          'changes without event': withoutEvent,
          'events without change': withoutChange + outcome.phantoms,
        },
        ...judgePromises({
          'every committed change has its event': withoutEvent === 0,
          'every event has its change': withoutChange === 0 && outcome.phantoms === 0,
          'nothing is left of a transaction that was rolled back': undoneAndThere === 0,
          'processes died in the middle of transactions': outcome.deaths > 0,
          'every event takes effect once and in order': outcome.lost + outcome.duplicates + outcome.inversions === 0,
        }),
      }
    } finally {
      await sea.close()
    }
  },
}
