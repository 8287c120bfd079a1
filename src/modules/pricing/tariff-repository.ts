import { and, asc, desc, eq, gt, inArray, isNull, like, lt, or, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type Connection, isDuplicateKey, type PricingTx } from '#platform/databases.ts'
import { keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { requireCurrency } from './engine/money.ts'
import { TariffCodeTaken } from './errors.ts'
import { fromRows, type RateRow, type RateTableRow, toRows } from './rate-rows.ts'
import type { ListTariffs, ListTariffVersions, RateTable, Tariff } from './schemas.ts'
import { rateRows, rateTables, tariffs, tariffVersionClosings, tariffVersions } from './tables.ts'

export type TariffRow = typeof tariffs.$inferSelect
export type NewTariffRow = Omit<typeof tariffs.$inferInsert, 'id' | 'version' | 'createdAt' | 'updatedAt'>
export type VersionRow = typeof tariffVersions.$inferSelect
export type NewVersionRow = Omit<typeof tariffVersions.$inferInsert, 'id' | 'number' | 'version' | 'createdAt' | 'updatedAt'>
export type ClosingRow = typeof tariffVersionClosings.$inferSelect

type Reader = Pick<PricingTx, 'db'>

const tariffColumns = {
  id: tariffs.id,
  code: tariffs.code,
  name: tariffs.name,
  carrierId: tariffs.carrierId,
  serviceCodes: tariffs.serviceCodes,
  side: tariffs.side,
  scope: tariffs.scope,
  customerId: tariffs.customerId,
  priority: tariffs.priority,
  currency: tariffs.currency,
  timezone: tariffs.timezone,
  rateDateBasis: tariffs.rateDateBasis,
  fallbackPolicy: tariffs.fallbackPolicy,
  quoteValidityDays: tariffs.quoteValidityDays,
  capAtTariffEnd: tariffs.capAtTariffEnd,
  externalRefs: tariffs.externalRefs,
  metadata: tariffs.metadata,
  version: tariffs.version,
  createdAt: tariffs.createdAt,
  updatedAt: tariffs.updatedAt,
}
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
  publishedAt: tariffVersions.publishedAt,
  publishedBy: tariffVersions.publishedBy,
  withdrawnAt: tariffVersions.withdrawnAt,
  version: tariffVersions.version,
  createdAt: tariffVersions.createdAt,
  updatedAt: tariffVersions.updatedAt,
}

/** All SQL of tariffs, their versions and rate tables. */
export function createTariffRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    inTransaction: connection.withTx,

    async listTariffs(query: ListTariffs): Promise<PageOf<TariffRow>> {
      const cursor = keyset({
        query,
        sorts: { createdAt: tariffs.createdAt, code: tariffs.code },
        id: tariffs.id,
        createdAt: tariffs.createdAt,
        updatedAt: tariffs.updatedAt,
      })
      const rows = await db
        .select(tariffColumns)
        .from(tariffs)
        .where(
          and(
            cursor.where,
            equals(tariffs.carrierId, query.carrierId),
            equals(tariffs.customerId, query.customerId),
            query.scope === undefined ? undefined : inArray(tariffs.scope, query.scope.split(',') as Tariff['scope'][]),
            query.q === undefined ? undefined : like(tariffs.code, `${query.q.replace(/[\\%_]/g, '\\$&')}%`),
            query.serviceCode === undefined
              ? undefined
              : or(
                  sql`JSON_LENGTH(${tariffs.serviceCodes}) = 0`,
                  sql`JSON_CONTAINS(${tariffs.serviceCodes}, JSON_QUOTE(${query.serviceCode}))`,
                ),
          ),
        )
        .orderBy(...cursor.orderBy)
        .limit(cursor.limit)
      return cursor.page(rows)
    },

    async allTariffs(): Promise<TariffRow[]> {
      return db.select(tariffColumns).from(tariffs).orderBy(asc(tariffs.id))
    },

    async tariffsOfCarrier(carrierId: number, reader: Reader = connection): Promise<TariffRow[]> {
      return reader.db.select(tariffColumns).from(tariffs).where(eq(tariffs.carrierId, carrierId)).orderBy(asc(tariffs.id))
    },

    async publishedVersions(): Promise<VersionRow[]> {
      return db.select(versionColumns).from(tariffVersions).where(eq(tariffVersions.state, 'published')).orderBy(asc(tariffVersions.id))
    },

    async findTariff(id: number, reader: Reader = connection): Promise<TariffRow | undefined> {
      const [row] = await reader.db.select(tariffColumns).from(tariffs).where(eq(tariffs.id, id)).limit(1)
      return row
    },

    /** Takes the row lock under which versions of a tariff are numbered and published one after the other. */
    async lockTariff(tx: PricingTx, id: number): Promise<TariffRow | undefined> {
      const [row] = await tx.db.select(tariffColumns).from(tariffs).where(eq(tariffs.id, id)).for('update')
      return row
    },

    async insertTariff(tx: PricingTx, row: NewTariffRow): Promise<number> {
      try {
        const [result] = await tx.db.insert(tariffs).values(row)
        return result.insertId
      } catch (error) {
        if (isDuplicateKey(error, 'tariffs_code')) throw TariffCodeTaken({ code: row.code }, { cause: error })
        throw error
      }
    },

    /** False when the version is no longer the expected one. */
    async updateTariff(tx: PricingTx, id: number, expectedVersion: number, changes: Partial<NewTariffRow>): Promise<boolean> {
      const [result] = await tx.db
        .update(tariffs)
        .set({ ...changes, version: sql`${tariffs.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(tariffs.id, id), eq(tariffs.version, expectedVersion)))
      return result.affectedRows === 1
    },

    async listVersions(tariffId: number, query: ListTariffVersions): Promise<PageOf<VersionRow>> {
      const cursor = keyset({
        query,
        sorts: { number: tariffVersions.number },
        id: tariffVersions.id,
        createdAt: tariffVersions.createdAt,
        updatedAt: tariffVersions.updatedAt,
      })
      const rows = await db
        .select(versionColumns)
        .from(tariffVersions)
        .where(
          and(
            cursor.where,
            eq(tariffVersions.tariffId, tariffId),
            query.state === undefined ? undefined : inArray(tariffVersions.state, query.state.split(',') as VersionRow['state'][]),
            query.on === undefined ? undefined : inForceOn(query.on),
          ),
        )
        .orderBy(...cursor.orderBy)
        .limit(cursor.limit)
      return cursor.page(rows)
    },

    async findVersion(tariffId: number, number: number, reader: Reader = connection): Promise<VersionRow | undefined> {
      const [row] = await reader.db
        .select(versionColumns)
        .from(tariffVersions)
        .where(and(eq(tariffVersions.tariffId, tariffId), eq(tariffVersions.number, number)))
        .limit(1)
      return row
    },

    async findVersionById(id: number, reader: Reader = connection): Promise<VersionRow | undefined> {
      const [row] = await reader.db.select(versionColumns).from(tariffVersions).where(eq(tariffVersions.id, id)).limit(1)
      return row
    },

    async versionsOf(tariffIds: readonly number[], reader: Reader = connection): Promise<VersionRow[]> {
      if (tariffIds.length === 0) return []
      return reader.db
        .select(versionColumns)
        .from(tariffVersions)
        .where(inArray(tariffVersions.tariffId, [...tariffIds]))
        .orderBy(asc(tariffVersions.id))
    },

    /** The next number of the tariff; the caller holds its row lock. */
    async insertVersion(tx: PricingTx, row: NewVersionRow): Promise<number> {
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
      if (result.affectedRows !== 1) return false
      await removeRates(tx, id)
      return true
    },

    /** False when it is not published: the state guards the action. */
    async withdraw(tx: PricingTx, id: number, expectedVersion: number | undefined): Promise<boolean> {
      const [result] = await tx.db
        .update(tariffVersions)
        .set({ state: 'withdrawn', withdrawnAt: databaseNow, version: sql`${tariffVersions.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(tariffVersions.id, id), eq(tariffVersions.state, 'published'), equals(tariffVersions.version, expectedVersion)))
      return result.affectedRows === 1
    },

    async closingsOf(versionIds: readonly number[], reader: Reader = connection): Promise<ClosingRow[]> {
      if (versionIds.length === 0) return []
      return reader.db
        .select({
          versionId: tariffVersionClosings.versionId,
          closedTo: tariffVersionClosings.closedTo,
          closedBy: tariffVersionClosings.closedBy,
          at: tariffVersionClosings.at,
        })
        .from(tariffVersionClosings)
        .where(inArray(tariffVersionClosings.versionId, [...versionIds]))
    },

    /** Database time, so that every process agrees on what was published when. */
    async now(reader: Reader = connection): Promise<string> {
      const [row] = await reader.db.select({ now: sql<string>`NOW(3)`.mapWith(tariffs.createdAt) }).from(sql`(SELECT 1) AS clock`)
      if (!row) throw new TypeError('the database does not tell its time')
      return row.now
    },

    async insertClosing(tx: PricingTx, closing: { versionId: number; closedTo: string; closedBy: number }): Promise<void> {
      await tx.db.insert(tariffVersionClosings).values({ ...closing, at: databaseNow })
    },

    /** Rate tables of versions, each in the order in which it was written. */
    async ratesOf(
      versionIds: readonly number[],
      currencyOf: (versionId: number) => string,
      reader: Reader = connection,
    ): Promise<Map<number, RateTable[]>> {
      const found = new Map<number, RateTable[]>(versionIds.map((id) => [id, []]))
      if (versionIds.length === 0) return found
      const tables: (RateTableRow & { id: number })[] = await reader.db
        .select()
        .from(rateTables)
        .where(inArray(rateTables.versionId, [...versionIds]))
        .orderBy(asc(rateTables.versionId), asc(rateTables.position))
      const rows =
        tables.length === 0
          ? []
          : await rowsOf(
              reader,
              tables.map((table) => table.id),
            )
      const byTable = Map.groupBy(rows, (row) => row.rateTableId)
      for (const table of tables) {
        found
          .get(table.versionId)
          ?.push(fromRows({ table, rows: byTable.get(table.id) ?? [] }, requireCurrency(currencyOf(table.versionId))))
      }
      return found
    },

    /** All rate tables of a draft, as a whole. */
    async replaceRates(tx: PricingTx, versionId: number, tables: readonly RateTable[], currency: string): Promise<void> {
      await removeRates(tx, versionId)
      for (const [position, table] of tables.entries()) {
        const stored = toRows(table, position, versionId, requireCurrency(currency))
        const [result] = await tx.db.insert(rateTables).values(stored.table)
        if (stored.rows.length > 0)
          await tx.db.insert(rateRows).values(stored.rows.map((row) => ({ ...row, rateTableId: result.insertId })))
      }
    },
  }

  async function rowsOf(reader: Reader, tableIds: readonly number[]): Promise<(RateRow & { rateTableId: number })[]> {
    return reader.db
      .select({
        rateTableId: rateRows.rateTableId,
        from: rateRows.from,
        to: rateRows.to,
        priceMinor: rateRows.priceMinor,
        rate: rateRows.rate,
        flatMinor: rateRows.flatMinor,
        allowZero: rateRows.allowZero,
      })
      .from(rateRows)
      .where(inArray(rateRows.rateTableId, [...tableIds]))
      .orderBy(asc(rateRows.rateTableId), asc(rateRows.from))
  }

  async function removeRates(tx: PricingTx, versionId: number): Promise<void> {
    const old = tx.db.select({ id: rateTables.id }).from(rateTables).where(eq(rateTables.versionId, versionId))
    await tx.db.delete(rateRows).where(inArray(rateRows.rateTableId, old))
    await tx.db.delete(rateTables).where(eq(rateTables.versionId, versionId))
  }
}
export type TariffRepository = ReturnType<typeof createTariffRepository>

const equals = (column: Parameters<typeof eq>[0], value: number | undefined): SQL | undefined =>
  value === undefined ? undefined : eq(column, value)

const inForceOn = (day: string): SQL | undefined =>
  and(
    lt(tariffVersions.effectiveFrom, sql`${day} + INTERVAL 1 DAY`),
    or(isNull(tariffVersions.effectiveTo), gt(tariffVersions.effectiveTo, day)),
  )
