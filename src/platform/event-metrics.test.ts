import { expect, test } from 'vitest'
import { createEventMetrics, type ReadEvents } from './event-metrics.ts'
import type { ParkedCount } from './event-parking.ts'
import { createMetrics } from './metrics.ts'

function measured(read: Partial<ReadEvents> = {}) {
  const metrics = createMetrics({ process: false })
  const counted = createEventMetrics(metrics, { lines: () => [], ahead: () => [], parked: () => [], ...read })
  return { counted, text: () => metrics.registry.metrics() }
}

const parked = (consumer: string, count: number): Promise<readonly ParkedCount[]> =>
  Promise.resolve([{ consumer, parked: count, subjects: 2, dead: 1 }])

test('everything an operator has to see of events has a metric, with these labels', async () => {
  const { counted, text } = measured({
    lines: () => [{ consumer: 'harbour.book', source: 'ship', lag: 3, conflict: true, waitedSeconds: 1.5 }],
    parked: () => [parked('harbour.book', 4)],
  })
  counted.pending('ship', 2, 0.5)
  counted.handled('harbour.book', 'ship.sailed', 0.003, 'ok')
  counted.settled('harbour.book', [])
  counted.hosted('harbour.book')
  counted.purgeBlocked('ship', ['harbour.book'])

  const lines = (await text()).split('\n')

  expect(lines).toEqual(
    expect.arrayContaining([
      'bulkhead_outbox_pending{source="ship"} 2',
      'bulkhead_outbox_oldest_pending_seconds{source="ship"} 0.5',
      'bulkhead_event_lag{consumer="harbour.book"} 3',
      'bulkhead_event_oldest_unhandled_seconds{consumer="harbour.book"} 1.5',
      'bulkhead_event_blocked_subjects{consumer="harbour.book"} 2',
      'bulkhead_event_parked{consumer="harbour.book"} 4',
      'bulkhead_event_dead{consumer="harbour.book"} 1',
      'bulkhead_event_handle_seconds_count{type="ship.sailed",outcome="ok"} 1',
      'bulkhead_event_executions_total{consumer="harbour.book"} 1',
      'bulkhead_event_deaths_total{consumer="harbour.book"} 0',
      'bulkhead_event_dead_letters_total{consumer="harbour.book"} 0',
      'bulkhead_generation_conflicts{consumer="harbour.book"} 1',
      'bulkhead_outbox_purge_blocked{source="ship",consumer="harbour.book"} 1',
    ]),
  )
  expect(lines).toContain('# TYPE bulkhead_commit_to_effect_seconds histogram')
})

test('the time from commit to effect is measured per consumer', async () => {
  const { counted, text } = measured()
  const publishedAt = performance.now() - 20
  const envelope = {
    id: '',
    type: '',
    version: 1,
    source: '',
    occurredAt: '',
    subject: '',
    subjectSeq: 1,
    correlationId: '',
    causationId: '',
  }

  counted.settled('harbour.book', [
    { seq: 1, envelope: { ...envelope, actor: { kind: 'system' }, traceparent: null, data: {} }, publishedAt },
  ])

  expect(await text()).toMatch(/bulkhead_commit_to_effect_seconds_sum\{consumer="harbour.book"\} 0\.0[2-9]/)
})

test('a database that is away leaves its own figures as they were, and those of the others go on', async () => {
  let count = 1
  let away = false
  const { text } = measured({
    parked: () => [away ? Promise.reject(new Error('away')) : parked('harbour.book', count), parked('pier.guests', count)],
  })
  await text()
  count = 7
  away = true

  const lines = (await text()).split('\n')

  expect(lines).toContain('bulkhead_event_parked{consumer="harbour.book"} 1')
  expect(lines).toContain('bulkhead_event_parked{consumer="pier.guests"} 7')
})

test('a consumer that blocks no more is no longer shown, nor what another process looks after', async () => {
  const { counted, text } = measured()
  counted.purgeBlocked('ship', ['harbour.book', 'pier.guests'])
  counted.purgeBlocked('ship', ['pier.guests'])
  expect(await text()).not.toContain('harbour.book')

  counted.purgeBlocked('ship', undefined)

  expect(await text()).not.toContain('pier.guests')
})
