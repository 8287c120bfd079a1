import { isMeantFor } from '#platform/event-contracts.ts'
import type { HostedConsumer } from '#platform/events.ts'
import type { Desks } from './desks.ts'
import { heardTypes, numbersPerStatement, type ReplayInput } from './replay-job.ts'
import type { ReplayPreview } from './replay-schemas.ts'

const mostListed = 100
/** A request has 8 s. */
const countingMs = 2_000

/** What a replay would take, counted and listed without changing anything, as far as it gets in a short time. */
export async function previewOf(
  desks: Desks,
  consumer: HostedConsumer,
  { numbers, filter }: Pick<ReplayInput, 'numbers' | 'filter'>,
  { listed: wanted = mostListed, withinMs = countingMs }: { listed?: number; withinMs?: number } = {},
): Promise<ReplayPreview> {
  const until = performance.now() + withinMs
  const counts = new Map<string, number>()
  const listed: ReplayPreview['events'] = []
  let complete = true
  for (const { source, part, after, to } of numbers) {
    const log = desks.named(source)
    const keys = new Set(consumer.sources.get(source))
    for (let from = after; from < to && complete; from += numbersPerStatement) {
      complete = performance.now() < until
      if (!complete) break
      const stretch = { part, after: from, to: Math.min(from + numbersPerStatement, to), filter, types: [...heardTypes(consumer, source)] }
      const meant = (await log.countStretch(stretch)).filter((alike) => isMeantFor(keys, alike))
      for (const { type, count } of meant) counts.set(type, (counts.get(type) ?? 0) + count)
      if (meant.length === 0 || listed.length >= wanted) continue
      for (const { envelope } of (await log.readStretch({ stretch, limit: wanted })).events) {
        const { id, type, subject, occurredAt } = envelope
        if (listed.length < wanted && isMeantFor(keys, envelope)) listed.push({ id, type, subject, occurredAt })
      }
    }
  }
  const types = [...counts].map(([type, count]) => ({ type, count })).sort((one, other) => (one.type < other.type ? -1 : 1))
  const total = types.reduce((sum, { count }) => sum + count, 0)
  return { dryRun: true, consumer: consumer.name, total, complete, types, events: listed }
}
