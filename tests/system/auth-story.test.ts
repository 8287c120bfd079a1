import { afterAll, beforeAll, expect, test } from 'vitest'
import { administrator, createIdentity, goodPassword, type Identity } from '#support/identity.ts'

let identity: Identity
beforeAll(async () => {
  identity = await createIdentity()
})
afterAll(() => identity.close())

test('somebody registers, logs in, asks who they are, refreshes and logs out', async () => {
  const { call, rows } = identity
  const registration = {
    email: 'Ada.Byron@Example.COM',
    password: goodPassword,
    firstName: 'Ada',
    lastName: 'Lovelace',
    company: { name: 'Analytical Engines Ltd', country: 'GB' },
    timezone: 'Europe/London',
  }

  const registered = await call('POST', '/v1/auth/register', { body: registration })
  expect(registered.status).toBe(201)
  expect(registered.headers.location).toBe(`/v1/users/${registered.body.id}`)
  expect(registered.body).toMatchObject({
    email: 'ada.byron@example.com',
    userType: 'customer',
    status: 'active',
    roles: ['customer'],
    locale: 'en',
    timezone: 'Europe/London',
    emailVerifiedAt: null,
    version: 1,
  })
  expect(registered.text).not.toMatch(/argon|violet/)

  const login = await call('POST', '/v1/auth/login', { body: { email: 'ada.byron@EXAMPLE.com', password: goodPassword, device: 'Laptop' } })
  expect(login.status).toBe(200)
  expect(login.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 300, refreshExpiresIn: 604_800 })
  expect(login.headers['cache-control']).toBe('no-store')

  const me = await call('GET', '/v1/auth/me', { token: String(login.body.accessToken) })
  expect(me.body.user).toEqual(registered.body)
  expect(me.body.permissions).toContain('customer:read:own')
  expect(me.body.session).toEqual({ id: login.body.sessionId })

  const refreshed = await call('POST', '/v1/auth/refresh', { body: { refreshToken: login.body.refreshToken } })
  expect(refreshed.status).toBe(200)
  expect(refreshed.body.sessionId).toBe(login.body.sessionId)
  expect(refreshed.body.refreshToken).not.toBe(login.body.refreshToken)

  const logout = await call('POST', '/v1/auth/logout', { body: { refreshToken: refreshed.body.refreshToken } })
  expect([logout.status, logout.text]).toEqual([204, ''])
  expect(await call('GET', '/v1/auth/me', { token: String(refreshed.body.accessToken) })).toMatchObject({
    status: 401,
    body: { code: 'SESSION_REVOKED' },
  })
  expect((await call('POST', '/v1/auth/refresh', { body: { refreshToken: refreshed.body.refreshToken } })).body.code).toBe(
    'SESSION_REVOKED',
  )
  expect(await rows(`SELECT password FROM users WHERE email = 'ada.byron@example.com'`)).toEqual([
    { password: expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/) },
  ])
})

test('registering says user.created with the company, and nothing secret', async () => {
  const { call, said } = identity
  const company = { name: 'Difference Engines', country: 'DE' }
  const body = { email: 'charles@example.com', password: goodPassword, firstName: 'Charles', lastName: 'Babbage', company }

  const { body: user } = await call('POST', '/v1/auth/register', { body })

  expect(await said(`user/${user.id}`)).toEqual([
    {
      type: 'user.created',
      data: {
        userId: user.id,
        email: 'charles@example.com',
        firstName: 'Charles',
        lastName: 'Babbage',
        userType: 'customer',
        roles: ['customer'],
        locale: 'en',
        timezone: 'UTC',
        company,
        version: 1,
      },
    },
  ])
})

test('a carrier owner registers as one', async () => {
  const { body } = await identity.call('POST', '/v1/auth/register', {
    body: { email: 'owner@example.com', password: goodPassword, firstName: 'Grace', lastName: 'Hopper', userType: 'carrier' },
  })

  expect(body).toMatchObject({ userType: 'carrier', roles: ['carrier_owner'] })
})

test('an address has one account, in any spelling; another accent is another address', async () => {
  const { call } = identity
  const register = (email: string) =>
    call('POST', '/v1/auth/register', { body: { email, password: goodPassword, firstName: 'J', lastName: 'J' } })

  expect((await register('josé@example.com')).status).toBe(201)
  expect(await register('JOSE\u0301@Example.com')).toMatchObject({ status: 409, body: { code: 'EMAIL_TAKEN' } })
  expect((await register('jose@example.com')).status).toBe(201)
})

test.each([
  ['staff cannot register', { userType: 'staff' }, 400, 'VALIDATION_FAILED'],
  ['roles cannot be asked for', { roles: ['admin'] }, 400, 'VALIDATION_FAILED'],
  ['a state cannot be asked for', { status: 'active' }, 400, 'VALIDATION_FAILED'],
  ['an address is needed', { email: 'nobody' }, 400, 'VALIDATION_FAILED'],
  ['a zone must exist', { timezone: 'Europe/Atlantis' }, 400, 'VALIDATION_FAILED'],
  ['257 characters are too many', { password: 'x'.repeat(257) }, 400, 'VALIDATION_FAILED'],
  ['a password that is guessed first', { password: 'password1234' }, 422, 'PASSWORD_TOO_WEAK'],
  ['a password with the address in it', { password: 'k7#Vqweak.person2!xP9zR' }, 422, 'PASSWORD_TOO_WEAK'],
])('%s', async (_, over, status, code) => {
  const { call, rows } = identity
  const body = { email: 'weak.person@example.com', password: goodPassword, firstName: 'W', lastName: 'P', ...over }

  const answer = await call('POST', '/v1/auth/register', { body })

  expect(answer).toMatchObject({ status, body: { code } })
  expect(answer.text).not.toContain('k7#Vq')
  expect(await rows(`SELECT id FROM users WHERE email LIKE 'weak%'`)).toEqual([])
})

test('the first administrator exists once, however often the process starts, and may do everything', async () => {
  const again = await createIdentity({ beside: identity })
  const token = await again.admin()

  const me = await again.call('GET', '/v1/auth/me', { token })

  expect(me.body.user).toMatchObject({ email: administrator.email, roles: ['admin'], emailVerifiedAt: expect.any(String) })
  expect(me.body.permissions).toEqual(['*:*:any'])
  expect(await identity.rows(`SELECT id FROM users WHERE user_type = 'staff'`)).toHaveLength(1)
  expect(again.log.lines.filter((line) => line.message.includes('BOOTSTRAP_ADMIN_PASSWORD'))).toHaveLength(1)
  await again.close()
})

test('the public keys are published for five minutes and hold no private part', async () => {
  const answer = await identity.call('GET', '/.well-known/jwks.json')

  expect(answer.headers['cache-control']).toBe('public, max-age=300')
  expect(answer.body).toEqual({
    keys: [
      {
        kid: expect.stringMatching(/^[\w-]{43}$/),
        kty: 'EC',
        crv: 'P-256',
        alg: 'ES256',
        use: 'sig',
        x: expect.any(String),
        y: expect.any(String),
      },
    ],
  })
})

test('where registering is closed nobody registers', async () => {
  const closed = await createIdentity({ beside: identity, auth: { registration: 'closed' } })
  const body = { email: 'late@example.com', password: goodPassword, firstName: 'L', lastName: 'L' }

  expect(await closed.call('POST', '/v1/auth/register', { body })).toMatchObject({ status: 403, body: { code: 'REGISTRATION_CLOSED' } })
  await closed.close()
})

test('everything audited stands there once, without an address, a password or a token', async () => {
  const { rows, person } = identity
  const { id, sessionId } = await person.call(identity)

  expect(await rows(`SELECT action, actor_kind FROM audit_log WHERE subject = 'user/${id}' ORDER BY id`)).toEqual([
    { action: 'user.created', actor_kind: 'anonymous' },
    { action: 'login.ok', actor_kind: 'anonymous' },
  ])
  const all = JSON.stringify(await rows(`SELECT * FROM audit_log`)) + JSON.stringify(await rows(`SELECT * FROM outbox`))
  expect(all).not.toMatch(/argon2|violet-otter|bhr_|eyJ/)
  expect(sessionId).toBeGreaterThan(0)
})
