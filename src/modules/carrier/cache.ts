import type { Cache } from '#platform/cache.ts'
import { coalesce } from '#platform/coalesce.ts'
import type { CarrierRepository, StoredCarrier } from './repository.ts'
import type { ServiceRepository, ServiceSet } from './service-repository.ts'

interface Repositories {
  carriers: CarrierRepository
  services: ServiceRepository
}

/**
 * Carriers under their version, and the services of each as one set under its own, around the repositories because every read
 * and every write goes through them: at most a second old in this process, set if newer in Redis for the others, put there
 * after each commit and before its answer. The stored state is kept, never the effective one: that depends on the moment.
 */
export function withCache(cache: Pick<Cache, 'versioned'>, { carriers, services }: Repositories): Repositories {
  const kept = cache.versioned<StoredCarrier>({ entity: 'carrier', what: 'profile' })
  const keptSets = cache.versioned<ServiceSet>({ entity: 'carrier', what: 'services' })
  const load = coalesce(async (ids: number[]) => new Map((await carriers.findMany(ids)).map((carrier) => [carrier.id, carrier])))
  const loadSet = coalesce((carrierIds: number[]) => services.findSets(carrierIds))
  const get = (id: number): Promise<StoredCarrier | undefined> => kept.get(id, () => load(id))

  return {
    carriers: {
      ...carriers,
      find: get,
      async findMany(ids) {
        const found = await Promise.all(ordered(ids).map(get))
        return found.filter((carrier) => carrier !== undefined)
      },
      async insert(tx, row) {
        const carrier = await carriers.insert(tx, row)
        tx.afterCommit(() => kept.put(carrier.id, carrier))
        return carrier
      },
      async update(tx, before, change) {
        const carrier = await carriers.update(tx, before, change)
        tx.afterCommit(() => kept.put(carrier.id, carrier))
        return carrier
      },
    },
    services: {
      ...services,
      async findSets(carrierIds) {
        const sets = new Map<number, ServiceSet>()
        await Promise.all(
          ordered(carrierIds).map(async (carrierId) => {
            const set = await keptSets.get(carrierId, () => loadSet(carrierId))
            if (set) sets.set(carrierId, set)
          }),
        )
        return sets
      },
      async renew(tx, carrierId) {
        const set = await services.renew(tx, carrierId)
        tx.afterCommit(() => keptSets.put(carrierId, set))
        return set
      },
    },
  }
}

const ordered = (ids: number[]): number[] => [...new Set(ids)].toSorted((a, b) => a - b)
