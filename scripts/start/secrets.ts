import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../servers/failure.ts'

/** What development needs and nobody should have to invent: made once, kept in the data folder, readable by its owner only. */
export interface Secrets {
  authSecret: string
  databaseRoot: string
  redis: string
  /** Per prefix of the settings, such as `CUSTOMER_DB`. */
  databases: Record<string, { account: string; migrator: string }>
  admin: { email: string; password: string }
  demoPassword: string
}

export function keptSecrets(dataDir: string, prefixes: readonly string[]): Secrets {
  const file = join(dataDir, 'secrets.json')
  if (existsSync(file)) return readSecrets(file)
  const secrets: Secrets = {
    authSecret: random(48),
    databaseRoot: random(24),
    redis: random(24),
    databases: Object.fromEntries(prefixes.map((prefix) => [prefix, { account: random(24), migrator: random(24) }])),
    admin: { email: 'admin@bulkhead.example', password: readable() },
    demoPassword: readable(),
  }
  writeFileSync(`${file}.draft`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.draft`, file)
  return secrets
}

function readSecrets(file: string): Secrets {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Failure({
      what: 'The kept secrets cannot be read.',
      why: `${file}: ${error instanceof Error ? error.message : String(error)}`,
      mend: `restore ${file}, or start afresh with: rm -rf ${file.replace(/\/secrets\.json$/, '')}`,
    })
  }
}

const random = (bytes: number): string => randomBytes(bytes).toString('base64url')

/** For people who type it: no characters that look alike, about 77 bits. */
function readable(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  // Bytes beyond the last whole multiple are thrown away, so that each letter is equally likely.
  const limit = 256 - (256 % letters.length)
  let password = ''
  while (password.replaceAll('-', '').length < 16) {
    for (const byte of randomBytes(16)) {
      if (byte >= limit || password.replaceAll('-', '').length === 16) continue
      if (password.length % 5 === 4) password += '-'
      password += letters[byte % letters.length]
    }
  }
  return password
}
