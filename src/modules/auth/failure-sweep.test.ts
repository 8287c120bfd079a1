import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryLog } from '#support/http.ts'
import { createIdentity, type Identity } from '#support/identity.ts'
import { createFailureSweep } from './failure-sweep.ts'
import { createLoginRepository } from './login-repository.ts'

let identity: Identity
beforeAll(async () => {
  identity = await createIdentity()
})
afterAll(() => identity.close())

test('free failures are forgotten after a day, all others after a month', async () => {
  const { rows, database } = identity
  await rows('DELETE FROM login_failures')
  const seen: [name: string, failures: number, age: string][] = [
    ['free and old', 4, '25 HOUR'],
    ['free and young', 4, '23 HOUR'],
    ['counted and a day old', 5, '25 HOUR'],
    ['counted and very old', 100, '31 DAY'],
  ]
  for (const [name, failures, age] of seen)
    await rows(
      `INSERT INTO login_failures (ident, failures, updated_at) VALUES (UNHEX(SHA2('${name}', 256)), ${failures}, NOW(3) - INTERVAL ${age})`,
    )

  const sweep = createFailureSweep({ repository: createLoginRepository(database.requests), log: memoryLog(), everyMs: 20 })
  sweep.start()

  await expect.poll(() => rows('SELECT failures FROM login_failures ORDER BY failures')).toEqual([{ failures: 4 }, { failures: 5 }])
  sweep.stop()
})
