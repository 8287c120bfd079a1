import { expect, test } from 'vitest'
import { createLanes } from './lanes.ts'

test('work on one key runs one after the other, in the order it came', async () => {
  const inLane = createLanes<string>({ waiting: 5, refuse: () => new Error('full') })
  const seen: string[] = []
  const work = (name: string) => async () => {
    seen.push(`${name} begins`)
    await Promise.resolve()
    seen.push(`${name} ends`)
  }

  await Promise.all([inLane('a', work('first')), inLane('a', work('second'))])

  expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
})

test('whoever finds the lane full is refused, other keys go on, and afterwards it is open again', async () => {
  const inLane = createLanes<string>({ waiting: 1, refuse: () => new Error('full') })
  const { promise: gate, resolve: open } = Promise.withResolvers<string>()
  const running = [inLane('a', () => gate), inLane('a', () => gate)]

  await expect(inLane('a', () => gate)).rejects.toThrow('full')
  await expect(inLane('b', async () => 'free')).resolves.toBe('free')
  open('done')
  await expect(Promise.all(running)).resolves.toEqual(['done', 'done'])
  await expect(inLane('a', async () => 'again')).resolves.toBe('again')
})

test('a failure is its own: the next one runs', async () => {
  const inLane = createLanes<string>({ waiting: 1, refuse: () => new Error('full') })

  const [first, second] = await Promise.allSettled([
    inLane('a', () => Promise.reject(new Error('mine'))),
    inLane('a', () => Promise.resolve('fine')),
  ])

  expect(first).toMatchObject({ status: 'rejected' })
  expect(second).toMatchObject({ status: 'fulfilled', value: 'fine' })
})
