import { expect, test } from 'vitest'
import { coalesce } from './coalesce.ts'

test('look-ups of one tick are loaded together, each key once', async () => {
  const batches: number[][] = []
  const load = coalesce(async (keys: number[]) => {
    batches.push(keys)
    return new Map(keys.filter((key) => key < 9).map((key) => [key, `thing ${key}`]))
  })

  const found = await Promise.all([load(1), load(2), load(1), load(9)])

  expect(found).toEqual(['thing 1', 'thing 2', 'thing 1', undefined])
  expect(batches).toEqual([[1, 2, 9]])
})

test('a failed batch fails its own look-ups only', async () => {
  let calls = 0
  const load = coalesce(async (keys: number[]) => {
    calls += 1
    if (calls === 1) throw new Error('away')
    return new Map(keys.map((key) => [key, key]))
  })

  await expect(load(1)).rejects.toThrow('away')
  expect(await load(1)).toBe(1)
})
