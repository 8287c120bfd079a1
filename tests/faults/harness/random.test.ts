import { expect, test } from 'vitest'
import { createRandom } from './random.ts'

const choices = (seed: number) => {
  const random = createRandom(seed)
  return Array.from({ length: 50 }, () => [random.below(10), random.chance(0.5), random.pick(['a', 'b', 'c']), random.between(2, 3)])
}

test('the same seed makes the same choices, another seed makes others', () => {
  expect(choices(7)).toEqual(choices(7))
  expect(choices(7)).not.toEqual(choices(8))
})

test('chances come about as often as they say', () => {
  const random = createRandom(1)
  const hits = Array.from({ length: 10_000 }, () => random.chance(0.05)).filter(Boolean).length

  expect(hits).toBeGreaterThan(400)
  expect(hits).toBeLessThan(600)
})
