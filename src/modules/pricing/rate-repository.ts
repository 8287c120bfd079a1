import { asc, eq, inArray } from 'drizzle-orm'
import type { Connection, PricingTx } from '#platform/databases.ts'
import { type Currency, requireCurrency } from './engine/money.ts'
import { fromRows, type RateRow, type RateTableRow, toRows } from './rate-rows.ts'
import type { RateTable } from './rate-schemas.ts'
import { rateRows, rateTables } from './tables.ts'

type Reader = Pick<PricingTx, 'db'>

const tableColumns = {
  id: rateTables.id,
  versionId: rateTables.versionId,
  service: rateTables.service,
  zone: rateTables.zone,
  position: rateTables.position,
  type: rateTables.type,
  units: rateTables.units,
  breakMode: rateTables.breakMode,
  overflow: rateTables.overflow,
  deficit: rateTables.deficit,
  allowZero: rateTables.allowZero,
  per: rateTables.per,
  rate: rateTables.rate,
  percent: rateTables.percent,
  size: rateTables.size,
  free: rateTables.free,
  priceMinor: rateTables.priceMinor,
  minChargeMinor: rateTables.minChargeMinor,
  maxChargeMinor: rateTables.maxChargeMinor,
  transitDays: rateTables.transitDays,
}

/** All SQL of rate tables and their rows. */
export function createRateRepository(connection: Connection<'pricing_service_db'>) {
  return {
    /** The rate tables of one version, in the order in which they were written. */
    async ratesOf(versionId: number, currency: string, reader: Reader = connection): Promise<RateTable[]> {
      const found = await tablesOf([versionId], () => currency, reader)
      return found.get(versionId) ?? []
    },

    /** The same of several versions; each has the currency of its tariff. */
    ratesOfMany: (versionIds: readonly number[], currencyOf: (versionId: number) => string): Promise<Map<number, RateTable[]>> =>
      tablesOf(versionIds, currencyOf, connection),

    /** All rate tables of a draft, as a whole. */
    async replaceRates(tx: PricingTx, versionId: number, tables: readonly RateTable[], currency: string): Promise<void> {
      await removeRates(tx, versionId)
      const money: Currency = requireCurrency(currency)
      for (const [position, table] of tables.entries()) {
        const stored = toRows(table, position, versionId, money)
        const [result] = await tx.db.insert(rateTables).values(stored.table)
        if (stored.rows.length > 0)
          await tx.db.insert(rateRows).values(stored.rows.map((row) => ({ ...row, rateTableId: result.insertId })))
      }
    },

    removeRates,
  }

  async function removeRates(tx: PricingTx, versionId: number): Promise<void> {
    const old = tx.db.select({ id: rateTables.id }).from(rateTables).where(eq(rateTables.versionId, versionId))
    await tx.db.delete(rateRows).where(inArray(rateRows.rateTableId, old))
    await tx.db.delete(rateTables).where(eq(rateTables.versionId, versionId))
  }

  async function tablesOf(
    versionIds: readonly number[],
    currencyOf: (versionId: number) => string,
    reader: Reader,
  ): Promise<Map<number, RateTable[]>> {
    const found = new Map<number, RateTable[]>(versionIds.map((id) => [id, []]))
    if (versionIds.length === 0) return found
    const tables: (RateTableRow & { id: number })[] = await reader.db
      .select(tableColumns)
      .from(rateTables)
      .where(inArray(rateTables.versionId, [...versionIds]))
      .orderBy(asc(rateTables.versionId), asc(rateTables.position))
    const ids = tables.map((table) => table.id)
    const byTable = Map.groupBy(ids.length === 0 ? [] : await rowsOf(ids, reader), (row) => row.rateTableId)
    for (const { id, ...table } of tables) {
      const currency = requireCurrency(currencyOf(table.versionId))
      found.get(table.versionId)?.push(fromRows({ table, rows: byTable.get(id) ?? [] }, currency))
    }
    return found
  }

  async function rowsOf(tableIds: readonly number[], reader: Reader): Promise<(RateRow & { rateTableId: number })[]> {
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
}
