import { expect, test } from 'vitest'
import { inspect } from './event-inspection.ts'
import type { Position } from './event-positions.ts'
import type { LoggedEvent, LogWindow } from './event-sources.ts'

const event = (seq: number, id = `e${seq}`): LoggedEvent => ({
  seq,
  publishedAt: 0,
  envelope: {
    id,
    type: 'ship.sailed',
    version: 1,
    source: 'shared_user',
    occurredAt: '2026-03-29T02:30:00.123Z',
    subject: 'ship/1',
    subjectSeq: seq,
    correlationId: 'request-1',
    causationId: 'request-1',
    actor: { kind: 'system' },
    traceparent: null,
    data: { shipId: 1, step: seq },
  },
})
const log = (events: LoggedEvent[], generation = 1): LogWindow => ({ generation, events })
const at = (seq: number, eventId: string | null): Position => ({ generation: 1, seq, eventId })

test.each([
  ['at the beginning of an empty log', at(0, null), { generation: undefined, events: [] }, []],
  ['at the beginning', at(0, null), log([event(1), event(2)]), [1, 2]],
  ['in the middle', at(4, 'e4'), log([event(4), event(5), event(6)]), [5, 6]],
  ['at the end', at(4, 'e4'), log([event(4)]), []],
])('a position %s goes on with what follows it', (_, position, window, numbers) => {
  const found = inspect(position, window)

  expect('events' in found && found.events.map(({ seq }) => seq)).toEqual(numbers)
})

test.each([
  ['whose event bears another id', at(4, 'e4'), log([event(4, 'other'), event(5)]), 'number 4'],
  ['whose event is gone', at(4, 'e4'), log([event(5)]), 'number 4'],
  ['beyond the end', at(4, 'e4'), { generation: undefined, events: [] }, 'number 4'],
  ['before a gap', at(4, 'e4'), log([event(4), event(6)]), 'number 5 is missing'],
  ['at a beginning that is not there', at(0, null), log([event(2)]), 'number 1 is missing'],
  ['of another generation', at(4, 'e4'), log([event(4), event(5)], 2), 'generation 2'],
])('a position %s is a conflict: nothing is applied', (_, position, window, reason) => {
  expect(inspect(position, window)).toMatchObject({ conflict: expect.stringContaining(reason) })
})
