import { sql } from 'drizzle-orm'
import { bookkeeping, createCrew, shipEvents, type WorldSettings } from './event-crew.ts'

/**
 * One process of a fleet, to be killed: publishes on its own account and delivers. It writes a line for every run of a
 * handler, outside any transaction, so that executions can be counted as well as effects.
 */
const { settings, firstShip }: { settings: WorldSettings; firstShip: number } = JSON.parse(process.argv[2] ?? '')

const crew = createCrew(settings, { pollMs: 50, idlePollMs: 100 })
crew.events.register({ database: crew.ships, contract: shipEvents })
crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping(() => void process.stdout.write('.'))] })
await crew.events.start()

for (let ship = firstShip; ; ship += 1) {
  await crew.ships.requests
    .withTx(async (tx) => {
      await tx.db.execute(sql`INSERT INTO ship (id, step) VALUES (${ship}, 1)`)
      await crew.publish(tx, 'ship.sailed', ship, { shipId: ship, step: 1 })
      if (ship % 5 === 0) throw new Error('rolled back')
    })
    .catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 20))
}
