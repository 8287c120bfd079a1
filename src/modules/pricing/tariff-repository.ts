import { and, asc, eq, inArray, or, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type Connection, isDuplicateKey, type PricingTx, type Queries } from '#platform/databases.ts'
import { beginsWith, commaValues, keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { TariffCodeTaken } from './errors.ts'
import { tariffs } from './tables.ts'
import { type ListTariffs, tariffScopes } from './tariff-schemas.ts'

export type TariffRow = typeof tariffs.$inferSelect
export type NewTariffRow = Omit<typeof tariffs.$inferInsert, 'id' | 'side' | 'version' | 'createdAt' | 'updatedAt'>

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
  version: tariffs.version,
  createdAt: tariffs.createdAt,
  updatedAt: tariffs.updatedAt,
}

/** All SQL of tariffs themselves. */
export function createTariffRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    inTransaction: connection.withTx,

    async list(query: ListTariffs): Promise<PageOf<TariffRow>> {
      const { page, statement } = tariffListStatement(db, query)
      return page(await statement)
    },

    async all(): Promise<TariffRow[]> {
      return db.select(tariffColumns).from(tariffs).orderBy(asc(tariffs.id))
    },

    async ofCarrier(carrierId: number, reader: Reader = connection): Promise<TariffRow[]> {
      return reader.db.select(tariffColumns).from(tariffs).where(eq(tariffs.carrierId, carrierId)).orderBy(asc(tariffs.id))
    },

    async find(id: number, reader: Reader = connection): Promise<TariffRow | undefined> {
      const [row] = await reader.db.select(tariffColumns).from(tariffs).where(eq(tariffs.id, id)).limit(1)
      return row
    },

    /** Takes the row lock under which everything of a tariff is written: its versions, their rates and the rules attached to them. */
    async lock(tx: PricingTx, id: number): Promise<TariffRow | undefined> {
      const [row] = await tx.db.select(tariffColumns).from(tariffs).where(eq(tariffs.id, id)).for('update')
      return row
    },

    async insert(tx: PricingTx, row: NewTariffRow): Promise<number> {
      try {
        const [result] = await tx.db.insert(tariffs).values(row)
        return result.insertId
      } catch (error) {
        if (isDuplicateKey(error, 'tariffs_code')) throw TariffCodeTaken({ code: row.code }, { cause: error })
        throw error
      }
    },

    /** False when the version is no longer the expected one. */
    async update(tx: PricingTx, id: number, expectedVersion: number, changes: Partial<NewTariffRow>): Promise<boolean> {
      const [result] = await tx.db
        .update(tariffs)
        .set({ ...changes, version: sql`${tariffs.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(tariffs.id, id), eq(tariffs.version, expectedVersion)))
      return result.affectedRows === 1
    },
  }
}

export function tariffListStatement(db: Queries, query: ListTariffs) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: tariffs.createdAt, code: tariffs.code },
    id: tariffs.id,
    createdAt: tariffs.createdAt,
    updatedAt: tariffs.updatedAt,
  })
  const scopes = commaValues(query.scope, tariffScopes)
  const statement = db
    .select(tariffColumns)
    .from(tariffs)
    .where(
      and(
        where,
        query.carrierId === undefined ? undefined : eq(tariffs.carrierId, query.carrierId),
        query.customerId === undefined ? undefined : eq(tariffs.customerId, query.customerId),
        scopes && inArray(tariffs.scope, scopes),
        query.side === undefined ? undefined : eq(tariffs.side, query.side),
        query.q === undefined ? undefined : beginsWith(tariffs.code, query.q),
        query.serviceCode === undefined
          ? undefined
          : or(
              sql`JSON_LENGTH(${tariffs.serviceCodes}) = 0`,
              sql`JSON_CONTAINS(${tariffs.serviceCodes}, JSON_QUOTE(${query.serviceCode}))`,
            ),
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}
