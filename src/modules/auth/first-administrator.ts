import { isAppError } from '#platform/errors.ts'
import type { Log } from '#platform/logging.ts'
import type { User, UserContract } from '../user/index.ts'
import type { PasswordPolicy } from './password-policy.ts'
import type { Passwords } from './passwords.ts'

export interface AdministratorNeeds {
  users: Pick<UserContract, 'createUser' | 'hasAdministrator'>
  passwords: Passwords
  policy: PasswordPolicy
  log: Pick<Log, 'info' | 'warn'>
}

export interface AdministratorCredentials {
  email: string
  password: string
  firstName?: string
  lastName?: string
}

/** Makes an active, verified administrator. The policy for passwords holds for them too. */
export function createAdministrators({ users, passwords, policy, log }: AdministratorNeeds) {
  async function createAdministrator({
    email,
    password,
    firstName = 'First',
    lastName = 'Administrator',
  }: AdministratorCredentials): Promise<User> {
    await policy.require(password, { email, names: [firstName, lastName] })
    return users.createUser({
      email,
      passwordHash: await passwords.hash(password),
      firstName,
      lastName,
      userType: 'staff',
      roles: ['admin'],
      emailVerified: true,
    })
  }

  return {
    createAdministrator,

    /** At boot: when nobody can administer, the one from the settings is made, by exactly one of any number of replicas. */
    async ensureAdministrator(wanted: AdministratorCredentials | undefined): Promise<void> {
      const { exists } = await users.hasAdministrator({})
      if (wanted !== undefined && exists)
        log.warn({}, 'BOOTSTRAP_ADMIN_PASSWORD is still in the environment and no longer needed: take it away')
      if (exists) return
      if (wanted === undefined) {
        log.warn({}, 'there is no administrator yet: npm run admin -- create --email <address>')
        return
      }
      try {
        const { id } = await createAdministrator(wanted)
        log.info({ userId: id }, 'made the first administrator')
      } catch (error) {
        // Another replica was faster: the address is unique.
        if (!isAppError(error) || error.code !== 'EMAIL_TAKEN') throw error
      }
    },
  }
}
