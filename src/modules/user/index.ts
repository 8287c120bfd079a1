/**
 * user
 *   owns       users, roles, user_roles in shared_user_db
 *   offers     getUser, getUsers, getRoleTable; inside the unit also createUser, getAccess, getAccessNow, rehashPassword, hasAdministrator
 *   publishes  user.created, user.updated, user.suspended, user.deactivated, user.reactivated, user.roles_changed
 *   hears      nothing
 */
export {
  type RoleTable,
  type User,
  type UserAccess,
  type UserContract,
  type UserEvents,
  userContract,
  userEvents,
} from './contract.ts'
export { createUser, type UserModule, type UserNeeds } from './module.ts'
export type { PermissionUse } from './routes.ts'
