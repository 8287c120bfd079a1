import type { Cache } from '#platform/cache.ts'
import { coalesce } from '#platform/coalesce.ts'
import type { Customer } from './contract.ts'
import type { CustomerRepository } from './repository.ts'

/**
 * Customers by id under their version, around the repository because every read and every write goes through it: at most a
 * second old in this process, set if newer in Redis for the others, put there after each commit and before its answer. Reads
 * that depend on whose the customer is, and lists, go to the database.
 */
export function withCache(cache: Pick<Cache, 'versioned'>, repository: CustomerRepository): CustomerRepository {
  const customers = cache.versioned<Customer>({ entity: 'customer', what: 'profile' })
  const load = coalesce(async (ids: number[]) => {
    const found = await repository.findMany(ids)
    return new Map(found.map((customer) => [customer.id, customer]))
  })
  const get = (id: number): Promise<Customer | undefined> => customers.get(id, () => load(id))

  return {
    ...repository,
    find: (id, visibleTo) => (visibleTo.scope === 'any' ? get(id) : repository.find(id, visibleTo)),
    async findMany(ids) {
      const found = await Promise.all([...new Set(ids)].toSorted((a, b) => a - b).map(get))
      return found.filter((customer) => customer !== undefined)
    },
    async insert(tx, row) {
      const customer = await repository.insert(tx, row)
      tx.afterCommit(() => customers.put(customer.id, customer))
      return customer
    },
    async update(tx, before, change) {
      const customer = await repository.update(tx, before, change)
      tx.afterCommit(() => customers.put(customer.id, customer))
      return customer
    },
  }
}
