import type { CustomerTx } from '#platform/databases.ts'
import { normaliseEmail } from '#platform/email-address.ts'
import { requireOneRefPerSystem } from '#platform/external-refs.ts'
import { InvalidTransition, ReasonRequired, VersionMismatch } from '#platform/http-errors.ts'
import { requireMetadataInBounds } from '#platform/metadata.ts'
import { applyMergePatch } from '#platform/patches.ts'
import { type Principal, visibility } from '#platform/principal.ts'
import type { PageOf } from '#platform/schemas.ts'
import { stepOf } from '#platform/transitions.ts'
import type { UserContract } from '../user/index.ts'
import type { Customer, CustomerContract, CustomerStatus } from './contract.ts'
import { CustomerNotFound, UserReferenceNotFound } from './errors.ts'
import { blankProfile } from './profiles.ts'
import { type CustomerRecords, only } from './records.ts'
import type { CustomerRepository } from './repository.ts'
import { refuseFixedMembers, refuseForeignMembers, requireComplete, requireFreeForm } from './rules.ts'
import type { CustomerPatch, ListCustomers, NewCustomer } from './schemas.ts'
import { actionRules, type CustomerAction, customerMachine } from './states.ts'

export interface CustomerChange {
  id: number
  patch: CustomerPatch
  expectedVersion: number | undefined
}
export interface CustomerStatusChange {
  id: number
  action: CustomerAction
  reason: string | undefined
  expectedVersion: number | undefined
}

/** What the contract offers to neighbours, and what the surface asks besides. */
export interface CustomerService extends CustomerContract {
  listCustomers(query: ListCustomers, actor: Principal): Promise<PageOf<Customer>>
  requireCustomer(input: { id: number }, actor: Principal): Promise<Customer>
  createCustomer(input: NewCustomer): Promise<Customer>
  updateCustomer(change: CustomerChange, actor: Principal): Promise<Customer>
  changeStatus(change: CustomerStatusChange, actor: Principal): Promise<Customer>
}

interface CustomerServiceNeeds {
  repository: CustomerRepository
  records: CustomerRecords
  users: Pick<UserContract, 'getUser'>
}

export function createCustomerService({ repository, records, users }: CustomerServiceNeeds): CustomerService {
  return {
    getCustomer: ({ id }) => repository.find(id, { scope: 'any' }),

    getCustomers: ({ ids }) => repository.findMany(ids),

    getCustomerByUser: ({ userId }) => repository.findByUser(userId),

    async getCustomersOfUser({ userId }) {
      const customer = await repository.findByUser(userId)
      return customer ? [customer.id] : []
    },

    async getPricingProfile({ id }) {
      const customer = await repository.find(id, { scope: 'any' })
      return customer && pricingProfileOf(customer)
    },

    listCustomers: (query, actor) => repository.list(query, visibility(actor, 'customer:read')),

    async requireCustomer({ id }, actor) {
      const customer = await repository.find(id, visibility(actor, 'customer:read'))
      if (!customer) throw CustomerNotFound({ id })
      return customer
    },

    async createCustomer({ accountNumber, invoiceEmail, ...input }) {
      if (accountNumber !== undefined) requireFreeForm(accountNumber)
      requireOneRefPerSystem(input.externalRefs)
      const user = await requireUser(input.userId, '/userId')
      if (input.salesRepUserId) await requireUser(input.salesRepUserId, '/salesRepUserId')

      return repository.inTransaction((tx) =>
        records.create(tx, {
          ...blankProfile,
          timezone: user.timezone,
          ...input,
          invoiceEmail: normalised(invoiceEmail ?? null),
          accountNumber: accountNumber ?? null,
          portalUserActive: user.status === 'active',
          portalUserVersion: user.version,
        }),
      )
    },

    async updateCustomer({ id, patch, expectedVersion }, actor) {
      refuseForeignMembers(patch, actor)
      requireOneRefPerSystem(patch.externalRefs)
      if (patch.salesRepUserId) await requireUser(patch.salesRepUserId, '/salesRepUserId')
      const wanted = patch.invoiceEmail === undefined ? patch : { ...patch, invoiceEmail: normalised(patch.invoiceEmail) }

      return repository.inTransaction(async (tx) => {
        const before = await requireLocked(tx, id, actor, 'customer:update', expectedVersion)
        const { changed, next } = applyMergePatch(before, wanted)
        if (changed.length === 0) return before
        refuseFixedMembers(before, next)
        requireMetadataInBounds(next.metadata)
        return records.update(tx, before, only(next, changed), changed)
      })
    },

    async changeStatus({ id, action, reason, expectedVersion }, actor) {
      const { permission, needsReason, needsCompleteProfile } = actionRules[action]
      const why = reason?.trim() ? reason : null
      if (needsReason && why === null) throw ReasonRequired({ action })

      return repository.inTransaction(async (tx) => {
        const before = await requireLocked(tx, id, actor, permission, expectedVersion)
        const step = stepOf<CustomerStatus>(customerMachine[action], before.status)
        if (step === 'refused') throw InvalidTransition({ from: before.status, action })
        if (step === 'reached') return before
        if (needsCompleteProfile) requireComplete(before)
        return records.move(tx, before, action, why)
      })
    },
  }

  /** Asked before the transaction begins: no neighbour is called while a row is held. */
  async function requireUser(id: number, path: string) {
    const user = await users.getUser({ id })
    if (user) return user
    const { code } = UserReferenceNotFound
    throw UserReferenceNotFound({ id }, { faults: [{ in: 'body', path, code, message: 'is no user', value: String(id) }] })
  }

  async function requireLocked(tx: CustomerTx, id: number, actor: Principal, permission: string, expectedVersion: number | undefined) {
    const customer = await repository.lock(tx, id, visibility(actor, permission))
    if (!customer) throw CustomerNotFound({ id })
    if (expectedVersion !== undefined && expectedVersion !== customer.version) throw VersionMismatch({ current: customer.version })
    return customer
  }
}

const pricingProfileOf = ({ id, accountNumber, status, tier, defaultCurrency, timezone, version }: Customer) => ({
  id,
  accountNumber,
  status,
  tier,
  defaultCurrency,
  timezone,
  version,
})

/** The schema has checked that it is an address. */
const normalised = (email: string | null): string | null => (email === null ? null : (normaliseEmail(email) ?? null))
