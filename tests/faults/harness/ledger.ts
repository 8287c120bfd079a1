import type { Report } from './protocol.ts'

/**
 * What is known outside the system: the commits that were acknowledged to a publisher and the runs of handlers. It is kept by
 * the test process, in memory, so nothing that the system loses can be lost here.
 */
export interface Ledger {
  readonly acknowledged: ReadonlyMap<string, Change>
  /** Transactions that ended in one way or another, as far as their processes lived to say so. */
  readonly attempted: number
  readonly undone: ReadonlySet<string>
  /** Runs of handlers. */
  readonly executions: number
  /** Different events among them. */
  readonly executed: number
  note(report: Report): void
}

export interface Change {
  readonly ship: number
  /** Counted in the change's own transaction under the lock of its row: the order of commits, whatever the events say. */
  readonly step: number
}

export function createLedger(): Ledger {
  const acknowledged = new Map<string, Change>()
  const undone = new Set<string>()
  const executed = new Set<string>()
  let attempted = 0
  let executions = 0
  return {
    acknowledged,
    undone,
    get attempted() {
      return attempted
    },
    get executions() {
      return executions
    },
    get executed() {
      return executed.size
    },
    note(report) {
      switch (report.kind) {
        case 'acknowledged':
          attempted += 1
          acknowledged.set(report.mark, { ship: report.ship, step: report.step })
          return
        case 'undone':
          attempted += 1
          undone.add(report.mark)
          return
        case 'unknown':
          attempted += 1
          return
        case 'executed':
          executions += 1
          executed.add(report.mark)
      }
    },
  }
}

export interface Found {
  /** Changes in the publisher's database. */
  readonly changes: ReadonlyMap<string, Change>
  /** Marks of the effects in the consumer's database, in the order in which they were made. */
  readonly effects: readonly string[]
}

export interface Verdict {
  /** Changes that were acknowledged or found. */
  readonly committed: number
  /** Acknowledged or found, but without an effect, or acknowledged and not found. */
  readonly lost: number
  /** Effects beyond the first of an event. */
  readonly duplicates: number
  /** Effects made after one of a later change of the same subject. */
  readonly inversions: number
  /** Effects of changes that were never made. */
  readonly phantoms: number
}

/** Compares what was promised with what is there. `except`: events that are known to wait, as dead letters do. */
export function judge(
  acknowledged: ReadonlyMap<string, Change>,
  { changes, effects }: Found,
  except: ReadonlySet<string> = new Set(),
): Verdict {
  const committed = new Map([...acknowledged, ...changes])
  const seen = new Set<string>()
  const newest = new Map<number, number>()
  let duplicates = 0
  let inversions = 0
  let phantoms = 0
  for (const mark of effects) {
    const change = committed.get(mark)
    if (!change) phantoms += 1
    else if (seen.has(mark)) duplicates += 1
    else {
      const last = newest.get(change.ship) ?? 0
      if (change.step < last) inversions += 1
      newest.set(change.ship, Math.max(last, change.step))
    }
    seen.add(mark)
  }
  const lost = [...committed.keys()].filter((mark) => !changes.has(mark) || !(seen.has(mark) || except.has(mark))).length
  return { committed: committed.size, lost, duplicates, inversions, phantoms }
}
