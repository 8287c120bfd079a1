import { grows } from '../harness/conditions.ts'
import type { Scenario } from '../harness/scenario.ts'
import { openSea, type Sea } from '../harness/sea.ts'
import { careless, fiveProcesses, moments, sail } from '../harness/voyage.ts'
import { figuresOf, nothingWrong } from './promises.ts'

export const killedServers: Scenario = {
  id: 'EV-11',
  variant: 'servers killed',
  claim: "the publisher's and the consumer's database server are killed with kill -9 besides the processes, and come back",
  sizes: {
    short: { events: 300, subjects: 1_000, faults: 1, serverKills: 1 },
    standard: { events: 10_000, subjects: 1_000, faults: 50, serverKills: 20 },
    full: { events: 200_000, subjects: 1_000, faults: 1_000, serverKills: 20 },
  },
  async run(size, { random, progress }) {
    const sea = await openSea({ ...size, apart: true, durable: true })
    const kills = size.serverKills ?? 0
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: fiveProcesses(careless(size.subjects)),
        events: size.events,
        async trouble(voyage) {
          const faults = [
            ...moments(random, size.faults).map((share) => ({ share, make: () => voyage.killOne() })),
            ...moments(random, kills).map((share) => ({ share, make: () => sea.servers.ships.restart() })),
            ...moments(random, kills).map((share) => ({ share, make: () => sea.servers.harbours.restart() })),
          ].sort((a, b) => a.share - b.share)
          for (const { share, make } of faults) {
            if (!(await voyage.reaches(share))) return
            await make()
          }
        },
      })
      return figuresOf(outcome, size.faults + 2 * kills, nothingWrong(outcome), { 'server kills': 2 * kills, 'process kills': size.faults })
    } finally {
      await sea.close()
    }
  },
}

export const cutCommits: Scenario = {
  id: 'EV-11',
  variant: 'commits cut',
  claim: 'the reply to a COMMIT is cut off between server and process: nobody is told which way it went',
  sizes: {
    short: { events: 250, subjects: 1_000, faults: 40 },
    standard: { events: 5_000, subjects: 1_000, faults: 1_000 },
    full: { events: 50_000, subjects: 1_000, faults: 10_000 },
  },
  async run(size, { random, progress }) {
    const sea = await openSea({ ...size, proxied: true })
    const cuts = ({ proxies }: Sea) => (proxies.ships?.cuts ?? 0) + (proxies.harbours?.cuts ?? 0)
    try {
      const outcome = await sail({
        sea,
        random,
        progress,
        crew: fiveProcesses(careless(size.subjects)),
        events: size.events,
        goesOn: true,
        async trouble() {
          sea.proxies.ships?.cutWhen(/COMMIT/, { when: () => random.chance(0.1) })
          sea.proxies.harbours?.cutWhen(/COMMIT/, { when: () => random.chance(0.3) })
          await grows(
            async () => cuts(sea),
            () => size.faults,
            20_000,
          )
          sea.proxies.ships?.heal()
          sea.proxies.harbours?.heal()
        },
      })
      return figuresOf(
        outcome,
        cuts(sea),
        { ...nothingWrong(outcome), 'as many replies were cut as wanted': cuts(sea) >= size.faults },
        { 'cut at the publisher': sea.proxies.ships?.cuts ?? 0, 'cut at the consumer': sea.proxies.harbours?.cuts ?? 0 },
      )
    } finally {
      await sea.close()
    }
  },
}
