import { expect, it } from 'vitest'
import type { Stage } from './stage.ts'

const nowhere = 2_147_483_647

/** A neighbour is told the same, whether it asks a function, a text or another process. */
export function contracts(stage: Stage): void {
  it('a user is told as the user is; of nobody there is nothing to tell', async () => {
    const { user } = stage.contracts
    const cora = stage.person('cora')

    const told = await user.getUser({ id: cora.userId })

    expect(told).toMatchObject({ id: cora.userId, email: cora.email, status: 'active', roles: ['customer'] })
    expect(await user.getUser({ id: nowhere })).toBeUndefined()
  })

  it('of several users those are told that exist, in the order of their ids', async () => {
    const ids = ['rita', 'cora', 'carl'].map((name) => stage.person(name).userId)

    const { users } = await stage.contracts.user.getUsers({ ids: [...ids, nowhere] })

    expect(users.map(({ id }) => id)).toEqual(ids.toSorted((one, other) => one - other))
  })

  it('every role is told with what it permits', async () => {
    const { roles } = await stage.contracts.user.getRoleTable({})

    expect(roles.find(({ name }) => name === 'customer')?.permissions).toContain('quote:create:own')
  })

  it('a customer is found by id and by user, and is somebody’s own', async () => {
    const { customer } = stage.contracts
    const [id, userId] = [stage.id('customer'), stage.person('cora').userId]

    const told = await customer.getCustomer({ id })

    expect(told).toMatchObject({ id, userId, companyName: 'Acme Tools', status: 'active', tier: 'B' })
    expect(await customer.getCustomerByUser({ userId })).toEqual(told)
    expect(await customer.getCustomersOfUser({ userId })).toEqual([id])
    expect(await customer.getCustomersOfUser({ userId: stage.person('carl').userId })).toEqual([])
    expect([await customer.getCustomer({ id: nowhere }), await customer.getCustomerByUser({ userId: nowhere })]).toEqual([
      undefined,
      undefined,
    ])
  })

  it('of a customer, prices depend on a part', async () => {
    const { customer } = stage.contracts
    const id = stage.id('customer')

    const profile = await customer.getPricingProfile({ id })

    expect(profile).toMatchObject({ id, status: 'active', tier: 'B', defaultCurrency: 'USD' })
    expect(profile).not.toHaveProperty('invoiceEmail')
    expect(await customer.getPricingProfile({ id: nowhere })).toBeUndefined()
  })

  it('of several customers those are told that exist, in the order of their ids', async () => {
    const ids = [stage.id('paulas profile'), stage.id('customer')]

    const told = await stage.contracts.customer.getCustomers({ ids: [nowhere, ...ids] })

    expect(told.map(({ id }) => id)).toEqual(ids.toSorted((one, other) => one - other))
  })

  it('carriers are told in every state, with what is confidential', async () => {
    const { carrier } = stage.contracts
    const ids = [stage.id('submitted carrier'), stage.id('carrier')]

    const told = await carrier.getCarriers({ ids: [...ids, nowhere] })

    expect(told).toMatchObject([
      { code: 'fast', status: 'active', ownerId: stage.person('carl').userId },
      { code: 'ritas', status: 'retired', insuranceExpiresOn: '2099-01-01' },
    ])
    expect(await carrier.getCarrier({ id: stage.id('carrier') })).toEqual(told[0])
    expect(await carrier.getCarrier({ id: nowhere })).toBeUndefined()
  })

  it('services are told in every state, ordered by carrier and code; who is unknown has none', async () => {
    const carrierIds = [stage.id('submitted carrier'), nowhere, stage.id('carrier')]

    const told = await stage.contracts.carrier.listServices({ carrierIds })

    expect(told.map(({ code, status }) => `${code} ${status}`)).toEqual(['AIR active', 'GND active', 'LTL retired'])
    expect(told[0]).toMatchObject({ limits: { maxWeight: { value: '70', unit: 'lb' } }, transit: null })
  })
}
