import { and, eq, lt, or, sql } from 'drizzle-orm'
import type { Connection, SharedUserTx } from '#platform/databases.ts'
import { users } from '../user/tables.ts'
import { loginFailures } from './tables.ts'

export type LoginRepository = ReturnType<typeof createLoginRepository>

export interface Credentials {
  userId: number
  password: string | null
  status: string
}

/** Failures that cost nothing but the attempt. */
const freeFailures = 5
/** From here on only a reset of the password or an operator opens. */
const lastFailure = 100
const longestBlockSeconds = 900
const purgedAtOnce = 1_000

export function createLoginRepository(connection: Connection<'shared_user_db'>) {
  const { db } = connection
  const credentials = db
    .select({ userId: users.id, password: users.password, status: users.status })
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .prepare()
  const block = db
    .select({ msLeft: sql<number | string | null>`TIMESTAMPDIFF(MICROSECOND, NOW(3), ${loginFailures.blockedUntil}) DIV 1000` })
    .from(loginFailures)
    .where(eq(loginFailures.ident, sql.placeholder('ident')))
    .prepare()

  return {
    inTransaction: connection.withTx,

    async findCredentials(email: string): Promise<Credentials | undefined> {
      return (await credentials.execute({ email }))[0]
    },

    /** Milliseconds for which the address takes no attempt; 0 when it takes one. */
    async blockedFor(ident: Buffer): Promise<number> {
      const [row] = await block.execute({ ident })
      return Math.max(0, Number(row?.msLeft ?? 0))
    },

    /** One upsert, so that parallel failures are all counted. Assignments are made from left to right: `failures` is new in the second. */
    async countFailure(tx: SharedUserTx, ident: Buffer): Promise<void> {
      const blockedUntil = sql`CASE
        WHEN ${loginFailures.failures} < ${freeFailures} THEN NULL
        WHEN ${loginFailures.failures} >= ${lastFailure} THEN '9999-12-31 00:00:00.000'
        ELSE NOW(3) + INTERVAL LEAST(${longestBlockSeconds}, POW(2, ${loginFailures.failures} - ${freeFailures})) SECOND END`
      await tx.db
        .insert(loginFailures)
        .values({ ident, failures: 1, updatedAt: sql`NOW(3)` })
        .onDuplicateKeyUpdate({ set: { failures: sql`${loginFailures.failures} + 1`, blockedUntil, updatedAt: sql`NOW(3)` } })
    },

    /** Forgets free failures after a day and all others after a month, some at a time; true when there may be more. */
    async purgeFailures(): Promise<boolean> {
      const [{ affectedRows }] = await db
        .delete(loginFailures)
        .where(
          or(
            and(lt(loginFailures.failures, freeFailures), lt(loginFailures.updatedAt, sql`NOW(3) - INTERVAL 24 HOUR`)),
            lt(loginFailures.updatedAt, sql`NOW(3) - INTERVAL 30 DAY`),
          ),
        )
        .limit(purgedAtOnce)
      return affectedRows === purgedAtOnce
    },

    async clearFailures(tx: SharedUserTx, ident: Buffer): Promise<void> {
      await tx.db.delete(loginFailures).where(eq(loginFailures.ident, ident))
    },
  }
}
