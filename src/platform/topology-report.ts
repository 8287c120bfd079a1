import type { EventRoute } from './events.ts'
import type { LentContract } from './exchange.ts'
import type { Topology } from './topology.ts'

/** A process as it stands among the others: what it hosts, whom it calls where, and whose events reach it. */
export interface TopologyReport {
  readonly process: string
  readonly modules: readonly string[]
  readonly calls: readonly LentContract[]
  readonly events: readonly EventRoute[]
}

/** In an order of its own, so that reports can be compared. */
export function topologyReport(
  { modules, service }: Pick<Topology, 'modules' | 'service'>,
  calls: readonly LentContract[],
  events: readonly EventRoute[],
): TopologyReport {
  const inOrder = <T>(list: readonly T[], nameOf: (item: T) => string): T[] => list.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  return {
    process: service?.name ?? 'all',
    modules,
    calls: inOrder(calls, ({ caller, module }) => `${caller} ${module}`),
    events: inOrder(events, ({ consumer, key }) => `${consumer} ${key}`),
  }
}
