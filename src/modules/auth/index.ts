/**
 * auth
 *   owns       sessions, signing_keys, login_failures in shared_user_db; reads users, roles and user_roles there
 *   offers     who is asking (the SecurityPort of the surface), /.well-known/jwks.json
 *   publishes  session.revoked
 *   hears      user.suspended, user.deactivated: ends the sessions
 */
export { type AuthEvents, authContract, authEvents } from './contract.ts'
export { type AuthModule, type AuthNeeds, createAuth } from './module.ts'
