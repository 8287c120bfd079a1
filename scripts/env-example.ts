/** Writes `.env.example` from the settings of the process; `npm run docs` calls it, a test keeps the file true. */
import type { TSchema } from 'typebox'
import { settingGroups } from '../src/platform/settings.ts'

interface Described {
  description?: string
  default?: unknown
  enum?: readonly string[]
  'x-secret'?: boolean
}

/** The text of `.env.example`: every setting with its meaning; what has a default stands commented out with it. */
export function renderEnvExample(): string {
  const lines = [
    '# Every setting of Bulkhead. Copy to .env and change what you need; an empty value counts as not set.',
    '# Secrets may stand in a file instead: NAME_FILE=/run/secrets/name.',
    '# npm start needs none of these: it starts its own servers and makes its own secrets.',
  ]
  for (const [group, settings] of Object.entries(settingGroups)) {
    lines.push('', `# --- ${group} ---`)
    for (const [name, schema] of Object.entries(settings)) lines.push(...entry(name, schema))
  }
  return `${lines.join('\n')}\n`
}

function entry(name: string, schema: TSchema): string[] {
  const described: Described = schema
  const choices = described.enum ? ` (${described.enum.join(' | ')})` : ''
  const secret = described['x-secret'] ? ' Secret.' : ''
  return [`# ${described.description ?? name}${choices}.${secret}`, `#${name}=${described.default ?? ''}`]
}
