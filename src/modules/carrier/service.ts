import type { CarrierTx } from '#platform/databases.ts'
import { normaliseEmail } from '#platform/email-address.ts'
import { requireOneRefPerSystem } from '#platform/external-refs.ts'
import { InvalidTransition, ReasonRequired, ValidationFailed, VersionMismatch } from '#platform/http-errors.ts'
import { requireMetadataInBounds } from '#platform/metadata.ts'
import { applyMergePatch } from '#platform/patches.ts'
import { type Principal, scopeOf, visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { stepOf } from '#platform/transitions.ts'
import type { UserContract } from '../user/index.ts'
import type { Carrier, CarrierContract, CarrierStatus, ShownCarrier } from './contract.ts'
import { CarrierIncomplete, CarrierNotFound, InsuranceExpired, SelfReview, UserReferenceNotFound } from './errors.ts'
import { isCoverOver, startOfDay } from './insurance.ts'
import type { OfferedServices } from './offered-services.ts'
import { carrierAt, shownTo } from './presentation.ts'
import { readerOf } from './readers.ts'
import { type CarrierRecords, only } from './records.ts'
import type { CarrierRepository, StoredCarrier, StoredContact } from './repository.ts'
import { refuseFixedMembers, refuseForeignMembers, refuseForeignOwner, requireScac } from './rules.ts'
import type { CarrierPatch, ListCarriers, NewCarrier } from './schemas.ts'
import { type CarrierAction, carrierMachine, carrierRules } from './states.ts'

export interface CarrierUpdate {
  id: number
  patch: CarrierPatch
  expectedVersion: number | undefined
}
export interface CarrierStatusChange {
  id: number
  action: CarrierAction
  reason: string | undefined
  expectedVersion: number | undefined
}
export interface OwnerTransfer {
  id: number
  ownerId: number
  reason: string | undefined
  expectedVersion: number | undefined
}

/** What the contract offers to neighbours, and what the surface asks besides. */
export interface CarrierService extends CarrierContract {
  listCarriers(query: ListCarriers, actor: Principal): Promise<PageOf<ShownCarrier>>
  requireCarrier(input: { id: number }, actor: Principal): Promise<ShownCarrier>
  createCarrier(input: NewCarrier, actor: Principal): Promise<Carrier>
  updateCarrier(update: CarrierUpdate, actor: Principal): Promise<Carrier>
  changeStatus(change: CarrierStatusChange, actor: Principal): Promise<Carrier>
  transferOwner(transfer: OwnerTransfer, actor: Principal): Promise<Carrier>
}

interface CarrierServiceNeeds {
  carriers: CarrierRepository
  services: Pick<OfferedServices, 'setsOf' | 'hasActive' | 'retireAll'>
  records: CarrierRecords
  users: Pick<UserContract, 'getUser'>
  now: () => number
}

export function createCarrierService({ carriers, services, records, users, now }: CarrierServiceNeeds): CarrierService {
  const shown = (row: StoredCarrier): Carrier => carrierAt(row, now())

  return {
    async getCarrier({ id }) {
      const row = await carriers.find(id)
      return row && shown(row)
    },

    getCarriers: async ({ ids }) => (await carriers.findMany(ids)).map(shown),

    listServices: ({ carrierIds }) => services.setsOf(carrierIds),

    async listCarriers(query, actor) {
      const reader = readerOf(actor)
      const at = now()
      const { data, page } = await carriers.list(query, reader, new Date(at).toISOString())
      return { data: data.map((row) => shownTo(reader, row, at)), page }
    },

    async requireCarrier({ id }, actor) {
      const reader = readerOf(actor)
      const at = now()
      const row =
        reader.full.scope === 'any' ? await carriers.find(id) : await carriers.findReadable(id, reader, new Date(at).toISOString())
      if (!row) throw CarrierNotFound({ id })
      return shownTo(reader, row, at)
    },

    async createCarrier({ ownerId, contact, ...input }, actor) {
      refuseForeignOwner(ownerId, actor)
      requireScac(input.scac)
      requireOneRefPerSystem(input.externalRefs)
      const owner = await requireActiveUser(ownerOf(ownerId, actor))

      return answered((tx) =>
        records.create(tx, {
          ...blankCarrier,
          ...input,
          ...cover(input.insuranceExpiresOn ?? null, input.timezone ?? blankCarrier.timezone),
          contact: contact ? storedContact(spelled(contact)) : null,
          ownerId: owner.id,
          ownerActive: true,
          ownerVersion: owner.version,
        }),
      )
    },

    async updateCarrier({ id, patch, expectedVersion }, actor) {
      requireScac(patch.scac)
      requireOneRefPerSystem(patch.externalRefs)
      const { code: _code, ownerId: _ownerId, status: _status, ...described } = patch
      const wanted = described.contact ? { ...described, contact: spelled(described.contact) } : described

      return answered(async (tx) => {
        const before = await requireLocked(tx, id, actor, 'carrier:update', expectedVersion)
        refuseForeignMembers(patch, before.status, actor)
        refuseFixedMembers(patch, shown(before))
        const { changed, next } = applyMergePatch(before, wanted)
        if (changed.length === 0) return before
        if (before.status === 'retired') throw InvalidTransition({ from: before.status, action: 'update' })
        requireMetadataInBounds(next.metadata)
        return records.update(tx, before, { ...only(next, changed), ...cover(next.insuranceExpiresOn, next.timezone) }, changed)
      })
    },

    async changeStatus({ id, action, reason, expectedVersion }, actor) {
      const { permission, needsReason, notOnesOwn } = carrierRules[action]
      const why = reason?.trim() ? reason : null
      if (needsReason && why === null) throw ReasonRequired({ action })

      return answered(async (tx) => {
        const before = await requireLocked(tx, id, actor, permission, expectedVersion)
        if (notOnesOwn && before.ownerId === actor.userId) throw SelfReview()
        // Asked before the state: an active carrier without cover is shown as suspended, so there is something to reinstate.
        if (action === 'reinstate' && isUncovered(before)) throw InsuranceExpired({ insuranceExpiresOn: before.insuranceExpiresOn })
        const step = stepOf<CarrierStatus>(carrierMachine[action], before.status)
        if (step === 'refused') throw InvalidTransition({ from: before.status, action })
        if (step === 'reached') return before
        if (action === 'submit' && !(await services.hasActive(tx, id))) throw CarrierIncomplete()
        if (action === 'retire') await services.retireAll(tx, id, why)
        return records.move(tx, before, action, why)
      })
    },

    async transferOwner({ id, ownerId, reason, expectedVersion }, actor) {
      const owner = await requireActiveUser(ownerId)

      return answered(async (tx) => {
        const before = await requireLocked(tx, id, actor, 'carrier:transfer', expectedVersion)
        if (before.status === 'retired') throw InvalidTransition({ from: before.status, action: 'transfer-owner' })
        if (before.ownerId === ownerId) return before
        return records.transfer(tx, before, { ownerId, ownerVersion: owner.version }, reason?.trim() ? reason : null)
      })
    },
  }

  /** The answer is made inside the transaction: it is what a repeat with the same Idempotency-Key gets. */
  function answered(change: (tx: CarrierTx) => Promise<StoredCarrier>): Promise<Carrier> {
    return carriers.inTransaction(async (tx) => shown(await change(tx)))
  }

  /** Asked before the transaction begins: no neighbour is called while a row is held. */
  async function requireActiveUser(id: number) {
    const user = await users.getUser({ id })
    if (user?.status === 'active') return user
    const { code } = UserReferenceNotFound
    throw UserReferenceNotFound(
      { id },
      { faults: [{ in: 'body', path: '/ownerId', code, message: 'is no active user', value: String(id) }] },
    )
  }

  async function requireLocked(tx: CarrierTx, id: number, actor: Principal, permission: string, expectedVersion: number | undefined) {
    const carrier = await carriers.lock(tx, id, visibility(actor, permission))
    if (!carrier) throw CarrierNotFound({ id })
    if (expectedVersion !== undefined && expectedVersion !== carrier.version) throw VersionMismatch({ current: carrier.version })
    return carrier
  }

  function isUncovered({ status, insuranceEndsAt }: StoredCarrier): boolean {
    return (status === 'active' || status === 'suspended') && isCoverOver({ insuranceEndsAt }, now())
  }
}

/** What a carrier is when nobody has said anything else. */
const blankCarrier = {
  scac: null,
  countries: [],
  currency: null,
  timezone: 'UTC',
  status: 'draft',
  contact: null,
  insuranceExpiresOn: null,
  externalRefs: [],
  metadata: {},
} satisfies Partial<StoredCarrier>

/** Staff name the owner; who makes a carrier of their own is it. */
function ownerOf(ownerId: number | undefined, actor: Principal): number {
  const id = ownerId ?? (scopeOf(actor, 'carrier:create') === 'own' ? actor.userId : undefined)
  if (id !== undefined) return id
  throw ValidationFailed({ count: 1 }, { faults: [{ in: 'body', path: '/ownerId', code: 'REQUIRED', message: 'is required' }] })
}

const cover = (insuranceExpiresOn: string | null, timezone: string) => ({
  insuranceExpiresOn,
  insuranceEndsAt: insuranceExpiresOn === null ? null : startOfDay(insuranceExpiresOn, timezone),
})

type Contact = NonNullable<NewCarrier['contact']>

/** The address in its one spelling. */
function spelled(contact: Contact): Contact {
  const email = contact.email ? normaliseEmail(contact.email) : undefined
  return email === undefined ? contact : { ...contact, email }
}

/** Kept without what is not known, as a merge patch leaves it. */
const storedContact = ({ name, email, phone }: Contact): StoredContact => ({
  name,
  ...(email ? { email } : {}),
  ...(phone ? { phone } : {}),
})
