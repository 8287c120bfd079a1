import type { CustomerTx } from '#platform/databases.ts'
import type { UserEvents } from '../user/index.ts'
import type { Customer } from './contract.ts'
import type { CustomerRecords } from './records.ts'
import type { CustomerRepository } from './repository.ts'

/** What a customer is when nobody has said anything else. */
export const blankProfile = {
  type: 'company',
  companyName: null,
  legalName: null,
  country: null,
  taxIds: [],
  status: 'pending',
  tier: 'C',
  defaultCurrency: null,
  paymentTermsDays: 30,
  invoiceEmail: null,
  salesRepUserId: null,
  externalRefs: [],
  tags: [],
  metadata: {},
} satisfies Partial<Customer>

export interface CustomerProfiles {
  /** Makes the pending profile of a new user; undefined when the user is no customer or has a profile. */
  createProfile(tx: CustomerTx, user: UserEvents['user.created']): Promise<Customer | undefined>
  /** Keeps whether the user may log in; undefined when that changes nothing. */
  followUser(tx: CustomerTx, user: { userId: number; version: number; active: boolean }): Promise<Customer | undefined>
}

interface ProfileNeeds {
  repository: Pick<CustomerRepository, 'lockByUser' | 'noteUserVersion'>
  records: Pick<CustomerRecords, 'create' | 'update'>
}

/** How profiles follow the users they belong to. Each function is one event's effect, in the transaction that handles it. */
export function createCustomerProfiles({ repository, records }: ProfileNeeds): CustomerProfiles {
  return {
    async createProfile(tx, { userId, userType, company, timezone, version }) {
      if (userType !== 'customer') return undefined
      // Delivered again, or made by staff before the event came. Two at the same moment meet at the unique key: one is retried and ends here.
      if (await repository.lockByUser(tx, userId)) return undefined
      return records.create(tx, {
        ...blankProfile,
        type: company ? 'company' : 'individual',
        companyName: company?.name ?? null,
        country: company?.country ?? null,
        timezone,
        userId,
        accountNumber: null,
        portalUserActive: true,
        portalUserVersion: version,
      })
    },

    async followUser(tx, { userId, version, active }) {
      const found = await repository.lockByUser(tx, userId)
      // An event older than what is known, or of a user without a profile.
      if (!found || version <= found.userVersion) return undefined
      const { customer } = found
      if (customer.portalUserActive === active) {
        await repository.noteUserVersion(tx, customer.id, version)
        return undefined
      }
      return records.update(tx, customer, { portalUserActive: active, portalUserVersion: version }, ['portalUserActive'])
    },
  }
}
