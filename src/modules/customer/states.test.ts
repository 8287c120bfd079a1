import { describe, expect, test } from 'vitest'
import { system } from '#platform/principal.ts'
import { type Customer, type CustomerStatus, customerStatuses } from './contract.ts'
import { createCustomerService } from './service.ts'
import { type CustomerAction, customerActions } from './states.ts'

/** Every state × every action: the state it leads to, `=` for reached already, `-` for refused. */
const matrix: Record<CustomerStatus, Record<CustomerAction, string>> = {
  pending: { activate: 'active', suspend: '-', reactivate: '-', close: 'closed', reopen: '-' },
  active: { activate: '=', suspend: 'suspended', reactivate: '=', close: 'closed', reopen: '=' },
  suspended: { activate: '-', suspend: '=', reactivate: 'active', close: 'closed', reopen: '-' },
  closed: { activate: '-', suspend: '-', reactivate: '-', close: '=', reopen: 'active' },
}

const customerIn = (status: CustomerStatus): Customer => ({
  id: 7,
  userId: 42,
  accountNumber: 'C-000007',
  type: 'company',
  companyName: 'Blue Freight',
  legalName: null,
  country: null,
  taxIds: [],
  status,
  tier: 'C',
  defaultCurrency: 'EUR',
  timezone: 'UTC',
  invoiceEmail: null,
  paymentTermsDays: 30,
  portalUserActive: true,
  salesRepUserId: null,
  externalRefs: [],
  tags: [],
  metadata: {},
  version: 3,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
})

/** A service over one customer in memory, and what it wrote. */
function serviceOver(customer: Customer) {
  const moves: CustomerAction[] = []
  const unused = () => Promise.reject(new Error('not part of this test'))
  const tx = { name: 'customer_service_db' as const, db: Object.create(null), afterCommit: () => {} }
  const service = createCustomerService({
    users: { getUser: unused },
    repository: {
      inTransaction: (work) => work(tx),
      lock: async () => customer,
      find: unused,
      findMany: unused,
      findByUser: unused,
      list: unused,
      lockByUser: unused,
      noteUserVersion: unused,
      insert: unused,
      update: unused,
    },
    records: {
      create: unused,
      update: unused,
      move: async (_tx, before, action) => {
        moves.push(action)
        return { ...before, version: before.version + 1 }
      },
    },
  })
  return { service, moves }
}

describe('every action in every state', () => {
  const cells = customerStatuses.flatMap((status) => customerActions.map((action) => [status, action, matrix[status][action]] as const))

  test.each(cells)('%s, %s: %s', async (status, action, expected) => {
    const { service, moves } = serviceOver(customerIn(status))

    const outcome = service.changeStatus({ id: 7, action, reason: 'because', expectedVersion: undefined }, system)

    if (expected === '-') await expect(outcome).rejects.toMatchObject({ code: 'INVALID_TRANSITION', details: { from: status, action } })
    else if (expected === '=') expect(await outcome).toEqual(customerIn(status))
    else expect((await outcome).version).toBe(4)
    expect(moves).toEqual(expected === '-' || expected === '=' ? [] : [action])
  })
})

describe('who trades is complete', () => {
  test.each([
    ['company', { companyName: null, legalName: 'Blue Freight Ltd' }, 'companyName'],
    ['individual', { companyName: 'Blue Freight', legalName: null }, 'legalName'],
  ] as const)('%s needs its own kind of name', async (type, names, missing) => {
    const { service } = serviceOver({ ...customerIn('closed'), type, ...names })

    const outcome = service.changeStatus({ id: 7, action: 'reopen', reason: 'back', expectedVersion: undefined }, system)

    await expect(outcome).rejects.toMatchObject({ code: 'CUSTOMER_INCOMPLETE', details: { missing } })
  })
})
