import { randomBytes } from 'node:crypto'

/**
 * Prints an environment file for the compose layouts: every secret they ask for, made at random.
 *
 *     npm run --silent compose-env > deploy/.env
 */

const secret = (bytes: number): string => randomBytes(bytes).toString('base64url')

const prefixes = ['SHARED_DB', 'CUSTOMER_DB', 'CARRIER_DB', 'PRICING_DB']

const lines = [
  ...prefixes.flatMap((prefix) => [`${prefix}_PASSWORD=${secret(24)}`, `${prefix}_MIGRATOR_PASSWORD=${secret(24)}`]),
  `REDIS_PASSWORD=${secret(24)}`,
  `AUTH_SECRET=${secret(48)}`,
  'BOOTSTRAP_ADMIN_EMAIL=admin@bulkhead.example',
  `BOOTSTRAP_ADMIN_PASSWORD=${secret(18)}`,
]
process.stdout.write(`${lines.join('\n')}\n`)
