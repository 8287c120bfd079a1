import { expect, test } from 'vitest'
import { until } from './conditions.ts'
import { createRandom } from './random.ts'
import { openSea, type Sea } from './sea.ts'
import { careless, sail } from './voyage.ts'

/** A harness that sees nothing would let every scenario pass: here the databases are made wrong on purpose. */
test('a loss, a second effect, an inversion and an effect without cause that are planted are found, one each', async () => {
  const sea = await openSea({ subjects: 5 })
  try {
    const outcome = await sail({
      sea,
      random: createRandom(1),
      crew: [{ publishes: careless(5, { lanes: 2 }), delivers: {} }],
      events: 50,
      patienceMs: 1_000,
      progress: () => {},
      trouble: async () => {},
      async afterwards() {
        await until(async () => (await sea.effects()) === (await sea.changes()), 'all effects')
        await plant(sea)
      },
    })

    expect(outcome).toMatchObject({ lost: 1, duplicates: 1, inversions: 1, phantoms: 1, deaths: 0 })
    expect(outcome.committed).toBeGreaterThanOrEqual(50)
    expect(outcome.executions).toBe(outcome.committed)
  } finally {
    await sea.close()
  }
}, 60_000)

async function plant(sea: Sea): Promise<void> {
  const { changes, effects } = await sea.find()
  const ofShip = (ship: number) => effects.filter((mark) => changes.get(mark)?.ship === ship)
  const [first, second] = ofShip(1)
  const rows = await sea.rows('harbours', 'SELECT id, mark FROM book')
  const idOf = (mark: string | undefined) => Number(rows.find((row) => row.mark === mark)?.id)
  await sea.rows('harbours', `UPDATE book SET mark = '${second}' WHERE id = ${idOf(first)}`)
  await sea.rows('harbours', `UPDATE book SET mark = '${first}' WHERE id = ${idOf(second)}`)
  await sea.rows('harbours', `INSERT INTO book (mark) VALUES ('${ofShip(2)[0]}'), ('never-1')`)
  await sea.rows('harbours', `DELETE FROM book WHERE mark = '${ofShip(3)[0]}'`)
}
