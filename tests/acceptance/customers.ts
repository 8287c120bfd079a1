import { expect, it } from 'vitest'
import { ok, problem, type Stage } from './stage.ts'

const nowhere = 2_147_483_647

/** Customers: kept by staff, with what user knows of the people behind them. */
export function customers(stage: Stage): void {
  const olga = () => stage.person('olga')
  const customer = () => `/v1/customers/${stage.id('customer')}`

  it('a user has one profile: a second one is refused', async () => {
    const body = { userId: stage.person('cora').userId }

    expect(await olga().ask('POST /v1/customers', { body })).toMatchObject(problem(409, 'CUSTOMER_EXISTS'))
  })

  it('somebody who does not exist has no profile: user says so, and the place in the body is named', async () => {
    const answer = await olga().ask('POST /v1/customers', { body: { userId: nowhere } })

    expect(answer).toMatchObject({ status: 422, body: { code: 'USER_NOT_FOUND', errors: [{ in: 'body', path: '/userId' }] } })
  })

  it('a profile that staff makes begins with what user knows', async () => {
    const userId = await stage.register('paula', { userType: 'carrier', timezone: 'Europe/Paris' })

    const made = await olga().ask('POST /v1/customers', { body: { userId, companyName: 'Paula & Fils', country: 'FR' } })

    expect(made).toMatchObject({
      status: 201,
      headers: { location: `/v1/customers/${made.body.id}`, etag: '"v1"' },
      body: { userId, timezone: 'Europe/Paris', portalUserActive: true, status: 'pending' },
    })
    stage.keep('paulas profile', made.body.id)
  })

  it('a sales representative must be a user', async () => {
    const { headers } = await olga().ask(`GET ${customer()}`)
    const set = (salesRepUserId: number) => olga().ask(`PATCH ${customer()}`, { ifMatch: headers.etag, body: { salesRepUserId } })

    expect(await set(nowhere)).toMatchObject({ status: 422, body: { code: 'USER_NOT_FOUND', errors: [{ path: '/salesRepUserId' }] } })
    expect(await set(olga().userId)).toMatchObject({ status: 200, body: { salesRepUserId: olga().userId } })
  })

  it('a change needs the version it was made for', async () => {
    const { headers } = await olga().ask(`GET ${customer()}`)
    const body = { tags: ['gold'] }

    expect(await olga().ask(`PATCH ${customer()}`, { body })).toMatchObject(problem(428, 'IF_MATCH_REQUIRED'))
    expect(await olga().ask(`PATCH ${customer()}`, { ifMatch: '"v1"', body })).toMatchObject(problem(412, 'VERSION_MISMATCH'))
    expect(await olga().ask(`PATCH ${customer()}`, { ifMatch: headers.etag, body })).toMatchObject({
      status: 200,
      body: { tags: ['gold'] },
    })
  })

  it('customers write their names and where invoices go, staff writes the rest', async () => {
    const cora = stage.person('cora')
    const { headers } = await cora.ask(`GET ${customer()}`)
    const patch = (body: object) => cora.ask(`PATCH ${customer()}`, { ifMatch: headers.etag, body })

    expect(await patch({ tier: 'A' })).toMatchObject({ status: 403, body: { code: 'FIELD_FORBIDDEN', errors: [{ path: '/tier' }] } })
    expect(await patch({ invoiceEmail: 'Billing@Example.com' })).toMatchObject({
      status: 200,
      body: { invoiceEmail: 'billing@example.com' },
    })
  })

  it('what a customer is, is changed by actions', async () => {
    const { headers } = await olga().ask(`GET ${customer()}`)
    const patch = (body: object) => olga().ask(`PATCH ${customer()}`, { ifMatch: headers.etag, body })

    expect(await patch({ status: 'closed' })).toMatchObject({
      status: 422,
      body: { code: 'FIELD_IMMUTABLE', errors: [{ path: '/status' }] },
    })
    expect(await patch({ userId: stage.admin.userId })).toMatchObject({ status: 422, body: { code: 'FIELD_IMMUTABLE' } })
  })

  it('an account number is set once, is nobody else’s, and is none of those that are given out', async () => {
    const [paulas, coras] = [`/v1/customers/${stage.id('paulas profile')}`, customer()]
    const set = async (address: string, accountNumber: string) => {
      const { headers } = await olga().ask(`GET ${address}`)
      return olga().ask(`PATCH ${address}`, { ifMatch: headers.etag, body: { accountNumber } })
    }

    expect(await set(coras, 'ACME-1')).toMatchObject({ status: 200, body: { accountNumber: 'ACME-1' } })
    expect(await set(coras, 'ACME-2')).toMatchObject(problem(422, 'FIELD_IMMUTABLE'))
    expect(await set(paulas, 'ACME-1')).toMatchObject(problem(409, 'ACCOUNT_NUMBER_TAKEN'))
    expect(await set(paulas, 'C-000099')).toMatchObject(problem(422, 'ACCOUNT_NUMBER_RESERVED'))
  })

  it('who cannot be invoiced does not trade: all that is missing is named', async () => {
    const answer = await olga().ask(`POST /v1/customers/${stage.id('paulas profile')}/activate`)

    expect(answer).toMatchObject({ status: 422, body: { code: 'CUSTOMER_INCOMPLETE', errors: [{ path: '/defaultCurrency' }] } })
  })

  it('a number of another system belongs to one customer', async () => {
    const refs = { externalRefs: [{ system: 'erp', id: '4711' }] }
    const set = async (address: string) => {
      const { headers } = await olga().ask(`GET ${address}`)
      return olga().ask(`PATCH ${address}`, { ifMatch: headers.etag, body: refs })
    }

    expect(await set(customer())).toMatchObject({ status: 200, body: refs })
    expect(await set(`/v1/customers/${stage.id('paulas profile')}`)).toMatchObject(problem(409, 'EXTERNAL_REF_TAKEN'))
    expect((await olga().ask('GET /v1/customers?externalRef=erp:4711')).body.data).toMatchObject([{ id: stage.id('customer') }])
  })

  it('a suspension needs a reason, and each state takes its own actions', async () => {
    const act = (action: string, body = {}) => olga().ask(`POST ${customer()}/${action}`, { body })

    expect(await act('suspend')).toMatchObject(problem(422, 'REASON_REQUIRED'))
    expect(await act('suspend', { reason: 'unpaid' })).toMatchObject({ status: 200, body: { status: 'suspended' } })
    expect(await act('activate')).toMatchObject(problem(409, 'INVALID_TRANSITION'))
    expect(await act('reactivate', { reason: 'paid' })).toMatchObject({ status: 200, body: { status: 'active' } })
    expect(await act('close', { reason: 'no' })).toMatchObject(problem(403, 'FORBIDDEN'))
  })

  it('the same key makes one profile', async () => {
    const userId = await stage.register('quinn', { userType: 'carrier' })
    const asked = { body: { userId }, key: 'quinns-profile' }

    const [first, again] = [await olga().ask('POST /v1/customers', asked), await olga().ask('POST /v1/customers', asked)]

    ok(first)
    expect(again).toMatchObject({
      status: 201,
      body: first.body,
      headers: { location: first.headers.location, 'idempotent-replayed': 'true' },
    })
    const other = { ...asked, body: { userId: stage.admin.userId } }
    expect(await olga().ask('POST /v1/customers', other)).toMatchObject(problem(422, 'IDEMPOTENCY_KEY_REUSED'))
  })
}
