import { expect, it } from 'vitest'
import type { Body, Reply } from './client.ts'
import { ok, problem, type Stage } from './stage.ts'
import { shipment } from './wishes.ts'

const nowhere = 2_147_483_647

/** What differs between the answers about two addresses, and tells nothing. */
const comparable = ({ status, body }: Reply) => ({ ...body, status, instance: '', requestId: '' })

/** Who may see and do what, whichever module the thing belongs to. */
export function rights(stage: Stage): void {
  it('a customer sees nobody else: the answer is the one for a customer that does not exist', async () => {
    const nosy = stage.person('nosy')

    const [foreign, missing] = [await nosy.ask(`GET /v1/customers/${stage.id('customer')}`), await nosy.ask(`GET /v1/customers/${nowhere}`)]

    expect(foreign).toMatchObject(problem(404, 'CUSTOMER_NOT_FOUND'))
    expect(comparable(foreign)).toEqual(comparable(missing))
  })

  it('nor by listing or filtering', async () => {
    const nosy = stage.person('nosy')

    const all = await nosy.ask('GET /v1/customers')
    const filtered = await nosy.ask(`GET /v1/customers?userId=${stage.person('cora').userId}`)
    const quotes = await nosy.ask(`GET /v1/quotes?customerId=${stage.id('customer')}`)

    expect(all.body.data.map(({ userId }) => userId)).toEqual([nosy.userId])
    expect([filtered.body.data, quotes.body.data]).toEqual([[], []])
  })

  it('nor changes anybody else', async () => {
    const change = { ifMatch: '"v1"', body: { companyName: 'Mine' } }

    expect(await stage.person('nosy').ask(`PATCH /v1/customers/${stage.id('customer')}`, change)).toMatchObject(
      problem(404, 'CUSTOMER_NOT_FOUND'),
    )
  })

  it('nor gets prices for anybody else: the customer does not exist, as far as they can tell', async () => {
    const answer = await stage.person('nosy').ask('POST /v1/rates', { body: { ...shipment(), customerId: stage.id('customer') } })

    expect(answer).toMatchObject({ status: 422, body: { code: 'CUSTOMER_NOT_FOUND', errors: [{ path: '/customerId' }] } })
  })

  it('users see themselves', async () => {
    const nosy = stage.person('nosy')
    const [foreign, missing] = [await nosy.ask(`GET /v1/users/${stage.admin.userId}`), await nosy.ask(`GET /v1/users/${nowhere}`)]

    expect((await nosy.ask('GET /v1/users')).body.data.map(({ id }) => id)).toEqual([nosy.userId])
    expect(foreign).toMatchObject(problem(404, 'USER_NOT_FOUND'))
    expect(comparable(foreign)).toEqual(comparable(missing))
  })

  it('price lists do not exist for customers', async () => {
    const cora = stage.person('cora')
    for (const line of [
      'GET /v1/tariffs',
      `GET /v1/tariffs/${stage.id('tariff')}`,
      'GET /v1/pricing-rules',
      `GET /v1/tariffs/${stage.id('tariff')}/versions`,
    ])
      expect([line, await cora.ask(line)]).toMatchObject([line, { status: 404 }])
  })

  it('what needs a permission is refused with its name', async () => {
    const cora = stage.person('cora')
    for (const [line, permission] of [
      ['POST /v1/customers', 'customer:create'],
      [`POST /v1/customers/${stage.id('customer')}/activate`, 'customer:activate'],
      ['POST /v1/carriers', 'carrier:create'],
      ['GET /v1/roles', 'role:read'],
    ])
      expect([line, await cora.ask(line ?? '', { ...(line?.startsWith('POST') ? { body: {} } : {}) })]).toMatchObject([
        line,
        { status: 403, body: { code: 'FORBIDDEN', detail: expect.stringContaining(permission ?? '') } },
      ])
  })

  it('who browses carriers sees the active ones, without what is confidential', async () => {
    const draft = ok(await stage.person('carl').ask('POST /v1/carriers', { body: { code: 'slow', name: 'Slow Boats', modes: ['ocean'] } }))
    const cora = stage.person('cora')

    const { data } = (await cora.ask('GET /v1/carriers')).body

    expect(data.map(({ code }) => code)).toEqual(['fast'])
    expect(data[0]).not.toHaveProperty('ownerId')
    expect(await cora.ask(`GET /v1/carriers/${draft.body.id}`)).toMatchObject(problem(404, 'CARRIER_NOT_FOUND'))
    stage.keep('draft carrier', draft.body.id)
  })

  it('a carrier is changed by its owner, and by no other owner', async () => {
    const rita = await stage.join('rita', { userType: 'carrier' }, 'carrier_owner', 'ops')
    const draft = `/v1/carriers/${stage.id('draft carrier')}`
    const change = { ifMatch: '"v1"', body: { name: 'Slower Boats' } }

    expect(await rita.ask(`PATCH ${draft}`, change)).toMatchObject(problem(404, 'CARRIER_NOT_FOUND'))
    expect(await stage.person('carl').ask(`PATCH ${draft}`, change)).toMatchObject({
      status: 200,
      body: { name: 'Slower Boats', version: 2 },
    })
  })

  it('a carrier is made by owners for themselves only', async () => {
    const body = { code: 'gift', name: 'Gift', modes: ['air'], ownerId: stage.person('rita').userId }

    expect(await stage.person('carl').ask('POST /v1/carriers', { body })).toMatchObject(problem(403, 'FIELD_FORBIDDEN'))
  })

  it('nobody reviews a carrier of their own', async () => {
    const rita = stage.person('rita')
    const { body } = ok(
      await rita.ask('POST /v1/carriers', { body: { code: 'ritas', name: 'Rita', modes: ['ltl'], ownerId: rita.userId } }),
    )
    const own = `/v1/carriers/${body.id}`
    ok(await rita.ask(`POST ${own}/services`, { body: { code: 'LTL', name: 'Less than a truck', mode: 'ltl' } }))
    ok(await rita.ask(`POST ${own}/services/LTL/activate`))
    ok(await rita.ask(`POST ${own}/submit`))

    expect(await rita.ask(`POST ${own}/approve`)).toMatchObject(problem(403, 'SELF_REVIEW'))
    stage.keep('submitted carrier', body.id)
  })

  it('an auditor reads everything and changes nothing', async () => {
    const audrey = await stage.join('audrey', {}, 'auditor')
    for (const line of [
      'GET /v1/users?limit=1',
      'GET /v1/customers?limit=1',
      'GET /v1/carriers?limit=1',
      'GET /v1/tariffs',
      'GET /v1/quotes?limit=1',
    ])
      expect([line, (await audrey.ask(line)).status]).toEqual([line, 200])
    for (const line of [
      `POST /v1/customers/${stage.id('customer')}/suspend`,
      `POST /v1/carriers/${stage.id('carrier')}/suspend`,
      `POST /v1/users/${stage.person('cora').userId}/suspend`,
    ])
      expect([line, await audrey.ask(line, { body: { reason: 'no' } })]).toMatchObject([line, problem(403, 'FORBIDDEN')])
  })

  it('a role that is granted, and one that is taken, is in force at other modules within a second, for sessions that have begun', async () => {
    const nosy = stage.person('nosy')
    const customer = `GET /v1/customers/${stage.id('customer')}`

    await stage.setRoles(nosy.userId, ['customer', 'auditor'])
    const granted = await nosy.until(customer, ({ status }) => status === 200)
    await stage.setRoles(nosy.userId, ['customer'])
    const taken = await nosy.until(customer, ({ status }) => status === 404)

    expect([granted.body.id, taken.body.code]).toEqual([stage.id('customer'), 'CUSTOMER_NOT_FOUND'])
  })

  it('the last administrator stays', async () => {
    const { admin } = stage

    expect(await admin.ask(`POST /v1/users/${admin.userId}/suspend`, { body: { reason: 'no' } })).toMatchObject(problem(409, 'LAST_ADMIN'))
  })

  it('nobody gives what they do not hold, nor acts on an administrator', async () => {
    const olga = stage.person('olga')
    const roles = { ifMatch: '"v1"', body: { roles: [{ name: 'admin' }] } }

    expect(await olga.ask(`PUT /v1/users/${olga.userId}/roles`, roles)).toMatchObject(problem(403, 'FORBIDDEN'))
    expect(await olga.ask(`POST /v1/users/${stage.admin.userId}/suspend`, { body: { reason: 'no' } })).toMatchObject(
      problem(403, 'PRIVILEGE_ESCALATION'),
    )
  })

  it('the built-in roles are listed, and one is read', async () => {
    const { data } = (await stage.admin.ask('GET /v1/roles')).body
    const [admin] = data

    expect(data.map(({ name }: Body) => name)).toEqual(['admin', 'ops', 'customer', 'carrier_owner', 'auditor'])
    expect((await stage.admin.ask(`GET /v1/roles/${admin?.id}`)).body).toEqual(admin)
    expect(await stage.admin.ask(`GET /v1/roles/${nowhere}`)).toMatchObject(problem(404, 'ROLE_NOT_FOUND'))
  })
}
