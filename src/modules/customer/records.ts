import { audit, changes } from '#platform/audit.ts'
import type { CustomerTx } from '#platform/databases.ts'
import type { Publisher } from '#platform/events.ts'
import type { Customer, CustomerEvents } from './contract.ts'
import type { CustomerRepository, RowChange } from './repository.ts'
import { actionRules, type CustomerAction, customerMachine } from './states.ts'

/** Of these the audit trail keeps the name, not the value. */
const personal = ['legalName', 'invoiceEmail']

export type CustomerRecords = ReturnType<typeof createCustomerRecords>

interface RecordNeeds {
  repository: Pick<CustomerRepository, 'insert' | 'update'>
  publish: Publisher<CustomerEvents, CustomerTx>
}

/** The ways in which a customer is written: each is the row, its line in the audit trail and its event, in the caller's transaction. */
export function createCustomerRecords({ repository, publish }: RecordNeeds) {
  return {
    async create(tx: CustomerTx, row: Parameters<CustomerRepository['insert']>[1]): Promise<Customer> {
      const customer = await repository.insert(tx, row)
      const { id, userId, accountNumber, status, tier, defaultCurrency, version } = customer
      await audit(tx, { action: 'customer.created', subject: `customer/${id}`, after: { userId, accountNumber, status, tier } })
      await publish(tx, 'customer.created', id, { customerId: id, userId, accountNumber, status, tier, currency: defaultCurrency, version })
      return customer
    },

    async update(tx: CustomerTx, before: Customer, change: RowChange, changed: readonly (keyof Customer)[]): Promise<Customer> {
      const customer = await repository.update(tx, before, change)
      const { id, tier, defaultCurrency, version } = customer
      await audit(tx, {
        action: 'customer.updated',
        subject: `customer/${id}`,
        ...changes(only(before, changed), only(customer, changed), { personal }),
      })
      await publish(tx, 'customer.updated', id, { customerId: id, changed: [...changed], tier, currency: defaultCurrency, version })
      return customer
    },

    async move(tx: CustomerTx, before: Customer, action: CustomerAction, reason: string | null): Promise<Customer> {
      const { to } = customerMachine[action]
      const customer = await repository.update(tx, before, { status: to })
      const { id, version } = customer
      await audit(tx, {
        action: actionRules[action].recordedAs,
        subject: `customer/${id}`,
        before: { status: before.status },
        after: { status: to },
        ...(reason === null ? {} : { reason }),
      })
      await publish(tx, 'customer.status_changed', id, { customerId: id, from: before.status, to, reason, version })
      return customer
    },
  }
}

/** Some members of a customer. */
export const only = (customer: Customer, members: readonly (keyof Customer)[]): Partial<Customer> =>
  Object.fromEntries(members.map((member) => [member, customer[member]]))
