import type { Cache } from '#platform/cache.ts'
import type { Config } from '#platform/config.ts'
import type { Connection, SharedUserTx } from '#platform/databases.ts'
import type { Publisher, Subscriptions } from '#platform/events.ts'
import type { ModuleRoutes } from '#platform/http.ts'
import type { Log } from '#platform/logging.ts'
import type { PermitCounter } from '#platform/rate-limits.ts'
import type { SecurityPort } from '#platform/security.ts'
import type { UserContract, UserEvents } from '../user/index.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createAttempts } from './attempts.ts'
import type { AuthEvents } from './contract.ts'
import { createFailureSweep } from './failure-sweep.ts'
import { createAdministrators } from './first-administrator.ts'
import { createKeyRepository } from './key-repository.ts'
import { createLoggingIn } from './logging-in.ts'
import { createLoginRepository } from './login-repository.ts'
import { createPasswordPolicy } from './password-policy.ts'
import { createPasswords } from './passwords.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { authRoutes } from './routes.ts'
import { createSealing } from './sealing.ts'
import { createSecurity } from './security.ts'
import { type AuthService, createAuthService } from './service.ts'
import { createSessionRepository } from './session-repository.ts'
import { createSessionStates } from './session-states.ts'
import { createSessions } from './sessions.ts'
import { createSigningKeys } from './signing-keys.ts'
import { authSubscriptions } from './subscriptions.ts'

export interface AuthNeeds {
  connection: Connection<'shared_user_db'>
  /** What all processes count and remember together; may go away. */
  shared: { cache: Cache; permits: PermitCounter }
  publish: Publisher<AuthEvents, SharedUserTx>
  /** The other half of the unit: makes accounts, and says what they may do. */
  users: Pick<
    UserContract,
    'createUser' | 'getUser' | 'getAccess' | 'getAccessNow' | 'getRoleTable' | 'rehashPassword' | 'hasAdministrator'
  >
  config: Pick<Config, 'auth' | 'limits' | 'publicUrl'>
  log: Log
}

export interface AuthModule {
  service: AuthService
  plugin: ModuleRoutes
  subscriptions: Subscriptions<UserEvents, SharedUserTx>
  /** Who is asking, for the surface. */
  security: SecurityPort
  /** Makes an administrator, for the command line. */
  createAdministrator: ReturnType<typeof createAdministrators>['createAdministrator']
  /** Reads or makes the signing keys and the first administrator. Awaited after user's start, before the process listens. */
  start(): Promise<void>
  stop(): void
}

export function createAuth({ connection, shared, publish, users, config, log }: AuthNeeds): AuthModule {
  const { auth, limits, publicUrl } = config
  const life = { idleDays: auth.refreshIdleDays, maxDays: auth.refreshMaxDays, graceSeconds: auth.refreshGraceSeconds }
  const sealing = createSealing(auth)

  const keyRepository = createKeyRepository(connection)
  const changed = () => access.forget()
  const keys = createSigningKeys({ repository: keyRepository, sealing, alg: auth.signingAlg, log, changed })
  const access = createAccessTokens({ keys, issuer: publicUrl, ttlSeconds: auth.accessTtlSeconds })
  const tokens = { access, refresh: createRefreshTokens(auth) }

  const repository = createSessionRepository(connection, life)
  const states = createSessionStates(shared.cache, repository)
  const attempts = createAttempts({ permits: shared.permits, limits, sealing })
  const sessions = createSessions({ repository, states, publish, users, tokens, attempts, life, log })

  const passwords = createPasswords({ log })
  const policy = createPasswordPolicy({ minLength: auth.passwordMinLength })
  const loginRepository = createLoginRepository(connection)
  const failures = createFailureSweep({ repository: loginRepository, log })
  const logIn = createLoggingIn({ repository: loginRepository, sessions, passwords, attempts, sealing, users })
  const { registration } = auth
  const service = createAuthService({ registration, repository, sessions, logIn, users, passwords, policy, attempts })
  const administrators = createAdministrators({ users, passwords, policy, log })

  return {
    service,
    plugin: authRoutes({ service, publicKeys: keys.jwks }),
    subscriptions: authSubscriptions({ repository, sessions, states }),
    security: createSecurity({ tokens: access, states, users }),
    createAdministrator: administrators.createAdministrator,
    async start() {
      await keys.start()
      await administrators.ensureAdministrator(auth.bootstrapAdmin)
      failures.start()
    },
    stop() {
      keys.stop()
      failures.stop()
    },
  }
}
