import { and, asc, eq, exists, gt, gte, inArray, lt, lte, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import type { Connection, PricingTx, Queries } from '#platform/databases.ts'
import { keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import type { PricedRate, ServiceExplanation } from './engine/types.ts'
import type { ListQuotes } from './quote-schemas.ts'
import { quoteRates, quotes } from './tables.ts'

export type NewQuoteRow = Omit<typeof quotes.$inferInsert, 'id' | 'version' | 'updatedAt'>
export type NewRateRow = Omit<typeof quoteRates.$inferInsert, 'quoteId'>

/** Whose quotes may be seen: everybody's, or those of the customers that the customer module names for the caller. */
export type QuoteVisibility = 'any' | readonly number[]

const columns = {
  id: quotes.id,
  status: quotes.status,
  customerId: quotes.customerId,
  pricedAt: quotes.pricedAt,
  rateDate: quotes.rateDate,
  expiresAt: quotes.expiresAt,
  /** Judged by database time, as every stored deadline. */
  isExpired: sql<number>`${quotes.expiresAt} <= NOW(3)`,
  engineVersion: quotes.engineVersion,
  request: quotes.request,
  requestHash: quotes.requestHash,
  inputsHash: quotes.inputsHash,
  customer: quotes.customer,
  ineligible: quotes.ineligible,
  warnings: quotes.warnings,
  supersedes: quotes.supersedes,
  version: quotes.version,
  createdAt: quotes.createdAt,
}

/** All SQL of stored quotes. Rates, lines and explanations are written once and never changed. */
export function createQuoteRepository(connection: Connection<'pricing_service_db'>) {
  const { db } = connection

  return {
    inTransaction: connection.withTx,

    async insert(tx: PricingTx, row: NewQuoteRow, rates: readonly NewRateRow[]): Promise<number> {
      const [result] = await tx.db.insert(quotes).values(row)
      if (rates.length > 0) await tx.db.insert(quoteRates).values(rates.map((rate) => ({ ...rate, quoteId: result.insertId })))
      return result.insertId
    },

    async find(id: number, visibility: QuoteVisibility, reader: Pick<PricingTx, 'db'> = connection) {
      const [row] = await reader.db
        .select(columns)
        .from(quotes)
        .where(and(eq(quotes.id, id), visibleTo(visibility)))
        .limit(1)
      if (!row) return undefined
      return { ...row, rates: await ratesOf([id], reader).then((found) => found.get(id) ?? []) }
    },

    async explanationsOf(id: number, visibility: QuoteVisibility): Promise<ServiceExplanation[] | undefined> {
      const [row] = await db
        .select({ explanations: quotes.explanations })
        .from(quotes)
        .where(and(eq(quotes.id, id), visibleTo(visibility)))
        .limit(1)
      return row?.explanations
    },

    async list(query: ListQuotes, visibility: QuoteVisibility) {
      const { page: pageOf, statement } = quoteListStatement(db, query, visibility)
      const rows = await statement
      const page: PageOf<(typeof rows)[number]> = pageOf(rows)
      const rates = await ratesOf(page.data.map((row) => row.id))
      return { ...page, data: page.data.map((row) => ({ ...row, rates: rates.get(row.id) ?? [] })) }
    },

    /** The open quotes of a customer that were priced before its version `customerVersion`. */
    async openBefore(tx: PricingTx, { customerId, customerVersion }: { customerId: number; customerVersion: number }): Promise<number[]> {
      const rows = await tx.db
        .select({ id: quotes.id })
        .from(quotes)
        .where(
          and(
            eq(quotes.customerId, customerId),
            eq(quotes.status, 'open'),
            gt(quotes.expiresAt, databaseNow),
            lt(quotes.customerVersion, customerVersion),
          ),
        )
        .orderBy(asc(quotes.id))
      return rows.map((row) => row.id)
    },

    /** False when the quote is open no more: whoever ended it has said so. */
    async cancel(tx: PricingTx, id: number): Promise<boolean> {
      const [result] = await tx.db
        .update(quotes)
        .set({ status: 'cancelled', version: sql`${quotes.version} + 1`, updatedAt: databaseNow })
        .where(and(eq(quotes.id, id), eq(quotes.status, 'open')))
      return result.affectedRows === 1
    },

    /** Open quotes of an interval of rate dates that one of the versions priced. */
    async countOpen(
      { versionIds, from, to }: { versionIds: readonly number[]; from: string; to: string | null },
      reader: Pick<PricingTx, 'db'> = connection,
    ): Promise<number> {
      if (versionIds.length === 0) return 0
      const [row] = await reader.db
        .select({ count: sql<number>`COUNT(DISTINCT ${quotes.id})` })
        .from(quotes)
        .innerJoin(quoteRates, eq(quoteRates.quoteId, quotes.id))
        .where(
          and(
            eq(quotes.status, 'open'),
            gt(quotes.expiresAt, databaseNow),
            gte(quotes.rateDate, from),
            to === null ? undefined : lt(quotes.rateDate, to),
            inArray(quoteRates.tariffVersionId, [...versionIds]),
          ),
        )
      return Number(row?.count ?? 0)
    },
  }

  async function ratesOf(quoteIds: readonly number[], reader: Pick<PricingTx, 'db'> = connection): Promise<Map<number, PricedRate[]>> {
    const found = new Map<number, PricedRate[]>()
    if (quoteIds.length === 0) return found
    const rows = await reader.db
      .select({ quoteId: quoteRates.quoteId, rate: quoteRates.rate })
      .from(quoteRates)
      .where(inArray(quoteRates.quoteId, [...quoteIds]))
      .orderBy(asc(quoteRates.quoteId), asc(quoteRates.rateId))
    for (const { quoteId, rate } of rows) {
      const rates = found.get(quoteId)
      if (rates) rates.push(rate)
      else found.set(quoteId, [rate])
    }
    return found
  }
}
export type QuoteRepository = ReturnType<typeof createQuoteRepository>

function visibleTo(visibility: QuoteVisibility): SQL | undefined {
  if (visibility === 'any') return undefined
  return visibility.length === 0 ? sql`FALSE` : inArray(quotes.customerId, [...visibility])
}

export function quoteListStatement(db: Queries, query: ListQuotes, visibility: QuoteVisibility) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: quotes.createdAt },
    id: quotes.id,
    createdAt: quotes.createdAt,
    updatedAt: quotes.updatedAt,
  })
  const statement = db
    .select(columns)
    .from(quotes)
    .where(
      and(
        where,
        visibleTo(visibility),
        query.customerId === undefined ? undefined : eq(quotes.customerId, query.customerId),
        query.ref === undefined ? undefined : eq(quotes.ref, query.ref),
        query['expiresAt[lt]'] === undefined ? undefined : lt(quotes.expiresAt, query['expiresAt[lt]']),
        query.status === undefined ? undefined : statusIn(query.status.split(',')),
        query.carrierId === undefined
          ? undefined
          : exists(
              db
                .select({ one: sql`1` })
                .from(quoteRates)
                .where(and(eq(quoteRates.quoteId, quotes.id), eq(quoteRates.carrierId, query.carrierId))),
            ),
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}

/** `expired` is not stored: an open quote whose time is over. */
function statusIn(states: readonly string[]): SQL {
  const wanted = states.map((state) => {
    if (state === 'open') return and(eq(quotes.status, 'open'), gt(quotes.expiresAt, databaseNow))
    if (state === 'expired') return and(eq(quotes.status, 'open'), lte(quotes.expiresAt, databaseNow))
    return sql`${quotes.status} = ${state}`
  })
  return sql`(${sql.join(wanted, sql` OR `)})`
}
