import { describe, expect, test } from 'vitest'
import { apartFromCulprit, blame } from './event-line.ts'

const numbered = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => ({ seq: first + index }))
const at = (seq: number) => ({ generation: 1, seq, eventId: null })

describe('a batch with an event that has failed in it', () => {
  test.each([
    ['nothing has failed: all go together', 0, [11, 60], [11, 60]],
    ['those before it go together', 30, [11, 60], [11, 29]],
    ['it goes alone', 30, [30, 60], [30, 30]],
    ['those behind it go together again', 30, [31, 60], [31, 60]],
    ['it is not reached yet: all go together', 90, [11, 60], [11, 60]],
  ] as const)('%s', (_title, culprit, [first, last], [from, to]) => {
    expect(apartFromCulprit({ culprit }, numbered(first, last))).toEqual(numbered(from, to))
  })

  test('a first failure blames its event, a second one before that sends the events one by one', () => {
    const work = { culprit: 0, singleUntil: 0 }

    blame(work, at(10), { seq: 30 })
    expect(work).toEqual({ culprit: 30, singleUntil: 0 })

    blame(work, at(10), { seq: 20 })
    expect(work).toEqual({ culprit: 30, singleUntil: 20 })
  })

  test('a failure behind the blamed event is a first one again', () => {
    const work = { culprit: 30, singleUntil: 20 }

    blame(work, at(30), { seq: 40 })

    expect(work).toEqual({ culprit: 40, singleUntil: 20 })
  })
})
