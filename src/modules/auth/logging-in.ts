import { audit } from '#platform/audit.ts'
import { normaliseEmail } from '#platform/email-address.ts'
import type { UserContract } from '../user/index.ts'
import type { Attempts } from './attempts.ts'
import { AccountSuspended, InvalidCredentials, TooManyAttempts } from './errors.ts'
import { createLanes } from './lanes.ts'
import type { LoginRepository } from './login-repository.ts'
import type { Passwords } from './passwords.ts'
import type { Login, Tokens } from './schemas.ts'
import type { Sealing } from './sealing.ts'
import type { Sessions } from './sessions.ts'

export interface LoggingInNeeds {
  repository: LoginRepository
  sessions: Pick<Sessions, 'begin'>
  passwords: Passwords
  attempts: Attempts
  sealing: Pick<Sealing, 'pseudonym'>
  users: Pick<UserContract, 'rehashPassword'>
}

/** Attempts on one address that may wait for the one being judged. */
const waitingPerAddress = 5
const longestRetryAfter = 86_400

/**
 * The same work in the same order for every address, whether it has an account or not: throttle read, user read, one hash
 * verification, throttle write. So neither bytes nor time tell who has an account.
 */
export function createLoggingIn({ repository, sessions, passwords, attempts, sealing, users }: LoggingInNeeds) {
  const oneAtATime = createLanes<string>({ waiting: waitingPerAddress, refuse: () => TooManyAttempts() })

  async function judgePassword({ email, password, device }: Login, ident: Buffer, ip: string): Promise<Tokens> {
    const blockedMs = await repository.blockedFor(ident)
    const address = `login/${ident.toString('hex').slice(0, 16)}`
    if (blockedMs > 0) {
      await repository.inTransaction((tx) => audit(tx, { action: 'login.blocked', subject: address }))
      throw TooManyAttempts({}, { retryAfter: Math.min(longestRetryAfter, Math.ceil(blockedMs / 1_000)) })
    }

    const account = await repository.findCredentials(email)
    const { isRight, isStale } = await passwords.verify(account?.password, password)
    const subject = account ? `user/${account.userId}` : address
    if (!account || !isRight || (account.status !== 'active' && account.status !== 'suspended')) {
      await repository.inTransaction(async (tx) => {
        await repository.countFailure(tx, ident)
        await audit(tx, { action: 'login.failed', subject })
      })
      await attempts.countFailedLogin(ip)
      throw InvalidCredentials()
    }
    if (account.status === 'suspended') {
      await repository.inTransaction((tx) => audit(tx, { action: 'login.failed', subject, reason: 'suspended' }))
      throw AccountSuspended()
    }

    const { userId } = account
    if (isStale && account.password !== null)
      await users.rehashPassword({ userId, current: account.password, passwordHash: await passwords.hash(password) })
    return sessions.begin({ userId, device, ip }, (tx) => repository.clearFailures(tx, ident))
  }

  return async function logIn(login: Login, ip: string): Promise<Tokens> {
    await attempts.requireLoginFrom(ip)
    const email = normaliseEmail(login.email) ?? login.email
    const ident = sealing.pseudonym('address', email)
    return oneAtATime(email, () => judgePassword({ ...login, email }, ident, ip))
  }
}
