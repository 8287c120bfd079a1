import { expect, test } from 'vitest'
import { createBreaker } from './breaker.ts'

function clocked() {
  let time = 0
  const seen: string[] = []
  const breaker = createBreaker({ now: () => time, changed: (state) => seen.push(state) })
  const fail = (times: number) => {
    for (let turn = 0; turn < times; turn += 1) breaker.failed()
  }
  const pass = (ms: number) => {
    time += ms
  }
  return { breaker, seen, fail, pass }
}

test('five failures within a second open it, and four do not', () => {
  const { breaker, fail } = clocked()

  fail(4)
  expect(breaker.admit()).toBe(true)
  fail(1)

  expect(breaker.admit()).toBe(false)
})

test('failures further apart do not add up', () => {
  const { breaker, fail, pass } = clocked()

  for (let turn = 0; turn < 20; turn += 1) {
    fail(1)
    pass(300)
  }

  expect(breaker.state).toBe('closed')
})

test('open, it lets one probe through each second, and one success closes it', () => {
  const { breaker, seen, fail, pass } = clocked()
  fail(5)

  pass(1_000)
  expect([breaker.admit(), breaker.admit()]).toEqual([true, false])
  breaker.failed()
  expect(breaker.admit()).toBe(false)
  pass(1_000)
  expect(breaker.admit()).toBe(true)
  breaker.succeeded()

  expect(breaker.admit()).toBe(true)
  expect(seen).toEqual(['open', 'closed'])
})
