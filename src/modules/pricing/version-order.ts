import { OverlappingVersions } from './errors.ts'

/** A published version in time: as it was published, and the dates at which successors closed it. */
export interface Placed {
  id: number
  number: number
  effectiveFrom: string
  effectiveTo: string | null
  closedTo: readonly string[]
}

/**
 * Versions of a tariff never overlap. A version that begins inside the interval of another closes it there, also when it ends
 * before the other would have; one that begins with another or reaches into a later one is refused. Answers the one to close.
 */
export function placeAmong(draft: { effectiveFrom: string; effectiveTo: string | null }, published: readonly Placed[]): Placed | undefined {
  let predecessor: Placed | undefined
  for (const other of published) {
    const end = endOf(other)
    if (other.effectiveFrom < draft.effectiveFrom) {
      if (end === null || end > draft.effectiveFrom) predecessor = other
      continue
    }
    const reached = draft.effectiveTo === null || draft.effectiveTo > other.effectiveFrom
    if (reached) throw OverlappingVersions({ number: other.number })
  }
  return predecessor
}

function endOf({ effectiveTo, closedTo }: Placed): string | null {
  const [first] = [...closedTo, ...(effectiveTo === null ? [] : [effectiveTo])].sort()
  return first ?? null
}
