import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { embedded, type StartSettings } from './environment.ts'
import type { Secrets } from './secrets.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface Administrator {
  email: string
  password: string
  /** What the API is told, so that it makes this administrator when there is none. */
  environment: Environment
  /** Noted, so that later starts keep the password out of the API's environment. */
  made(): void
}

/** The first administrator of a system: the one whom the environment names, else one that we make up. */
export function firstAdministrator(environment: Environment, settings: StartSettings, secrets: Secrets): Administrator {
  const { BOOTSTRAP_ADMIN_EMAIL: email, BOOTSTRAP_ADMIN_PASSWORD: password } = environment
  if (email && password) return { email, password, environment: {}, made: () => {} }
  // Beside the users it stands for: whoever throws those away gets a new one.
  const isOurs = embedded(settings).some(({ prefix }) => prefix === 'SHARED_DB')
  const note = join(settings.dataDir, 'mariadb/data/bulkhead.administrator')
  const isDue = environment.NODE_ENV !== 'production' && !(isOurs && existsSync(note))
  const { admin } = secrets
  return {
    ...admin,
    environment: isDue ? { BOOTSTRAP_ADMIN_EMAIL: admin.email, BOOTSTRAP_ADMIN_PASSWORD: admin.password } : {},
    made: () => {
      if (isOurs) writeFileSync(note, admin.email)
    },
  }
}
