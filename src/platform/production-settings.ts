import { type DatabaseName, settingPrefix } from './database-names.ts'
import { foreignSettings, isSecretSetting } from './foreign-settings.ts'
import type { ModuleName } from './module-table.ts'
import type { Settings } from './settings.ts'

/** Values that stand in examples and tutorials; production takes none of them. */
const exampleValue = /^(change.?me|example|secret|password|test|default|admin|root|bulkhead|0123456789abcdef)/i

/** What production refuses: secrets that are missing, known or of others, and settings that are for tests. One line each. */
export function insecureSettings(
  settings: Settings,
  databases: ReadonlyMap<DatabaseName, { password: string }>,
  modules: readonly ModuleName[],
): string[] {
  const faults: string[] = []
  const hostsAuth = modules.includes('auth')
  const requireSecret = (name: string, value: string | undefined): void => {
    if (value === undefined || value === '') faults.push(`${name} is missing: production needs it set`)
    else if (exampleValue.test(value)) faults.push(`${name} is an example value: production needs a random one`)
    else if (value.length < 12) faults.push(`${name} is shorter than 12 characters: production needs a random one`)
  }
  if (hostsAuth) requireSecret('AUTH_SECRET', settings.AUTH_SECRET)
  requireSecret('REDIS_PASSWORD', settings.REDIS_PASSWORD)
  for (const [name, { password }] of databases) requireSecret(`${settingPrefix[name]}_PASSWORD`, password)
  for (const [name, owner] of foreignSettings(modules)) {
    if (!isSecretSetting(name) || settings[name] === undefined) continue
    faults.push(`${name} is set, and ${owner} is hosted by another process: take it away`)
  }
  if (hostsAuth && settings.BOOTSTRAP_ADMIN_PASSWORD !== undefined)
    requireSecret('BOOTSTRAP_ADMIN_PASSWORD', settings.BOOTSTRAP_ADMIN_PASSWORD)
  if (settings.PUBLIC_URL === undefined)
    faults.push('PUBLIC_URL is missing: production needs the address the world uses, it is the issuer of the tokens')
  if (hostsAuth && settings.AUTH_REGISTRATION === 'open' && settings.AUTH_EMAIL_VERIFICATION === undefined) {
    faults.push(
      'AUTH_EMAIL_VERIFICATION is missing: say "off" by hand to let people register with an address nobody has proven, or set AUTH_REGISTRATION=closed',
    )
  }
  if (settings.TRANSPORT === 'loopback') faults.push('TRANSPORT=loopback is for tests: take it away')
  return faults
}
