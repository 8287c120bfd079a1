import { and, eq, inArray, or, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type Connection, type CustomerTx, isDuplicateKey, type Queries } from '#platform/databases.ts'
import { describeRefs, ExternalRefTaken, parseExternalRef } from '#platform/external-refs.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { beginsWith, commaValues, keyset } from '#platform/lists.ts'
import type { Visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { accountNumberOf, idOfAccountNumber } from './account-numbers.ts'
import { type Customer, customerStatuses } from './contract.ts'
import { AccountNumberTaken, CustomerExists } from './errors.ts'
import type { ListCustomers } from './schemas.ts'
import { customerExternalRefs, customers } from './tables.ts'

/** A customer that is about to be: what the database does not fill in itself. */
export type NewRow = Omit<Customer, 'id' | 'accountNumber' | 'version' | 'createdAt' | 'updatedAt'> & {
  accountNumber: string | null
  portalUserVersion: number
}

/** The members a change may write, with the version of the user where that is what changed. */
export type RowChange = Partial<Omit<NewRow, 'userId'>>

const shown = {
  id: customers.id,
  userId: customers.userId,
  accountNumber: customers.accountNumber,
  type: customers.type,
  companyName: customers.companyName,
  legalName: customers.legalName,
  country: customers.country,
  taxIds: customers.taxIds,
  status: customers.status,
  tier: customers.tier,
  defaultCurrency: customers.defaultCurrency,
  timezone: customers.timezone,
  invoiceEmail: customers.invoiceEmail,
  paymentTermsDays: customers.paymentTermsDays,
  portalUserActive: customers.portalUserActive,
  salesRepUserId: customers.salesRepUserId,
  externalRefs: customers.externalRefs,
  tags: customers.tags,
  metadata: customers.metadata,
  version: customers.version,
  createdAt: customers.createdAt,
  updatedAt: customers.updatedAt,
} as const

type Row = Omit<Customer, 'accountNumber'> & { accountNumber: string | null }

const toCustomer = (row: Row): Customer => ({ ...row, accountNumber: row.accountNumber ?? accountNumberOf(row.id) })

/** The rows a caller may see, as a condition. */
function seenBy(visibleTo: Visibility): SQL | undefined {
  if (visibleTo.scope === 'any') return undefined
  return visibleTo.scope === 'own' ? eq(customers.userId, visibleTo.userId) : sql`FALSE`
}

export type CustomerRepository = ReturnType<typeof createCustomerRepository>

export function createCustomerRepository(connection: Connection<'customer_service_db'>) {
  const { db } = connection
  const byId = db
    .select(shown)
    .from(customers)
    .where(eq(customers.id, sql.placeholder('id')))
    .prepare()
  const ownById = db
    .select(shown)
    .from(customers)
    .where(and(eq(customers.id, sql.placeholder('id')), eq(customers.userId, sql.placeholder('userId'))))
    .prepare()
  const byUser = db
    .select(shown)
    .from(customers)
    .where(eq(customers.userId, sql.placeholder('userId')))
    .prepare()

  return {
    inTransaction: connection.withTx,

    async find(id: number, visibleTo: Visibility): Promise<Customer | undefined> {
      if (visibleTo.scope === 'none') return undefined
      const [row] = visibleTo.scope === 'any' ? await byId.execute({ id }) : await ownById.execute({ id, userId: visibleTo.userId })
      return row && toCustomer(row)
    },

    async findMany(ids: number[]): Promise<Customer[]> {
      if (ids.length === 0) return []
      const [only] = ids
      if (ids.length === 1 && only !== undefined) return (await byId.execute({ id: only })).map(toCustomer)
      const rows = await db.select(shown).from(customers).where(inArray(customers.id, ids)).orderBy(customers.id)
      return rows.map(toCustomer)
    },

    async findByUser(userId: number): Promise<Customer | undefined> {
      const [row] = await byUser.execute({ userId })
      return row && toCustomer(row)
    },

    async list(query: ListCustomers, visibleTo: Visibility): Promise<PageOf<Customer>> {
      const { page, statement } = listStatement(db, query, visibleTo)
      return page((await statement).map(toCustomer))
    },

    /** The row as it is, held until the transaction ends: what audit and event say about "before" is then true. */
    async lock(tx: CustomerTx, id: number, visibleTo: Visibility): Promise<Customer | undefined> {
      const [row] = await tx.db
        .select(shown)
        .from(customers)
        .where(and(eq(customers.id, id), seenBy(visibleTo)))
        .for('update')
      return row && toCustomer(row)
    },

    async lockByUser(tx: CustomerTx, userId: number): Promise<{ customer: Customer; userVersion: number } | undefined> {
      const [row] = await tx.db
        .select({ ...shown, userVersion: customers.portalUserVersion })
        .from(customers)
        .where(eq(customers.userId, userId))
        .for('update')
      if (!row) return undefined
      const { userVersion, ...rest } = row
      return { customer: toCustomer(rest), userVersion }
    },

    /** Nothing to see has changed: no version, no event, only how far the user's events have been followed. */
    async noteUserVersion(tx: CustomerTx, id: number, userVersion: number): Promise<void> {
      await tx.db.update(customers).set({ portalUserVersion: userVersion }).where(eq(customers.id, id))
    },

    async insert(tx: CustomerTx, row: NewRow): Promise<Customer> {
      const id = await insertRow(tx, row)
      await writeRefs(tx, id, row.externalRefs)
      return read(tx, id)
    },

    /** Writes on the version and state that were read, or throws VERSION_MISMATCH; answers with the row as it is now. */
    async update(tx: CustomerTx, before: Customer, change: RowChange): Promise<Customer> {
      const [{ affectedRows }] = await tx.db
        .update(customers)
        .set({ ...change, version: before.version + 1, updatedAt: databaseNow })
        .where(and(eq(customers.id, before.id), eq(customers.version, before.version), eq(customers.status, before.status)))
        .catch((error: unknown) => {
          throw takenAccountNumber(error, change.accountNumber)
        })
      if (affectedRows === 0) throw VersionMismatch({ current: before.version })
      if (change.externalRefs) {
        await tx.db.delete(customerExternalRefs).where(eq(customerExternalRefs.customerId, before.id))
        await writeRefs(tx, before.id, change.externalRefs)
      }
      return read(tx, before.id)
    },
  }
}

async function insertRow(tx: CustomerTx, row: NewRow): Promise<number> {
  try {
    const [{ insertId }] = await tx.db.insert(customers).values(row)
    return insertId
  } catch (error) {
    if (isDuplicateKey(error, 'customers_user')) throw CustomerExists({ userId: row.userId }, { cause: error })
    throw takenAccountNumber(error, row.accountNumber)
  }
}

function takenAccountNumber(error: unknown, accountNumber: string | null | undefined): unknown {
  if (accountNumber && isDuplicateKey(error, 'customers_account_number')) return AccountNumberTaken({ accountNumber }, { cause: error })
  return error
}

async function writeRefs(tx: CustomerTx, customerId: number, refs: Customer['externalRefs']): Promise<void> {
  if (refs.length === 0) return
  try {
    await tx.db.insert(customerExternalRefs).values(refs.map(({ system, id }) => ({ system, refId: id, customerId })))
  } catch (error) {
    if (isDuplicateKey(error)) throw ExternalRefTaken({ refs: describeRefs(refs) }, { cause: error })
    throw error
  }
}

async function read(tx: CustomerTx, id: number): Promise<Customer> {
  const [row] = await tx.db.select(shown).from(customers).where(eq(customers.id, id))
  if (!row) throw new Error(`customer ${id} is gone inside the transaction that wrote it`)
  return toCustomer(row)
}

/** Apart from the repository so that a test can ask the server for its plan. */
export function listStatement(db: Queries, query: ListCustomers, visibleTo: Visibility) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: customers.createdAt, updatedAt: customers.updatedAt, companyName: customers.companyName },
    id: customers.id,
    createdAt: customers.createdAt,
    updatedAt: customers.updatedAt,
  })
  const statement = db
    .select(shown)
    .from(customers)
    .where(and(seenBy(visibleTo), ...filters(db, query), where))
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}

function filters(db: Queries, query: ListCustomers): (SQL | undefined)[] {
  const statuses = commaValues(query.status, customerStatuses)
  return [
    statuses && inArray(customers.status, statuses),
    query.tier === undefined ? undefined : eq(customers.tier, query.tier),
    query.userId === undefined ? undefined : eq(customers.userId, query.userId),
    query.portalUserActive === undefined ? undefined : eq(customers.portalUserActive, query.portalUserActive),
    query.q === undefined ? undefined : isCalled(query.q),
    query.externalRef === undefined ? undefined : inArray(customers.id, holdersOf(db, query.externalRef)),
  ]
}

function isCalled(q: string): SQL | undefined {
  const id = idOfAccountNumber(q)
  return or(
    beginsWith(customers.companyName, q),
    beginsWith(customers.accountNumber, q),
    id === undefined ? undefined : eq(customers.id, id),
  )
}

function holdersOf(db: Queries, filter: string) {
  const { system, id } = parseExternalRef(filter)
  return db
    .select({ id: customerExternalRefs.customerId })
    .from(customerExternalRefs)
    .where(and(eq(customerExternalRefs.system, system), eq(customerExternalRefs.refId, id)))
}
