import type { Cache } from '#platform/cache.ts'
import type { Connection, SharedUserTx } from '#platform/databases.ts'
import type { Publisher, Subscriptions } from '#platform/events.ts'
import type { ModuleRoutes } from '#platform/http.ts'
import { withCache } from './cache.ts'
import type { UserEvents } from './contract.ts'
import { createUserRepository } from './repository.ts'
import { createRoleRepository } from './role-repository.ts'
import { synchroniseBuiltInRoles } from './role-synchronisation.ts'
import { type PermissionUse, userRoutes } from './routes.ts'
import { createUserService, type UserService } from './service.ts'

export interface UserNeeds {
  connection: Connection<'shared_user_db'>
  cache: Cache
  publish: Publisher<UserEvents, SharedUserTx>
  /** Every permission the routes of the process ask for; read when somebody asks, because the routes come later than this. */
  permissions: () => readonly PermissionUse[]
}

export interface UserModule {
  service: UserService
  plugin: ModuleRoutes
  subscriptions: Subscriptions<never, SharedUserTx>
  /** Brings the built-in roles of the database into line with this release. Awaited before the process listens. */
  start(): Promise<void>
}

export function createUser({ connection, cache, publish, permissions }: UserNeeds): UserModule {
  const repository = createUserRepository(connection)
  const roleRepository = createRoleRepository(connection)
  const service = withCache(cache, createUserService({ repository, roleRepository, publish }))
  return {
    service,
    plugin: userRoutes({ service, permissions }),
    subscriptions: [],
    start: () => synchroniseBuiltInRoles(roleRepository),
  }
}
