import type { Cache } from '#platform/cache.ts'
import { coalesce } from '#platform/coalesce.ts'
import { visibility } from '#platform/principal.ts'
import type { Customer } from './contract.ts'
import { CustomerNotFound } from './errors.ts'
import type { CustomerProfiles } from './profiles.ts'
import { type CustomerService, pricingProfileOf } from './service.ts'

interface Uncached {
  service: CustomerService
  profiles: CustomerProfiles
}

/**
 * Customers by id under their version: at most a second old in this process, set if newer in Redis for the others. Every change
 * is put there before it is answered. Reads that depend on whose the customer is, and lists, go to the database.
 */
export function withCache(cache: Cache, { service, profiles }: Uncached): Uncached {
  const customers = cache.versioned<Customer>({ entity: 'customer', what: 'profile' })
  const load = coalesce(async (ids: number[]) => {
    const found = await service.getCustomers({ ids })
    return new Map(found.map((customer) => [customer.id, customer]))
  })
  const get = (id: number): Promise<Customer | undefined> => customers.get(id, () => load(id))
  const put = async (customer: Customer): Promise<Customer> => {
    await customers.put(customer.id, customer)
    return customer
  }

  return {
    service: {
      ...service,
      getCustomer: ({ id }) => get(id),
      async getCustomers({ ids }) {
        const found = await Promise.all([...new Set(ids)].toSorted((a, b) => a - b).map(get))
        return found.filter((customer) => customer !== undefined)
      },
      async getPricingProfile({ id }) {
        const customer = await get(id)
        return customer && pricingProfileOf(customer)
      },
      async requireCustomer({ id }, actor) {
        if (visibility(actor, 'customer:read').scope !== 'any') return service.requireCustomer({ id }, actor)
        const customer = await get(id)
        if (!customer) throw CustomerNotFound({ id })
        return customer
      },
      createCustomer: async (input) => put(await service.createCustomer(input)),
      updateCustomer: async (change, actor) => put(await service.updateCustomer(change, actor)),
      changeStatus: async (change, actor) => put(await service.changeStatus(change, actor)),
    },
    profiles: {
      async createProfile(tx, user) {
        const customer = await profiles.createProfile(tx, user)
        if (customer) tx.afterCommit(async () => void (await put(customer)))
        return customer
      },
      async followUser(tx, user) {
        const customer = await profiles.followUser(tx, user)
        if (customer) tx.afterCommit(async () => void (await put(customer)))
        return customer
      },
    },
  }
}
