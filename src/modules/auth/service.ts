import type { Principal } from '#platform/principal.ts'
import { visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { User, UserContract } from '../user/index.ts'
import type { Attempts } from './attempts.ts'
import { RegistrationClosed, SessionNotFound } from './errors.ts'
import { ipText } from './ip-addresses.ts'
import type { PasswordPolicy } from './password-policy.ts'
import type { Passwords } from './passwords.ts'
import type { Login, Me, Registration, Session, SessionListQuery, Tokens } from './schemas.ts'
import type { SessionRepository } from './session-repository.ts'
import type { Sessions } from './sessions.ts'

/** What the routes ask of this module. */
export interface AuthService {
  register(registration: Registration, ip: string): Promise<User>
  logIn(login: Login, ip: string): Promise<Tokens>
  refresh(input: { refreshToken: string }, ip: string): Promise<Tokens>
  /** Ends the session of the token, else that of the caller; nothing to end is no error. */
  logOut(input: { refreshToken?: string | undefined }, actor: Principal): Promise<void>
  logOutEverywhere(input: { exceptCurrent: boolean }, actor: Principal): Promise<{ ended: number }>
  describeCaller(actor: Principal): Promise<Me>
  listSessions(query: SessionListQuery, actor: Principal): Promise<PageOf<Session>>
  endSession(input: { id: number }, actor: Principal): Promise<void>
}

export interface AuthServiceNeeds {
  registration: 'open' | 'closed'
  repository: SessionRepository
  sessions: Sessions
  logIn: AuthService['logIn']
  users: Pick<UserContract, 'createUser' | 'getUser'>
  passwords: Passwords
  policy: PasswordPolicy
  attempts: Attempts
}

export function createAuthService(needs: AuthServiceNeeds): AuthService {
  const { registration, repository, sessions, logIn, users, passwords, policy, attempts } = needs

  return {
    async register({ email, password, firstName, lastName, userType = 'customer', company, locale, timezone }, ip) {
      if (registration === 'closed') throw RegistrationClosed()
      await attempts.requireRegistrationFrom(ip)
      const names = company === undefined ? [firstName, lastName] : [firstName, lastName, company.name]
      await policy.require(password, { email, names })
      return users.createUser({
        email,
        passwordHash: await passwords.hash(password),
        firstName,
        lastName,
        userType,
        roles: [userType === 'carrier' ? 'carrier_owner' : 'customer'],
        emailVerified: false,
        ...(company === undefined ? {} : { company }),
        ...(locale === undefined ? {} : { locale }),
        ...(timezone === undefined ? {} : { timezone }),
      })
    },

    logIn,

    refresh: ({ refreshToken }, ip) => sessions.refresh(refreshToken, ip),

    async logOut({ refreshToken }, actor) {
      if (refreshToken !== undefined) return sessions.endByToken(refreshToken)
      const { sessionId } = actor
      if (sessionId !== undefined) await sessions.end((tx) => repository.endSession(tx, sessionId, 'logout'), 'logout')
    },

    async logOutEverywhere({ exceptCurrent }, actor) {
      const userId = requireUserId(actor)
      const except = exceptCurrent ? actor.sessionId : undefined
      return { ended: await sessions.end((tx) => repository.endAllOf(tx, userId, 'logout_all', { except }), 'logout_all') }
    },

    async describeCaller(actor) {
      const user = await users.getUser({ id: requireUserId(actor) })
      if (!user) throw new Error('the caller of a live session has no account')
      const permissions = Object.entries(actor.can).map(([permission, scope]) => `${permission}:${scope}`)
      return { user, permissions: permissions.sort(), ...(actor.sessionId === undefined ? {} : { session: { id: actor.sessionId } }) }
    },

    async listSessions(query, actor) {
      const { data, page } = await repository.listLive(requireUserId(actor), query)
      return { data: data.map(({ ip, ...row }) => ({ ...row, ip: ip && ipText(ip), current: row.id === actor.sessionId })), page }
    },

    async endSession({ id }, actor) {
      const visible = visibility(actor, 'session:revoke')
      if (visible.scope === 'none') throw SessionNotFound({ id })
      const owner = visible.scope === 'own' ? visible.userId : undefined
      const ended = await sessions.end((tx) => repository.endSessionOf(tx, id, owner, 'revoked'), 'revoked')
      if (ended === 0) throw SessionNotFound({ id })
    },
  }
}

function requireUserId({ userId }: Principal): number {
  if (userId === undefined) throw new TypeError('this route is for users, and its policy let somebody else pass')
  return userId
}
