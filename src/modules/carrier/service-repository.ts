import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { databaseNow } from '#platform/columns.ts'
import { type CarrierTx, type Connection, isDuplicateKey, type Queries } from '#platform/databases.ts'
import { VersionMismatch } from '#platform/http-errors.ts'
import { commaValues, keyset } from '#platform/lists.ts'
import type { PageOf } from '#platform/schemas.ts'
import { type CarrierService, type ServiceStatus, serviceStatuses } from './contract.ts'
import { fromMinorUnits, toMinorUnits } from './declared-value.ts'
import { CarrierServiceCodeTaken } from './errors.ts'
import type { ListServices } from './schemas.ts'
import { carrierServices, carriers } from './tables.ts'

/** A service that is about to be. */
export type NewServiceRow = Omit<CarrierService, 'id' | 'version' | 'createdAt' | 'updatedAt'>
export type ServiceChange = Partial<Omit<NewServiceRow, 'carrierId' | 'code'>>

/** The services of one carrier under the number of their last change. */
export interface ServiceSet {
  version: number
  services: CarrierService[]
}

const columns = {
  id: carrierServices.id,
  carrierId: carrierServices.carrierId,
  code: carrierServices.code,
  name: carrierServices.name,
  mode: carrierServices.mode,
  status: carrierServices.status,
  transit: carrierServices.transit,
  guaranteed: carrierServices.guaranteed,
  limits: carrierServices.limits,
  maxDeclaredMinor: carrierServices.maxDeclaredMinor,
  maxDeclaredCurrency: carrierServices.maxDeclaredCurrency,
  features: carrierServices.features,
  version: carrierServices.version,
  createdAt: carrierServices.createdAt,
  updatedAt: carrierServices.updatedAt,
} as const

type Row = typeof carrierServices.$inferSelect

function toService({ limits, maxDeclaredMinor, maxDeclaredCurrency, ...row }: Row): CarrierService {
  return {
    ...row,
    limits: {
      maxWeight: limits.maxWeight ?? null,
      maxLength: limits.maxLength ?? null,
      maxLengthPlusGirth: limits.maxLengthPlusGirth ?? null,
      maxPieces: limits.maxPieces ?? null,
      maxDeclaredValue: maxDeclaredMinor && maxDeclaredCurrency ? fromMinorUnits(maxDeclaredMinor, maxDeclaredCurrency) : null,
    },
  }
}

/** Measures as they were entered in one document; money as a whole number in columns of its own. */
function toColumns({ maxDeclaredValue, ...measures }: CarrierService['limits']) {
  return {
    limits: Object.fromEntries(Object.entries(measures).filter(([, limit]) => limit !== null)),
    maxDeclaredMinor: maxDeclaredValue && toMinorUnits(maxDeclaredValue, '/limits/maxDeclaredValue/amount'),
    maxDeclaredCurrency: maxDeclaredValue?.currency ?? null,
  }
}

export type ServiceRepository = ReturnType<typeof createServiceRepository>

/** Services are written while their carrier's row is locked, so whatever is decided about a carrier's services holds. */
export function createServiceRepository(connection: Connection<'carrier_service_db'>) {
  const { db } = connection

  return {
    /** The services of each carrier that exists, all states, with the version of the set, from one statement. */
    async findSets(carrierIds: number[]): Promise<Map<number, ServiceSet>> {
      return carrierIds.length === 0 ? new Map() : readSets(db, carrierIds)
    },

    async list(carrierId: number, query: ListServices, onlyActive: boolean): Promise<PageOf<CarrierService>> {
      const { page, statement } = serviceListStatement(db, carrierId, query, onlyActive)
      return page((await statement).map(toService))
    },

    async find(carrierId: number, code: string, onlyActive: boolean): Promise<CarrierService | undefined> {
      const [row] = await db
        .select(columns)
        .from(carrierServices)
        .where(and(eq(carrierServices.carrierId, carrierId), eq(carrierServices.code, code), onlyActive ? active : undefined))
      return row && toService(row)
    },

    async lock(tx: CarrierTx, carrierId: number, code: string): Promise<CarrierService | undefined> {
      const [row] = await tx.db
        .select(columns)
        .from(carrierServices)
        .where(and(eq(carrierServices.carrierId, carrierId), eq(carrierServices.code, code)))
        .for('update')
      return row && toService(row)
    },

    async inState(tx: CarrierTx, carrierId: number, statuses: ServiceStatus[]): Promise<CarrierService[]> {
      const rows = await tx.db
        .select(columns)
        .from(carrierServices)
        .where(and(eq(carrierServices.carrierId, carrierId), inArray(carrierServices.status, statuses)))
        .orderBy(carrierServices.code)
      return rows.map(toService)
    },

    async insert(tx: CarrierTx, { limits, ...row }: NewServiceRow): Promise<CarrierService> {
      const values = { ...row, ...toColumns(limits) }
      await tx.db
        .insert(carrierServices)
        .values(values)
        .catch((error: unknown) => {
          if (isDuplicateKey(error, 'carrier_services_code')) throw CarrierServiceCodeTaken({ code: row.code }, { cause: error })
          throw error
        })
      return read(tx, row.carrierId, row.code)
    },

    /** Writes on the version and state that were read, or throws VERSION_MISMATCH; answers with the row as it is now. */
    async update(tx: CarrierTx, before: CarrierService, { limits, ...change }: ServiceChange): Promise<CarrierService> {
      const [{ affectedRows }] = await tx.db
        .update(carrierServices)
        .set({ ...change, ...(limits && toColumns(limits)), version: before.version + 1, updatedAt: databaseNow })
        .where(
          and(eq(carrierServices.id, before.id), eq(carrierServices.version, before.version), eq(carrierServices.status, before.status)),
        )
      if (affectedRows === 0) throw VersionMismatch({ current: before.version })
      return read(tx, before.carrierId, before.code)
    },

    /** Gives the carrier's set of services its next version and answers with the set as it is now. */
    async renew(tx: CarrierTx, carrierId: number): Promise<ServiceSet> {
      await tx.db
        .update(carriers)
        .set({ servicesVersion: sql`${carriers.servicesVersion} + 1` })
        .where(eq(carriers.id, carrierId))
      const set = (await readSets(tx.db, [carrierId])).get(carrierId)
      if (!set) throw new Error(`carrier ${carrierId} is gone inside the transaction that holds it`)
      return set
    },
  }
}

const active: SQL = eq(carrierServices.status, 'active')

async function read(tx: CarrierTx, carrierId: number, code: string): Promise<CarrierService> {
  const [row] = await tx.db
    .select(columns)
    .from(carrierServices)
    .where(and(eq(carrierServices.carrierId, carrierId), eq(carrierServices.code, code)))
  if (!row) throw new Error(`service ${code} of carrier ${carrierId} is gone inside the transaction that wrote it`)
  return toService(row)
}

async function readSets(db: Queries, carrierIds: number[]): Promise<Map<number, ServiceSet>> {
  const rows = await db
    .select({ carrierId: carriers.id, version: carriers.servicesVersion, service: columns })
    .from(carriers)
    .leftJoin(carrierServices, eq(carrierServices.carrierId, carriers.id))
    .where(inArray(carriers.id, carrierIds))
    .orderBy(carriers.id, carrierServices.code)
  const sets = new Map<number, ServiceSet>()
  for (const { carrierId, version, service } of rows) {
    const set = sets.get(carrierId) ?? { version, services: [] }
    if (service) set.services.push(toService(service))
    sets.set(carrierId, set)
  }
  return sets
}

/** Apart from the repository so that a test can ask the server for its plan. */
export function serviceListStatement(db: Queries, carrierId: number, query: ListServices, onlyActive: boolean) {
  const { where, orderBy, limit, page } = keyset({
    query,
    sorts: { createdAt: carrierServices.createdAt, updatedAt: carrierServices.updatedAt },
    id: carrierServices.id,
    createdAt: carrierServices.createdAt,
    updatedAt: carrierServices.updatedAt,
  })
  const statuses = commaValues(query.status, serviceStatuses)
  const statement = db
    .select(columns)
    .from(carrierServices)
    .where(
      and(
        eq(carrierServices.carrierId, carrierId),
        onlyActive ? active : undefined,
        statuses && inArray(carrierServices.status, statuses),
        query.mode === undefined ? undefined : eq(carrierServices.mode, query.mode),
        query.feature === undefined ? undefined : sql`JSON_CONTAINS(${carrierServices.features}, ${JSON.stringify(query.feature)})`,
        where,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit)
  return { page, statement }
}
