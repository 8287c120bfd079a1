import { expect, test, vi } from 'vitest'
import type { Cache } from '#platform/cache.ts'
import { DependencyUnavailable } from '#platform/dependency-errors.ts'
import { system } from '#platform/principal.ts'
import { withCache } from './cache.ts'
import type { UserAccess } from './contract.ts'
import type { UserService } from './service.ts'

const access: UserAccess = { userId: 7, version: 2, status: 'suspended', roles: [], validForMs: null }

function world(getAccessNow: UserService['getAccessNow']) {
  const put = vi.fn(async () => {})
  const cache: Cache = { versioned: () => ({ get: async (_id, load) => load(), put }) }
  const suspendUser = vi.fn(async () => ({ id: 7 }))
  return { put, service: withCache(cache, { getAccessNow, suspendUser } as unknown as UserService) }
}

test('a change of state is spread in its new version before it is answered', async () => {
  const { service, put } = world(async () => access)

  await service.suspendUser({ id: 7, reason: 'fraud', expectedVersion: undefined }, system)

  expect(put).toHaveBeenCalledWith(7, access)
})

test('a change that is committed is answered as one, though it cannot be spread', async () => {
  const { service } = world(async () => {
    throw DependencyUnavailable({ dependency: 'shared_user_db' })
  })

  await expect(service.suspendUser({ id: 7, reason: 'fraud', expectedVersion: undefined }, system)).resolves.toMatchObject({ id: 7 })
})
