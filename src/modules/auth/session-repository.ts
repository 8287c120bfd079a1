import { and, asc, eq, gt, inArray, isNull, lte, ne, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import type { Connection, SharedUserTx } from '#platform/databases.ts'
import { keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { users } from '../user/tables.ts'
import type { EndReason, SessionState } from './contract.ts'
import type { SessionListQuery } from './schemas.ts'
import { sessions } from './tables.ts'

export type SessionRepository = ReturnType<typeof createSessionRepository>

export interface NewSession {
  userId: number
  nonce: Buffer
  device: string | null
  ip: Buffer | null
}

/** All that judging a refresh token needs, as the database sees it at one moment. */
export interface SessionToJudge {
  id: number
  userId: number
  generation: number
  nonce: Buffer
  hasEnded: boolean
  hasExpired: boolean
  isUserActive: boolean
  /** Since the last rotation; null before the first. */
  msSinceRotation: number | null
  idleSecondsLeft: number
  absoluteSecondsLeft: number
}

export interface EndedSession {
  sessionId: number
  userId: number
  version: number
}

export interface ListedSession {
  id: number
  device: string | null
  ip: Buffer | null
  createdAt: string
  lastUsedAt: string
  expiresAt: string
}

const live = and(isNull(sessions.revokedAt), gt(sessions.idleExpiresAt, databaseNow), gt(sessions.absoluteExpiresAt, databaseNow))

export function createSessionRepository(connection: Connection<'shared_user_db'>, life: { idleDays: number; maxDays: number }) {
  const { db } = connection
  const state = db
    .select({ userId: sessions.userId, version: sessions.version, revokedAt: sessions.revokedAt })
    .from(sessions)
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare()
  const judged = db
    .select({
      id: sessions.id,
      userId: sessions.userId,
      generation: sessions.generation,
      nonce: sessions.nonce,
      revokedAt: sessions.revokedAt,
      status: users.status,
      msSinceRotation: sql<number | string | null>`TIMESTAMPDIFF(MICROSECOND, ${sessions.rotatedAt}, NOW(3)) DIV 1000`,
      idleMsLeft: sql<number | string>`TIMESTAMPDIFF(MICROSECOND, NOW(3), ${sessions.idleExpiresAt}) DIV 1000`,
      absoluteMsLeft: sql<number | string>`TIMESTAMPDIFF(MICROSECOND, NOW(3), ${sessions.absoluteExpiresAt}) DIV 1000`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare()

  /** Ends what the condition selects and tells which; the rows are locked first, so that each end is told once. */
  async function endWhere(tx: SharedUserTx, condition: SQL | undefined, reason: EndReason): Promise<EndedSession[]> {
    const rows = await tx.db
      .select({ sessionId: sessions.id, userId: sessions.userId, version: sessions.version })
      .from(sessions)
      .where(and(condition, live))
      .orderBy(asc(sessions.id))
      .for('update')
    if (rows.length === 0) return []
    await tx.db
      .update(sessions)
      .set({ revokedAt: databaseNow, revokeReason: reason, version: sql`${sessions.version} + 1` })
      .where(
        inArray(
          sessions.id,
          rows.map((row) => row.sessionId),
        ),
      )
    return rows.map((row) => ({ ...row, version: row.version + 1 }))
  }

  return {
    inTransaction: connection.withTx,

    /** Locks the user's row, so that one user's log-ins count each other; false when the account is no longer active. */
    async lockActiveUser(tx: SharedUserTx, userId: number): Promise<boolean> {
      const [user] = await tx.db.select({ status: users.status }).from(users).where(eq(users.id, userId)).for('update')
      return user?.status === 'active'
    },

    async insertSession(tx: SharedUserTx, { userId, nonce, device, ip }: NewSession): Promise<number> {
      const [{ insertId }] = await tx.db.insert(sessions).values({
        userId,
        nonce,
        device,
        ip,
        method: 'password',
        lastUsedAt: databaseNow,
        idleExpiresAt: sql`NOW(3) + INTERVAL ${Math.min(life.idleDays, life.maxDays)} DAY`,
        absoluteExpiresAt: sql`NOW(3) + INTERVAL ${life.maxDays} DAY`,
      })
      return insertId
    },

    /** Ids of the live sessions, oldest first. */
    async liveSessions(tx: SharedUserTx, userId: number): Promise<number[]> {
      const rows = await tx.db
        .select({ id: sessions.id })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), live))
        .orderBy(asc(sessions.id))
      return rows.map((row) => row.id)
    },

    async findToJudge(id: number): Promise<SessionToJudge | undefined> {
      const [row] = await judged.execute({ id })
      if (!row) return undefined
      const idleMs = Number(row.idleMsLeft)
      const absoluteMs = Number(row.absoluteMsLeft)
      return {
        id: row.id,
        userId: row.userId,
        generation: row.generation,
        nonce: row.nonce,
        hasEnded: row.revokedAt !== null,
        hasExpired: idleMs <= 0 || absoluteMs <= 0,
        isUserActive: row.status === 'active',
        msSinceRotation: row.msSinceRotation === null ? null : Number(row.msSinceRotation),
        idleSecondsLeft: Math.floor(idleMs / 1_000),
        absoluteSecondsLeft: Math.floor(absoluteMs / 1_000),
      }
    },

    /** False when the session is not as it was read: refreshed by somebody else, ended or expired meanwhile. */
    async rotate(id: number, read: number, next: number): Promise<boolean> {
      const [{ affectedRows }] = await db
        .update(sessions)
        .set({
          generation: next,
          rotatedAt: databaseNow,
          lastUsedAt: databaseNow,
          idleExpiresAt: sql`LEAST(NOW(3) + INTERVAL ${life.idleDays} DAY, ${sessions.absoluteExpiresAt})`,
        })
        .where(and(eq(sessions.id, id), eq(sessions.generation, read), live))
      return affectedRows === 1
    },

    async findState(id: number): Promise<SessionState | undefined> {
      const [row] = await state.execute({ id })
      return row && { userId: row.userId, version: row.version, hasEnded: row.revokedAt !== null }
    },

    endSession: (tx: SharedUserTx, id: number, reason: EndReason) => endWhere(tx, eq(sessions.id, id), reason),

    endSessionOf: (tx: SharedUserTx, id: number, userId: number | undefined, reason: EndReason) =>
      endWhere(tx, and(eq(sessions.id, id), userId === undefined ? undefined : eq(sessions.userId, userId)), reason),

    /** All of a user's, but for one, or only those that had begun by then. */
    endAllOf: (tx: SharedUserTx, userId: number, reason: EndReason, only: { except?: number | undefined; begunBy?: string } = {}) =>
      endWhere(
        tx,
        and(
          eq(sessions.userId, userId),
          only.except === undefined ? undefined : ne(sessions.id, only.except),
          only.begunBy === undefined ? undefined : lte(sessions.createdAt, only.begunBy),
        ),
        reason,
      ),

    async listLive(userId: number, query: SessionListQuery): Promise<PageOf<ListedSession>> {
      const list = keyset({
        query,
        sorts: { createdAt: sessions.createdAt },
        id: sessions.id,
        createdAt: sessions.createdAt,
        updatedAt: sessions.lastUsedAt,
      })
      const rows = await db
        .select({
          id: sessions.id,
          device: sessions.device,
          ip: sessions.ip,
          createdAt: sessions.createdAt,
          lastUsedAt: sessions.lastUsedAt,
          expiresAt: sessions.idleExpiresAt,
        })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), live, list.where))
        .orderBy(...list.orderBy)
        .limit(list.limit)
      return list.page(rows)
    },
  }
}
