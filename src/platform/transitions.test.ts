import { expect, test } from 'vitest'
import { stepOf } from './transitions.ts'

const close = { from: ['open', 'held'], to: 'closed' } as const

test('an action moves a thing from each of the states it leaves', () => {
  expect(close.from.map((state) => stepOf<string>(close, state))).toEqual(['move', 'move'])
})

test('repeating an action whose end state is reached is neither a move nor a refusal', () => {
  expect(stepOf<string>(close, 'closed')).toBe('reached')
})

test('an action is refused in any other state', () => {
  expect(stepOf<string>(close, 'draft')).toBe('refused')
})
