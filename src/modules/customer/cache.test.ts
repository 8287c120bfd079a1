import { expect, test } from 'vitest'
import type { Cache } from '#platform/cache.ts'
import { withCache } from './cache.ts'
import type { Customer } from './contract.ts'
import { blankProfile } from './profiles.ts'
import type { CustomerRepository } from './repository.ts'

const customer = (id: number, version = 1): Customer => ({
  ...blankProfile,
  id,
  userId: id + 100,
  accountNumber: `C-${id}`,
  timezone: 'UTC',
  portalUserActive: true,
  version,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
})

/** Keeps what it is given for ever, so that a test sees what came from it. */
function rememberingCache(): Pick<Cache, 'versioned'> {
  const kept = new Map<number | string, unknown>()
  return {
    versioned: <V>() => ({
      get: async (id: number | string, load: () => Promise<V | undefined>) => {
        if (!kept.has(id)) kept.set(id, await load())
        return kept.get(id) as V | undefined
      },
      put: async (id: number | string, value: V) => void kept.set(id, value),
    }),
  }
}

function world() {
  const reads: number[][] = []
  const unused = () => Promise.reject(new Error('not part of this test'))
  const repository: CustomerRepository = {
    inTransaction: unused,
    find: async (id) => customer(id),
    findMany: async (ids) => {
      reads.push(ids)
      return ids.filter((id) => id < 10).map((id) => customer(id))
    },
    findByUser: unused,
    list: unused,
    lock: unused,
    lockByUser: unused,
    noteUserVersion: unused,
    insert: unused,
    update: async (_tx, before) => ({ ...before, version: before.version + 1 }),
  }
  return { cached: withCache(rememberingCache(), repository), reads }
}

test('customers whose copy is missing are read together, and not again', async () => {
  const { cached, reads } = world()

  const found = await cached.findMany([3, 1, 3, 99])
  await cached.find(1, { scope: 'any' })

  expect(found.map(({ id }) => id)).toEqual([1, 3])
  expect(reads).toEqual([[1, 3, 99]])
})

test('who may see their own only is never answered from a copy', async () => {
  const { cached, reads } = world()

  await cached.find(1, { scope: 'own', userId: 101 })

  expect(reads).toEqual([])
})

test('a change is kept after its commit, and a change that is rolled back is not', async () => {
  const { cached } = world()
  const hooks: (() => void | Promise<void>)[] = []
  const tx = {
    name: 'customer_service_db' as const,
    db: Object.create(null),
    afterCommit: (hook: () => void | Promise<void>) => void hooks.push(hook),
  }
  await cached.find(1, { scope: 'any' })

  await cached.update(tx, customer(1), {})
  const whileOpen = await cached.find(1, { scope: 'any' })
  for (const hook of hooks) await hook()
  const committed = await cached.find(1, { scope: 'any' })

  expect([whileOpen?.version, committed?.version]).toEqual([1, 2])
})
