import { expect, it } from 'vitest'
import { ok, problem, type Stage } from './stage.ts'
import type { Quote } from './wishes.ts'
import { shipment } from './wishes.ts'

/** What happens in one module and is heard in others. */
export function travelling(stage: Stage): void {
  const act = (name: string, action: string, reason = 'a story') =>
    stage.admin.ask(`POST /v1/users/${stage.userId(name)}/${action}`, { body: { reason } })
  const profileOf = (name: string) => `GET /v1/customers?userId=${stage.userId(name)}`
  const isPortalUser =
    (active: boolean) =>
    ({ body }: { body: { data: readonly { portalUserActive?: unknown }[] } }) =>
      body.data[0]?.portalUserActive === active

  it('every way of registering gives the right profile: a company, a person, or none for carriers', async () => {
    const dora = await stage.join('dora', { company: { name: 'Dora GmbH', country: 'DE' }, timezone: 'Europe/Berlin' })
    await stage.register('emil')
    const profiles = [
      await dora.until('GET /v1/customers', ({ body }) => body.data.length > 0),
      await stage.admin.until(profileOf('emil'), ({ body }) => body.data.length > 0),
    ]

    expect(profiles.map(({ body }) => body.data[0])).toMatchObject([
      { type: 'company', companyName: 'Dora GmbH', country: 'DE', timezone: 'Europe/Berlin', portalUserActive: true },
      { type: 'individual', companyName: null, country: null, timezone: 'UTC', portalUserActive: true },
    ])
    expect((await stage.admin.ask(profileOf('carl'))).body.data).toEqual([])
  })

  it('a user who is suspended is known as such by customer, and the profile keeps its own state', async () => {
    const suspended = await act('dora', 'suspend', 'lost a phone')

    const profile = await stage.admin.until(profileOf('dora'), isPortalUser(false))

    expect(suspended).toMatchObject({ status: 200, body: { status: 'suspended' } })
    expect(profile.body.data).toMatchObject([{ status: 'pending', portalUserActive: false, version: 2 }])
  })

  it('is let in nowhere, and told so with the right password only', async () => {
    const dora = stage.person('dora')
    for (const line of ['GET /v1/customers', 'GET /v1/carriers', 'GET /v1/quotes', 'GET /v1/users'])
      expect(await dora.until(line, ({ status }) => status === 401)).toMatchObject(problem(401, 'SESSION_REVOKED'))

    const logIn = (secret: string) => stage.nobody.ask('POST /v1/auth/login', { body: { email: dora.email, password: secret } })
    expect(await logIn(dora.password)).toMatchObject(problem(403, 'ACCOUNT_SUSPENDED'))
    expect(await logIn('another password')).toMatchObject(problem(401, 'INVALID_CREDENTIALS'))
  })

  it('and is let in again after the reactivation, in a new session', async () => {
    ok(await act('dora', 'reactivate'))

    const profile = await stage.admin.until(profileOf('dora'), isPortalUser(true))

    expect(profile.body.data).toMatchObject([{ portalUserActive: true, version: 3 }])
    expect(await stage.person('dora').until('GET /v1/auth/me', ({ status }) => status === 401)).toMatchObject(
      problem(401, 'SESSION_REVOKED'),
    )
    const again = await (await stage.logIn('dora')).until('GET /v1/customers', ({ status }) => status === 200)
    expect(again.body.data).toMatchObject([{ companyName: 'Dora GmbH' }])
  })

  it('a carrier whose owner is suspended says so, and is quoted as before', async () => {
    const carrier = `GET /v1/carriers/${stage.id('carrier')}`
    ok(await act('carl', 'suspend'))

    const without = await stage.admin.until(carrier, ({ body }) => body.ownerActive === false)
    const priced = await stage.person('cora').ask<Quote>('POST /v1/rates', { body: shipment() })
    ok(await act('carl', 'reactivate'))
    const again = await stage.admin.until(carrier, ({ body }) => body.ownerActive === true)

    expect([without.body.status, again.body.status]).toEqual(['active', 'active'])
    expect(priced.body.rates.map(({ serviceCode }) => serviceCode)).toEqual(['GND'])
  })

  it('a user who leaves for good is followed by all who know them', async () => {
    const gone = await act('emil', 'deactivate')

    const profile = await stage.admin.until(profileOf('emil'), isPortalUser(false))

    expect(gone).toMatchObject({ status: 200, body: { status: 'deactivated' } })
    expect(profile.body.data).toMatchObject([{ portalUserActive: false, status: 'pending' }])
    expect(await act('emil', 'suspend')).toMatchObject(problem(409, 'INVALID_TRANSITION'))
  })

  it('who is suspended right after registering has a profile that knows it', async () => {
    await stage.register('flash')
    ok(await act('flash', 'suspend'))

    const profile = await stage.admin.until(profileOf('flash'), isPortalUser(false))

    expect(profile.body.data).toMatchObject([{ portalUserActive: false, version: 2 }])
  })

  it('a customer who is closed gets no prices, and open quotes end by event', async () => {
    const [cora, customer] = [stage.person('cora'), `/v1/customers/${stage.id('customer')}`]
    const open = await cora.ask('GET /v1/quotes?status=open')

    const closed = await stage.admin.ask(`POST ${customer}/close`, { body: { reason: 'moved away' } })

    const cancelled = await cora.until('GET /v1/quotes?status=cancelled', ({ body }) => body.data.length === open.body.data.length)
    expect(closed).toMatchObject({ status: 200, body: { status: 'closed' } })
    expect(cancelled.body.data.map(({ id }) => id)).toEqual(open.body.data.map(({ id }) => id))
    expect(await cora.until('POST /v1/rates', ({ status }) => status === 422, { body: shipment() })).toMatchObject(
      problem(422, 'CUSTOMER_CLOSED'),
    )
  })

  it('and one who is reopened gets prices again; what was cancelled stays so', async () => {
    const [cora, customer] = [stage.person('cora'), `/v1/customers/${stage.id('customer')}`]

    const reopened = await stage.admin.ask(`POST ${customer}/reopen`, { body: { reason: 'came back' } })

    expect(reopened).toMatchObject({ status: 200, body: { status: 'active' } })
    expect((await cora.until<Quote>('POST /v1/rates', ({ status }) => status === 200, { body: shipment() })).body.rates.length).toBe(1)
    expect((await cora.ask(`GET /v1/quotes/${stage.id('quote')}`)).body.status).toBe('cancelled')
  })
}
