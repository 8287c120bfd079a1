/**
 * One at a time per key, a few may wait. Guesses on one address are judged one after the other, so that a burst of them cannot
 * slip past a counter that is read before and written after each.
 */
export function createLanes<K>({ waiting, refuse }: { waiting: number; refuse: () => Error }) {
  const lanes = new Map<K, { length: number; tail: Promise<unknown> }>()

  return async <R>(key: K, work: () => Promise<R>): Promise<R> => {
    const lane = lanes.get(key) ?? { length: 0, tail: Promise.resolve() }
    if (lane.length > waiting) throw refuse()
    lanes.set(key, lane)
    lane.length++
    const mine = lane.tail.then(work)
    // Whoever is next waits for the end, not for success.
    lane.tail = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      lane.length--
      if (lane.length === 0) lanes.delete(key)
    }
  }
}
