import { sql } from 'drizzle-orm'
import { expect, onTestFinished, test } from 'vitest'
import type { ShipTx } from '#support/event-crew.ts'
import { createWorld } from '#support/event-world.ts'
import { numberOf, selectRows } from './event-statements.ts'

/** As the server counts them on the connection of the transaction; the question itself is one of them. */
async function statementsOf(tx: ShipTx, work: () => Promise<unknown>): Promise<number> {
  const executed = async (): Promise<number> => {
    const [row] = await selectRows(tx.db, sql`SHOW SESSION STATUS LIKE 'Com_stmt_execute'`)
    return row ? numberOf(row, 'Value') : Number.NaN
  }
  const before = await executed()
  await work()
  return (await executed()) - before - 1
}

test('EV-26: publishing adds two statements to a transaction, for the first event of a subject and for each later one', async () => {
  const world = await createWorld()
  onTestFinished(() => world.drop())
  const crew = world.crew()

  const counts = await crew.ships.requests.withTx(async (tx) => [
    await statementsOf(tx, async () => {}),
    await statementsOf(tx, () => crew.publish(tx, 'ship.sailed', 1, { shipId: 1, step: 1 })),
    await statementsOf(tx, () => crew.publish(tx, 'ship.sailed', 1, { shipId: 1, step: 2 })),
  ])

  expect(counts).toEqual([0, 2, 2])
})
