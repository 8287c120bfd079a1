import { index, int, mysqlTable, uniqueIndex, varchar } from 'drizzle-orm/mysql-core'
import { asciiKey, bytes, createdAt, id, instant, json, ref, updatedAt, varbytes, version } from '#platform/columns.ts'

/** How somebody proves who they are. References to users are numbers without a foreign key: the table is user's. */

/** One row per log-in. Its refresh token is computed from it and never stored. */
export const sessions = mysqlTable(
  'sessions',
  {
    id: id(),
    userId: ref('user_id'),
    /** Rises with every refresh; a token of a lower one has been used. */
    generation: int('generation', { unsigned: true }).notNull().default(1),
    /** Drawn at log-in, so that an id given out twice (restore, failover) revives no old token. */
    nonce: bytes('nonce', 16).notNull(),
    rotatedAt: instant('rotated_at'),
    method: asciiKey('method', 20).$type<'password'>().notNull(),
    device: varchar('device', { length: 100 }),
    ip: varbytes('ip', 16),
    lastUsedAt: instant('last_used_at').notNull(),
    idleExpiresAt: instant('idle_expires_at').notNull(),
    absoluteExpiresAt: instant('absolute_expires_at').notNull(),
    revokedAt: instant('revoked_at'),
    revokeReason: asciiKey('revoke_reason', 30),
    /** Raised when the session is ended: the version of its cached state. */
    version: version(),
    createdAt: createdAt(),
  },
  (table) => [index('sessions_user').on(table.userId, table.revokedAt, table.createdAt)],
)

export const signingKeys = mysqlTable(
  'signing_keys',
  {
    id: id(),
    /** RFC 7638 thumbprint of the public part. */
    kid: asciiKey('kid', 43).notNull(),
    alg: asciiKey('alg', 10).$type<'ES256' | 'EdDSA'>().notNull(),
    publicJwk: json<Record<string, unknown>>('public_jwk').notNull(),
    /** AES-256-GCM under a key derived from AUTH_SECRET. */
    privateSealed: varbytes('private_sealed', 512).notNull(),
    /** 1, 2, 3 …: unique, so that of many replicas one makes the next key. */
    rotation: int('rotation').notNull(),
    publishAt: instant('publish_at').notNull(),
    activateAt: instant('activate_at').notNull(),
    retireAt: instant('retire_at').notNull(),
    removeAt: instant('remove_at').notNull(),
    revokedAt: instant('revoked_at'),
    createdAt: createdAt(),
  },
  (table) => [uniqueIndex('signing_keys_kid').on(table.kid), uniqueIndex('signing_keys_rotation').on(table.rotation)],
)

/** Failed log-ins per address, whether it has an account or not. */
export const loginFailures = mysqlTable('login_failures', {
  /** HMAC of the normalised address: the table names nobody. */
  ident: bytes('ident', 32).primaryKey(),
  failures: int('failures').notNull(),
  blockedUntil: instant('blocked_until'),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})
