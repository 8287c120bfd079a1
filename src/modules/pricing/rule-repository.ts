import { and, asc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import type { Connection, PricingTx, Queries } from '#platform/databases.ts'
import { commaValues, keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { type ListPricingRules, ruleKinds } from './rule-schemas.ts'
import { pricingRuleRevisions, pricingRules } from './tables.ts'

export type RuleRow = typeof pricingRules.$inferSelect
export type NewRuleRow = Omit<RuleRow, 'id' | 'number' | 'version' | 'createdAt' | 'updatedAt'>
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

const revisionColumns = {
  ruleId: pricingRuleRevisions.ruleId,
  code: pricingRuleRevisions.code,
  kind: pricingRuleRevisions.kind,
  name: pricingRuleRevisions.name,
  tariffVersionId: pricingRuleRevisions.tariffVersionId,
  customerId: pricingRuleRevisions.customerId,
  conditions: pricingRuleRevisions.conditions,
  action: pricingRuleRevisions.action,
  sequence: pricingRuleRevisions.sequence,
  priority: pricingRuleRevisions.priority,
  effectiveFrom: pricingRuleRevisions.effectiveFrom,
  effectiveTo: pricingRuleRevisions.effectiveTo,
  enabled: pricingRuleRevisions.enabled,
  number: pricingRuleRevisions.number,
  recordedAt: pricingRuleRevisions.recordedAt,
}

/** All SQL of pricing rules and of the contents they had. */
export function createRuleRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    inTransaction: connection.withTx,

    async list(query: ListPricingRules): Promise<PageOf<RuleRow>> {
      const { page, statement } = ruleListStatement(db, query)
      return page(await statement)
    },

    async find(id: number, reader: Reader = connection): Promise<RuleRow | undefined> {
      const [row] = await reader.db.select(columns).from(pricingRules).where(eq(pricingRules.id, id)).limit(1)
      return row
    },

    /** Rules that every tariff may meet. */
    async free(reader: Reader = connection): Promise<RuleRow[]> {
      return reader.db
        .select(columns)
        .from(pricingRules)
        .where(and(isNull(pricingRules.tariffVersionId), eq(pricingRules.enabled, true)))
        .orderBy(asc(pricingRules.id))
    },

    /** Every rule that can price something, whenever that is asked for. */
    async enabled(reader: Reader = connection): Promise<RuleRow[]> {
      return reader.db.select(columns).from(pricingRules).where(eq(pricingRules.enabled, true)).orderBy(asc(pricingRules.id))
    },

    /** The row as it is, held until the transaction ends. */
    async lock(tx: PricingTx, id: number): Promise<RuleRow | undefined> {
      const [row] = await tx.db.select(columns).from(pricingRules).where(eq(pricingRules.id, id)).for('update')
      return row
    },

    async attachedTo(versionId: number, reader: Reader = connection): Promise<RuleRow[]> {
      return reader.db.select(columns).from(pricingRules).where(eq(pricingRules.tariffVersionId, versionId)).orderBy(asc(pricingRules.id))
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

    /** Rules of a draft go with it, and nothing was ever priced with them. */
    async remove(tx: PricingTx, ids: readonly number[]): Promise<void> {
      if (ids.length === 0) return
      await tx.db.delete(pricingRuleRevisions).where(inArray(pricingRuleRevisions.ruleId, [...ids]))
      await tx.db.delete(pricingRules).where(inArray(pricingRules.id, [...ids]))
    },

    async history(id: number): Promise<(RevisionRow & { version: number; createdAt: string })[]> {
      const [current] = await db.select({ createdAt: pricingRules.createdAt }).from(pricingRules).where(eq(pricingRules.id, id)).limit(1)
      if (!current) return []
      const rows = await db
        .select(revisionColumns)
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

export function ruleListStatement(db: Queries, query: ListPricingRules) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: pricingRules.createdAt },
    id: pricingRules.id,
    createdAt: pricingRules.createdAt,
    updatedAt: pricingRules.updatedAt,
  })
  const kinds = commaValues(query.kind, ruleKinds)
  const statement = db
    .select(columns)
    .from(pricingRules)
    .where(
      and(
        where,
        kinds && inArray(pricingRules.kind, kinds),
        query.code === undefined ? undefined : eq(pricingRules.code, query.code),
        query.customerId === undefined ? undefined : eq(pricingRules.customerId, query.customerId),
        query.tariffVersionId === undefined ? undefined : eq(pricingRules.tariffVersionId, query.tariffVersionId),
        query.enabled === undefined ? undefined : eq(pricingRules.enabled, query.enabled),
        query.on === undefined
          ? undefined
          : and(lte(pricingRules.effectiveFrom, query.on), or(isNull(pricingRules.effectiveTo), gt(pricingRules.effectiveTo, query.on))),
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}
