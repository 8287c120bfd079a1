import { and, eq, gt, inArray, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type CarrierTx, type Connection, isDuplicateKey, type Queries } from '#platform/databases.ts'
import { describeRefs, ExternalRefTaken, parseExternalRef } from '#platform/external-refs.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { beginsWith, commaValues, keyset } from '#platform/lists.ts'
import type { Visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { type Carrier, type CarrierStatus, carrierStatuses } from './contract.ts'
import { CarrierCodeTaken } from './errors.ts'
import type { Reader } from './readers.ts'
import type { ListCarriers } from './schemas.ts'
import { carrierExternalRefs, carriers, type StoredContact } from './tables.ts'

export type { StoredContact } from './tables.ts'

/** A carrier as its row has it: the state that was written, and what only we need to know. */
export type StoredCarrier = Omit<Carrier, 'contact'> & {
  contact: StoredContact | null
  insuranceEndsAt: string | null
  ownerVersion: number
  servicesVersion: number
}

/** A carrier that is about to be: what the database does not fill in itself. */
export type NewCarrierRow = Omit<StoredCarrier, 'id' | 'servicesVersion' | 'version' | 'createdAt' | 'updatedAt'>

export type CarrierChange = Partial<Omit<NewCarrierRow, 'code'>>

const stored = {
  id: carriers.id,
  ownerId: carriers.ownerId,
  code: carriers.code,
  scac: carriers.scac,
  name: carriers.name,
  modes: carriers.modes,
  countries: carriers.countries,
  currency: carriers.currency,
  timezone: carriers.timezone,
  status: carriers.status,
  contact: carriers.contact,
  insuranceExpiresOn: carriers.insuranceExpiresOn,
  insuranceEndsAt: carriers.insuranceEndsAt,
  ownerActive: carriers.ownerActive,
  ownerVersion: carriers.ownerVersion,
  externalRefs: carriers.externalRefs,
  metadata: carriers.metadata,
  servicesVersion: carriers.servicesVersion,
  version: carriers.version,
  createdAt: carriers.createdAt,
  updatedAt: carriers.updatedAt,
} as const

/** The rows a caller may change, as a condition. */
function ownedBy(visibleTo: Visibility): SQL | undefined {
  if (visibleTo.scope === 'any') return undefined
  return visibleTo.scope === 'own' ? eq(carriers.ownerId, visibleTo.userId) : sql`FALSE`
}

/** The rows a reader may see: all, or their own and, for who may browse, the active ones. */
export function readableBy({ full, mayBrowse }: Reader, now: string): SQL | undefined {
  if (full.scope === 'any') return undefined
  return mayBrowse ? or(ownedBy(full), effectively('active', now)) : ownedBy(full)
}

/** The effective state as a condition; the same rule as `effectiveStatus`. */
function effectively(status: CarrierStatus, now: string): SQL | undefined {
  const isCovered = or(isNull(carriers.insuranceEndsAt), gt(carriers.insuranceEndsAt, now))
  if (status === 'active') return and(eq(carriers.status, 'active'), isCovered)
  if (status !== 'suspended') return eq(carriers.status, status)
  return or(eq(carriers.status, 'suspended'), and(eq(carriers.status, 'active'), lte(carriers.insuranceEndsAt, now)))
}

export type CarrierRepository = ReturnType<typeof createCarrierRepository>

export function createCarrierRepository(connection: Connection<'carrier_service_db'>) {
  const { db } = connection
  const byId = db
    .select(stored)
    .from(carriers)
    .where(eq(carriers.id, sql.placeholder('id')))
    .prepare()

  return {
    inTransaction: connection.withTx,

    async find(id: number): Promise<StoredCarrier | undefined> {
      const [row] = await byId.execute({ id })
      return row
    },

    async findMany(ids: number[]): Promise<StoredCarrier[]> {
      if (ids.length === 0) return []
      const [only] = ids
      if (ids.length === 1 && only !== undefined) return byId.execute({ id: only })
      return db.select(stored).from(carriers).where(inArray(carriers.id, ids)).orderBy(carriers.id)
    },

    async findReadable(id: number, reader: Reader, now: string): Promise<StoredCarrier | undefined> {
      const [row] = await db
        .select(stored)
        .from(carriers)
        .where(and(eq(carriers.id, id), readableBy(reader, now)))
      return row
    },

    async list(query: ListCarriers, reader: Reader, now: string): Promise<PageOf<StoredCarrier>> {
      const { page, statement } = carrierListStatement(db, query, reader, now)
      return page(await statement)
    },

    /** The row as it is, held until the transaction ends: what audit and event say about "before" is then true. */
    async lock(tx: CarrierTx, id: number, visibleTo: Visibility): Promise<StoredCarrier | undefined> {
      const [row] = await tx.db
        .select(stored)
        .from(carriers)
        .where(and(eq(carriers.id, id), ownedBy(visibleTo)))
        .for('update')
      return row
    },

    async lockByOwner(tx: CarrierTx, ownerId: number): Promise<StoredCarrier[]> {
      return tx.db.select(stored).from(carriers).where(eq(carriers.ownerId, ownerId)).orderBy(carriers.id).for('update')
    },

    /** Nothing to see has changed: no version, no event, only how far the owner's events have been followed. */
    async noteOwnerVersion(tx: CarrierTx, id: number, ownerVersion: number): Promise<void> {
      await tx.db.update(carriers).set({ ownerVersion }).where(eq(carriers.id, id))
    },

    async insert(tx: CarrierTx, row: NewCarrierRow): Promise<StoredCarrier> {
      const id = await insertRow(tx, row)
      await writeRefs(tx, id, row.externalRefs)
      return read(tx, id)
    },

    /** Writes on the version and state that were read, or throws VERSION_MISMATCH; answers with the row as it is now. */
    async update(tx: CarrierTx, before: StoredCarrier, change: CarrierChange): Promise<StoredCarrier> {
      const [{ affectedRows }] = await tx.db
        .update(carriers)
        .set({ ...change, version: before.version + 1, updatedAt: databaseNow })
        .where(and(eq(carriers.id, before.id), eq(carriers.version, before.version), eq(carriers.status, before.status)))
      if (affectedRows === 0) throw VersionMismatch({ current: before.version })
      if (change.externalRefs) {
        await tx.db.delete(carrierExternalRefs).where(eq(carrierExternalRefs.carrierId, before.id))
        await writeRefs(tx, before.id, change.externalRefs)
      }
      return read(tx, before.id)
    },
  }
}

async function insertRow(tx: CarrierTx, row: NewCarrierRow): Promise<number> {
  try {
    const [{ insertId }] = await tx.db.insert(carriers).values(row)
    return insertId
  } catch (error) {
    if (isDuplicateKey(error, 'carriers_code')) throw CarrierCodeTaken({ code: row.code }, { cause: error })
    throw error
  }
}

async function writeRefs(tx: CarrierTx, carrierId: number, refs: Carrier['externalRefs']): Promise<void> {
  if (refs.length === 0) return
  try {
    await tx.db.insert(carrierExternalRefs).values(refs.map(({ system, id }) => ({ system, refId: id, carrierId })))
  } catch (error) {
    if (isDuplicateKey(error)) throw ExternalRefTaken({ refs: describeRefs(refs) }, { cause: error })
    throw error
  }
}

async function read(tx: CarrierTx, id: number): Promise<StoredCarrier> {
  const [row] = await tx.db.select(stored).from(carriers).where(eq(carriers.id, id))
  if (!row) throw new Error(`carrier ${id} is gone inside the transaction that wrote it`)
  return row
}

/** Apart from the repository so that a test can ask the server for its plan. */
export function carrierListStatement(db: Queries, query: ListCarriers, reader: Reader, now: string) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: carriers.createdAt, updatedAt: carriers.updatedAt, name: carriers.name },
    id: carriers.id,
    createdAt: carriers.createdAt,
    updatedAt: carriers.updatedAt,
  })
  const statement = db
    .select(stored)
    .from(carriers)
    .where(and(readableBy(reader, now), ...filters(db, query, reader, now), where))
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}

function filters(db: Queries, query: ListCarriers, reader: Reader, now: string): (SQL | undefined)[] {
  const statuses = commaValues(query.status, carrierStatuses)
  const asksForHidden = query.ownerId !== undefined || query.ownerActive !== undefined || query.externalRef !== undefined
  return [
    statuses && or(...statuses.map((status) => effectively(status, now))),
    query.mode === undefined ? undefined : contains(carriers.modes, query.mode),
    query.country === undefined ? undefined : contains(carriers.countries, query.country),
    query.scac === undefined ? undefined : eq(carriers.scac, query.scac),
    query.q === undefined ? undefined : or(beginsWith(carriers.name, query.q), beginsWith(carriers.code, query.q.toLowerCase())),
    // A filter on what a reader may not see would tell it after all: it looks only where they may see it.
    asksForHidden ? ownedBy(reader.full) : undefined,
    query.ownerId === undefined ? undefined : eq(carriers.ownerId, query.ownerId),
    query.ownerActive === undefined ? undefined : eq(carriers.ownerActive, query.ownerActive),
    query.externalRef === undefined ? undefined : inArray(carriers.id, holdersOf(db, query.externalRef)),
  ]
}

/** Whether a JSON array of words holds one. */
export const contains = (column: typeof carriers.modes | typeof carriers.countries | SQL, word: string): SQL =>
  sql`JSON_CONTAINS(${column}, ${JSON.stringify(word)})`

function holdersOf(db: Queries, filter: string) {
  const { system, id } = parseExternalRef(filter)
  return db
    .select({ id: carrierExternalRefs.carrierId })
    .from(carrierExternalRefs)
    .where(and(eq(carrierExternalRefs.system, system), eq(carrierExternalRefs.refId, id)))
}
