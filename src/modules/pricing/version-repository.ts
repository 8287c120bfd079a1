import { and, asc, desc, eq, gt, inArray, isNull, lte, notExists, or, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import type { Connection, PricingTx, Queries } from '#platform/databases.ts'
import { commaValues, keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { tariffVersionClosings, tariffVersions } from './tables.ts'
import { type ListTariffVersions, versionStates } from './version-schemas.ts'

export type VersionRow = typeof tariffVersions.$inferSelect
export type NewVersionRow = Omit<typeof tariffVersions.$inferInsert, 'id' | 'number' | 'version' | 'createdAt' | 'updatedAt'>
export type ClosingRow = typeof tariffVersionClosings.$inferSelect
export interface PublishedRow {
  version: VersionRow
  closings: ClosingRow[]
}

type Reader = Pick<PricingTx, 'db'>

const versionColumns = {
  id: tariffVersions.id,
  tariffId: tariffVersions.tariffId,
  number: tariffVersions.number,
  state: tariffVersions.state,
  effectiveFrom: tariffVersions.effectiveFrom,
  effectiveTo: tariffVersions.effectiveTo,
  weightPolicy: tariffVersions.weightPolicy,
  rounding: tariffVersions.rounding,
  discountStacking: tariffVersions.discountStacking,
  minNetMinor: tariffVersions.minNetMinor,
  minTotalMinor: tariffVersions.minTotalMinor,
  maxTotalMinor: tariffVersions.maxTotalMinor,
  contentHash: tariffVersions.contentHash,
  engineVersion: tariffVersions.engineVersion,
  basedOn: tariffVersions.basedOn,
  changeNote: tariffVersions.changeNote,
  warnings: tariffVersions.warnings,
  publishedAt: tariffVersions.publishedAt,
  publishedBy: tariffVersions.publishedBy,
  withdrawnAt: tariffVersions.withdrawnAt,
  version: tariffVersions.version,
  createdAt: tariffVersions.createdAt,
  updatedAt: tariffVersions.updatedAt,
}

const closingColumns = {
  versionId: tariffVersionClosings.versionId,
  closedTo: tariffVersionClosings.closedTo,
  closedBy: tariffVersionClosings.closedBy,
  at: tariffVersionClosings.at,
}

/** All SQL of the versions of tariffs. Whoever writes one holds the row lock of its tariff. */
export function createVersionRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    async list(tariffId: number, query: ListTariffVersions): Promise<PageOf<VersionRow>> {
      const { page, statement } = versionListStatement(db, tariffId, query)
      return page(await statement)
    },

    async find(tariffId: number, number: number, reader: Reader = connection): Promise<VersionRow | undefined> {
      const [row] = await reader.db
        .select(versionColumns)
        .from(tariffVersions)
        .where(and(eq(tariffVersions.tariffId, tariffId), eq(tariffVersions.number, number)))
        .limit(1)
      return row
    },

    async findById(id: number, reader: Reader = connection): Promise<VersionRow | undefined> {
      const [row] = await reader.db.select(versionColumns).from(tariffVersions).where(eq(tariffVersions.id, id)).limit(1)
      return row
    },

    /** The published versions of tariffs with the records that closed them. One statement: a successor never comes without its record, nor a record without it. */
    async published(tariffIds: readonly number[] | 'all', reader: Reader = connection): Promise<PublishedRow[]> {
      if (tariffIds !== 'all' && tariffIds.length === 0) return []
      const rows = await reader.db
        .select({ version: versionColumns, closing: closingColumns })
        .from(tariffVersions)
        .leftJoin(tariffVersionClosings, eq(tariffVersionClosings.versionId, tariffVersions.id))
        .where(
          and(eq(tariffVersions.state, 'published'), tariffIds === 'all' ? undefined : inArray(tariffVersions.tariffId, [...tariffIds])),
        )
        .orderBy(asc(tariffVersions.id), asc(tariffVersionClosings.closedBy))
      const found = new Map<number, PublishedRow>()
      for (const { version, closing } of rows) {
        const entry = found.get(version.id) ?? { version, closings: [] }
        if (closing) entry.closings.push(closing)
        found.set(version.id, entry)
      }
      return [...found.values()]
    },

    async closingsOf(versionIds: readonly number[], reader: Reader = connection): Promise<ClosingRow[]> {
      if (versionIds.length === 0) return []
      return reader.db
        .select(closingColumns)
        .from(tariffVersionClosings)
        .where(inArray(tariffVersionClosings.versionId, [...versionIds]))
    },

    /** The version whose interval this one closed when it was published. */
    async closedBy(versionId: number, reader: Reader = connection): Promise<number | undefined> {
      const [row] = await reader.db
        .select({ versionId: tariffVersionClosings.versionId })
        .from(tariffVersionClosings)
        .where(eq(tariffVersionClosings.closedBy, versionId))
        .limit(1)
      return row?.versionId
    },

    async insertClosing(tx: PricingTx, closing: ClosingRow): Promise<void> {
      await tx.db.insert(tariffVersionClosings).values(closing)
    },

    /** Under the next number of the tariff. */
    async insert(tx: PricingTx, row: NewVersionRow): Promise<number> {
      const [last] = await tx.db
        .select({ number: tariffVersions.number })
        .from(tariffVersions)
        .where(eq(tariffVersions.tariffId, row.tariffId))
        .orderBy(desc(tariffVersions.number))
        .limit(1)
      const number = (last?.number ?? 0) + 1
      await tx.db.insert(tariffVersions).values({ ...row, number })
      return number
    },

    /** False when the version is no draft any more, or not the expected one. */
    async updateDraft(tx: PricingTx, id: number, expectedVersion: number, changes: Partial<NewVersionRow>): Promise<boolean> {
      const [result] = await tx.db
        .update(tariffVersions)
        .set({ ...changes, version: sql`${tariffVersions.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(tariffVersions.id, id), eq(tariffVersions.state, 'draft'), eq(tariffVersions.version, expectedVersion)))
      return result.affectedRows === 1
    },

    async deleteDraft(tx: PricingTx, id: number, expectedVersion: number): Promise<boolean> {
      const [result] = await tx.db
        .delete(tariffVersions)
        .where(and(eq(tariffVersions.id, id), eq(tariffVersions.state, 'draft'), eq(tariffVersions.version, expectedVersion)))
      return result.affectedRows === 1
    },

    /** False when it is not published: the state guards the action. */
    async withdraw(tx: PricingTx, id: number): Promise<boolean> {
      const [result] = await tx.db
        .update(tariffVersions)
        .set({ state: 'withdrawn', withdrawnAt: databaseNow, version: sql`${tariffVersions.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(tariffVersions.id, id), eq(tariffVersions.state, 'published')))
      return result.affectedRows === 1
    },

    /** Database time, so that every process agrees on what was published when. */
    async now(reader: Reader = connection): Promise<string> {
      const [row] = await reader.db.select({ now: sql<string>`NOW(3)`.mapWith(tariffVersions.createdAt) }).from(sql`(SELECT 1) AS clock`)
      if (!row) throw new TypeError('the database does not tell its time')
      return row.now
    },
  }
}

export function versionListStatement(db: Queries, tariffId: number, query: ListTariffVersions) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { number: tariffVersions.number },
    id: tariffVersions.id,
    createdAt: tariffVersions.createdAt,
    updatedAt: tariffVersions.updatedAt,
  })
  const states = commaValues(query.state, versionStates)
  const statement = db
    .select(versionColumns)
    .from(tariffVersions)
    .where(
      and(
        where,
        eq(tariffVersions.tariffId, tariffId),
        states && inArray(tariffVersions.state, states),
        query.on === undefined ? undefined : inForceOn(db, query.on),
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}

/** Inside the interval of the version, as it was published and as successors have cut it. */
const inForceOn = (db: Queries, day: string): SQL | undefined =>
  and(
    lte(tariffVersions.effectiveFrom, day),
    or(isNull(tariffVersions.effectiveTo), gt(tariffVersions.effectiveTo, day)),
    notExists(
      db
        .select({ one: sql`1` })
        .from(tariffVersionClosings)
        .where(and(eq(tariffVersionClosings.versionId, tariffVersions.id), lte(tariffVersionClosings.closedTo, day))),
    ),
  )
