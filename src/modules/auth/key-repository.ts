import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import { fromDatabaseInstant } from '#platform/columns.ts'
import { type Connection, isDuplicateKey } from '#platform/databases.ts'
import { signingKeys } from './tables.ts'

export type KeyRepository = ReturnType<typeof createKeyRepository>

export interface StoredKey {
  kid: string
  alg: 'ES256' | 'EdDSA'
  publicJwk: Record<string, unknown>
  privateSealed: Buffer
  rotation: number
  activateAt: string
  retireAt: string
  removeAt: string
}

export interface NextKey {
  kid: string
  alg: 'ES256' | 'EdDSA'
  publicJwk: Record<string, unknown>
  privateSealed: Buffer
  rotation: number
  /** Null: signs from now on. */
  activateAt: string | null
}

export function createKeyRepository({ db }: Connection<'shared_user_db'>) {
  return {
    /** Every key that is not removed or revoked, oldest first, and the database's time of the read. */
    async readKeys(): Promise<{ keys: StoredKey[]; now: string }> {
      const rows = await db
        .select({
          kid: signingKeys.kid,
          alg: signingKeys.alg,
          publicJwk: signingKeys.publicJwk,
          privateSealed: signingKeys.privateSealed,
          rotation: signingKeys.rotation,
          activateAt: signingKeys.activateAt,
          retireAt: signingKeys.retireAt,
          removeAt: signingKeys.removeAt,
          now: sql<string>`NOW(3)`,
        })
        .from(signingKeys)
        .where(and(isNull(signingKeys.revokedAt), gt(signingKeys.removeAt, sql`NOW(3)`)))
        .orderBy(asc(signingKeys.rotation))
      return { keys: rows, now: fromDatabaseInstant(rows[0]?.now ?? '') }
    },

    async newestRotation(): Promise<number> {
      const [row] = await db.select({ rotation: sql<number | null>`MAX(${signingKeys.rotation})` }).from(signingKeys)
      return Number(row?.rotation ?? 0)
    },

    /** False when another replica made the key of this rotation. */
    async insertKey(key: NextKey, lifetime: { days: number; keepMinutes: number }): Promise<boolean> {
      const activateAt = key.activateAt === null ? sql`NOW(3)` : sql`${signingKeys.activateAt.mapToDriverValue(key.activateAt)}`
      const retireAt = sql`${activateAt} + INTERVAL ${lifetime.days} DAY`
      try {
        await db.insert(signingKeys).values({
          kid: key.kid,
          alg: key.alg,
          publicJwk: key.publicJwk,
          privateSealed: key.privateSealed,
          rotation: key.rotation,
          publishAt: sql`NOW(3)`,
          activateAt,
          retireAt,
          removeAt: sql`${retireAt} + INTERVAL ${lifetime.keepMinutes} MINUTE`,
        })
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    },

    async sealAgain(kid: string, before: Buffer, after: Buffer): Promise<void> {
      await db
        .update(signingKeys)
        .set({ privateSealed: after })
        .where(and(eq(signingKeys.kid, kid), eq(signingKeys.privateSealed, before)))
    },
  }
}
