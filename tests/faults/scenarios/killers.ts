import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../harness/conditions.ts'
import { judge } from '../harness/ledger.ts'
import { type Fate, partitionOfShip, type Scripted } from '../harness/protocol.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea } from '../harness/sea.ts'
import { careless, sail, type Voyage } from '../harness/voyage.ts'
import { delivered, figuresOf } from './promises.ts'

const mostDeaths = 5
/** Then it is plain that there is no end to it. */
const enoughDeaths = 10
/** The ship whose event kills; its partition is left to what the scenario puts there. */
const victim = 1
const part = partitionOfShip(victim)
const neighbours = Array.from({ length: 1_000 }, (_, index) => index + 2).filter((ship) => partitionOfShip(ship) === part)

const plain = (ships: readonly number[]): Scripted[] => ships.map((ship) => ({ ship, fate: 'plain' }))
const ofVictim = (...fates: Fate[]): Scripted[] => fates.map((fate) => ({ ship: victim, fate }))
/** Two batches with the event in the middle of the first, and three of its subject behind it. */
const amongOthers = (...fates: Fate[]): Scripted[] => [
  ...plain(neighbours.slice(0, 20)),
  ...ofVictim(...fates, 'plain', 'plain', 'plain'),
  ...plain(neighbours.slice(20, 80)),
]

/** An event that ends its process, whoever handles it. The processes are started again and again, as a supervisor would. */
const killer = (variant: string, claim: string, first: readonly Scripted[]): Scenario => ({
  id: 'EV-08',
  variant,
  claim,
  sizes: {
    short: { events: 120, subjects: 1_000, faults: 1 },
    standard: { events: 2_000, subjects: 1_000, faults: 1 },
    full: { events: 20_000, subjects: 1_000, faults: 1 },
  },
  async run(size, { random, progress, form }) {
    const sea = await openSea(size)
    let deaths = 0
    let othersAfter = 0
    let deadAfter = 0
    let wasDeadBefore = true
    let onlyItsSubjectWaits = false
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        // The publisher delivers nothing, so it lives.
        crew: [{ publishes: careless(size.subjects, { first, avoids: part }) }],
        events: size.events,
        revive: true,
        async trouble(voyage) {
          // Everything is there before the first handler runs, so that batches are full.
          await until(() => voyage.ledger.acknowledged.size >= size.events, 'all events')
          const began = performance.now()
          const seconds = () => (performance.now() - began) / 1_000
          for (let process = 0; process < 3; process += 1) voyage.launch({ delivers: {} })

          await until(async () => (await othersDone(voyage)) || (form === 'short' && (await hurry(voyage, false))), 'the other partitions')
          othersAfter = seconds()
          wasDeadBefore = (await deadLetter(voyage)) !== undefined
          const isOver = async () => (await deadLetter(voyage)) !== undefined || voyage.deaths > enoughDeaths
          await until(async () => (await isOver()) || (form === 'short' && (await hurry(voyage, true))), 'a dead letter', 120_000)
          deadAfter = seconds()
          deaths = voyage.deaths
          onlyItsSubjectWaits = deaths <= enoughDeaths && (await restIsDone(voyage))
        },
        async afterwards(voyage) {
          voyage.mend()
          await sea.retryAll()
        },
      })
      return figuresOf(
        outcome,
        deaths,
        {
          ...delivered(outcome),
          'it ends processes': deaths > 0,
          [`it is a dead letter after at most ${mostDeaths} deaths`]: deaths <= mostDeaths,
          'all other partitions finish meanwhile': !wasDeadBefore,
          'then nothing waits but the events of its subject': onlyItsSubjectWaits,
          'no process ends any more after that': outcome.deaths === deaths,
        },
        form === 'short'
          ? { deaths }
          : { deaths, 'other partitions finished after, s': tenths(othersAfter), 'dead letter after, s': tenths(deadAfter) },
      )
    } finally {
      await sea.close()
    }
  },
})

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10

async function othersDone({ sea, ledger }: Voyage): Promise<boolean> {
  const effects = new Set((await sea.find()).effects)
  return [...ledger.acknowledged].every(([mark, { ship }]) => effects.has(mark) || partitionOfShip(ship) === part)
}

const deadLetter = async ({ sea }: Voyage) => (await sea.parked()).find(({ isDead, errorCode }) => isDead && errorCode === 'PROCESS_DIED')

/** Neighbours that were set apart with it have been handled by then, or are a moment later. */
async function restIsDone({ sea, ledger }: Voyage): Promise<boolean> {
  const others = async () => (await sea.parked()).filter(({ mark }) => ledger.acknowledged.get(mark)?.ship !== victim)
  await until(async () => (await sea.unsettled()) === 0 && (await others()).length === 0, 'nothing waits but one subject')
  const parked = await sea.parked()
  const [head, ...more] = parked.filter(({ isHead }) => isHead)
  const { lost, duplicates, inversions } = judge(ledger.acknowledged, await sea.find(), new Set(parked.map(({ mark }) => mark)))
  return head?.fate.startsWith('kills') === true && more.length === 0 && lost + duplicates + inversions === 0
}

/** The suite does not wait for the leases of the dead; those of the partition in question keep their time until the others are done. */
async function hurry({ sea, fleet }: Voyage, all: boolean): Promise<false> {
  await pause(100)
  const alive = fleet.workers.map(({ pid }) => pid)
  await sea.letLeasesRunOut({ alive, claims: all, ...(all ? {} : { exceptPart: part }) })
  return false
}

const thenIsDead = 'it is a dead letter after at most 5 deaths, and all other partitions finish meanwhile'

export const killerInBatch = killer(
  'in a batch',
  `an event in the middle of a batch ends every process that handles it: ${thenIsDead}`,
  amongOthers('kills'),
)
export const killerAlone = killer(
  'alone',
  `an event with nothing else in its partition ends every process that handles it: ${thenIsDead}`,
  ofVictim('kills'),
)
export const killerParked = killer(
  'parked',
  `an event that has failed before ends every process that tries it again: ${thenIsDead}`,
  amongOthers('kills when parked'),
)
export const killerBehind = killer(
  'behind a blocked subject',
  `an event behind one that fails twice ends every process that handles it: ${thenIsDead}`,
  amongOthers('fails twice', 'kills'),
)
