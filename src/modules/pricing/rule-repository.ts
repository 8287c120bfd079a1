import { and, asc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import type { Connection, PricingTx } from '#platform/databases.ts'
import { keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { ListPricingRules, PricingRule } from './schemas.ts'
import { pricingRuleRevisions, pricingRules } from './tables.ts'

export type RuleRow = typeof pricingRules.$inferSelect
export type NewRuleRow = Omit<typeof pricingRules.$inferInsert, 'id' | 'number' | 'version' | 'createdAt' | 'updatedAt'>
export type RevisionRow = typeof pricingRuleRevisions.$inferSelect

type Reader = Pick<PricingTx, 'db'>

const content = {
  code: pricingRules.code,
  kind: pricingRules.kind,
  name: pricingRules.name,
  tariffVersionId: pricingRules.tariffVersionId,
  customerId: pricingRules.customerId,
  conditions: pricingRules.conditions,
  action: pricingRules.action,
  sequence: pricingRules.sequence,
  priority: pricingRules.priority,
  effectiveFrom: pricingRules.effectiveFrom,
  effectiveTo: pricingRules.effectiveTo,
  enabled: pricingRules.enabled,
  number: pricingRules.number,
}
const columns = {
  id: pricingRules.id,
  ...content,
  version: pricingRules.version,
  createdAt: pricingRules.createdAt,
  updatedAt: pricingRules.updatedAt,
}

/** All SQL of pricing rules and of the contents they had. */
export function createRuleRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    inTransaction: connection.withTx,

    async list(query: ListPricingRules): Promise<PageOf<RuleRow>> {
      const cursor = keyset({
        query,
        sorts: { createdAt: pricingRules.createdAt },
        id: pricingRules.id,
        createdAt: pricingRules.createdAt,
        updatedAt: pricingRules.updatedAt,
      })
      const rows = await db
        .select(columns)
        .from(pricingRules)
        .where(
          and(
            cursor.where,
            query.kind === undefined ? undefined : inArray(pricingRules.kind, query.kind.split(',') as PricingRule['kind'][]),
            query.code === undefined ? undefined : eq(pricingRules.code, query.code),
            query.customerId === undefined ? undefined : eq(pricingRules.customerId, query.customerId),
            query.tariffVersionId === undefined ? undefined : eq(pricingRules.tariffVersionId, query.tariffVersionId),
            query.enabled === undefined ? undefined : eq(pricingRules.enabled, query.enabled),
            query.on === undefined
              ? undefined
              : and(
                  lte(pricingRules.effectiveFrom, query.on),
                  or(isNull(pricingRules.effectiveTo), gt(pricingRules.effectiveTo, query.on)),
                ),
          ),
        )
        .orderBy(...cursor.orderBy)
        .limit(cursor.limit)
      return cursor.page(rows)
    },

    async find(id: number, reader: Reader = connection): Promise<RuleRow | undefined> {
      const [row] = await reader.db.select(columns).from(pricingRules).where(eq(pricingRules.id, id)).limit(1)
      return row
    },

    /** Free rules and those attached to one of the versions. */
    async thatMayMeet(versionIds: readonly number[], reader: Reader = connection): Promise<RuleRow[]> {
      return reader.db
        .select(columns)
        .from(pricingRules)
        .where(
          or(
            isNull(pricingRules.tariffVersionId),
            versionIds.length === 0 ? undefined : inArray(pricingRules.tariffVersionId, [...versionIds]),
          ),
        )
        .orderBy(asc(pricingRules.id))
    },

    /** Every rule that can price something today or later. */
    async enabled(reader: Reader = connection): Promise<RuleRow[]> {
      return reader.db.select(columns).from(pricingRules).where(eq(pricingRules.enabled, true)).orderBy(asc(pricingRules.id))
    },

    async insert(tx: PricingTx, row: NewRuleRow): Promise<number> {
      const [result] = await tx.db.insert(pricingRules).values({ ...row, number: 1 })
      await recordRevision(tx, result.insertId)
      return result.insertId
    },

    /** A change of content: number and version rise together. False when the version is no longer the expected one. */
    async update(tx: PricingTx, id: number, expectedVersion: number, changes: Partial<NewRuleRow>): Promise<boolean> {
      const [result] = await tx.db
        .update(pricingRules)
        .set({ ...changes, number: sql`${pricingRules.number} + 1`, version: sql`${pricingRules.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(pricingRules.id, id), eq(pricingRules.version, expectedVersion)))
      if (result.affectedRows !== 1) return false
      await recordRevision(tx, id)
      return true
    },

    async history(id: number): Promise<(RevisionRow & { version: number; createdAt: string })[]> {
      const [current] = await db.select({ createdAt: pricingRules.createdAt }).from(pricingRules).where(eq(pricingRules.id, id)).limit(1)
      if (!current) return []
      const rows = await db
        .select()
        .from(pricingRuleRevisions)
        .where(eq(pricingRuleRevisions.ruleId, id))
        .orderBy(asc(pricingRuleRevisions.number))
      return rows.map((row) => ({ ...row, version: row.number, createdAt: current.createdAt }))
    },
  }

  async function recordRevision(tx: PricingTx, id: number): Promise<void> {
    const [row] = await tx.db.select(content).from(pricingRules).where(eq(pricingRules.id, id)).limit(1)
    if (row) await tx.db.insert(pricingRuleRevisions).values({ ...row, ruleId: id, recordedAt: databaseNow })
  }
}
export type RuleRepository = ReturnType<typeof createRuleRepository>
