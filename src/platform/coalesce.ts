/**
 * Single look-ups of one tick become one batch. Whatever asks for many things by id (a quote over ten carriers, a list of
 * customers whose cache is cold) then costs one statement and one connection instead of one each.
 */
export function coalesce<K, V>(loadMany: (keys: K[]) => Promise<ReadonlyMap<K, V>>): (key: K) => Promise<V | undefined> {
  let batch: { keys: Set<K>; found: Promise<ReadonlyMap<K, V>> } | undefined
  return async (key) => {
    if (!batch) {
      const keys = new Set<K>()
      const found = Promise.resolve().then(() => {
        batch = undefined
        return loadMany([...keys])
      })
      batch = { keys, found }
    }
    batch.keys.add(key)
    return (await batch.found).get(key)
  }
}
