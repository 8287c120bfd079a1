import { expect, it } from 'vitest'
import type { Reply } from './client.ts'
import { password, problem, type Stage } from './stage.ts'

/** One address of each module: what is true of a session must be true at all of them. */
const everywhere = ['GET /v1/users', 'GET /v1/customers', 'GET /v1/carriers', 'GET /v1/quotes'] as const

/** Sessions begin and end in one place and count everywhere. */
export function sessions(stage: Stage): void {
  const isRefused = ({ status }: Reply): boolean => status === 401

  it('who registers is told about the account, and nothing of the password', async () => {
    const answer = await stage.nobody.ask('POST /v1/auth/register', {
      body: {
        email: 'Ada.Byron@Example.COM',
        password,
        firstName: 'Ada',
        lastName: 'Lovelace',
        timezone: 'Europe/London',
        locale: 'en-GB',
      },
    })

    expect(answer).toMatchObject({
      status: 201,
      headers: { location: `/v1/users/${answer.body.id}` },
      body: { email: 'ada.byron@example.com', userType: 'customer', status: 'active', roles: ['customer'], version: 1 },
    })
    expect(answer.text).not.toMatch(/argon|lanterns/)
  })

  it('an address has one account, in any spelling', async () => {
    const body = { email: 'ADA.byron@example.com', password, firstName: 'Ada', lastName: 'Again' }

    expect(await stage.nobody.ask('POST /v1/auth/register', { body })).toMatchObject(problem(409, 'EMAIL_TAKEN'))
  })

  it.each([
    ['a password that is guessed first', { password: 'password1234' }, 422, 'PASSWORD_TOO_WEAK'],
    ['a zone that does not exist', { timezone: 'Europe/Atlantis' }, 400, 'VALIDATION_FAILED'],
    ['a kind of user that nobody can give themselves', { userType: 'staff' }, 400, 'VALIDATION_FAILED'],
  ])('%s is refused at registration', async (_, over, status, code) => {
    const body = { email: 'weak@example.com', password, firstName: 'W', lastName: 'P', ...over }

    expect(await stage.nobody.ask('POST /v1/auth/register', { body })).toMatchObject(problem(status, code))
  })

  it('a wrong password and an unknown address get the same answer', async () => {
    const logIn = (email: string) => stage.nobody.ask('POST /v1/auth/login', { body: { email, password: 'another password' } })

    const [wrong, unknown] = [await logIn('ada.byron@example.com'), await logIn('nobody@example.com')]

    expect(wrong).toMatchObject(problem(401, 'INVALID_CREDENTIALS'))
    expect({ ...wrong.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
  })

  it('who is logged in learns who they are and what they may do', async () => {
    const cora = stage.person('cora')

    const { body } = await cora.ask('GET /v1/auth/me')

    expect(body).toMatchObject({ user: { id: cora.userId, roles: ['customer'] }, session: { id: cora.sessionId } })
    expect(body.permissions).toContain('customer:read:own')
  })

  it('nobody is let in without a token, nor with one that is none, wherever they knock', async () => {
    const stranger = stage.nobody.as('a stranger', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x')
    for (const line of everywhere) {
      expect([line, await stage.nobody.ask(line)]).toMatchObject([line, problem(401, 'UNAUTHENTICATED')])
      expect([line, await stranger.ask(line)]).toMatchObject([line, problem(401, 'ACCESS_TOKEN_INVALID')])
    }
  })

  it('a refreshed session goes on at every module', async () => {
    const { refreshToken, sessionId } = await stage.logIn('cora')

    const { status, body } = await stage.nobody.ask('POST /v1/auth/refresh', { body: { refreshToken } })

    expect([status, body.sessionId]).toEqual([200, sessionId])
    expect(body.refreshToken).not.toBe(refreshToken)
    const refreshed = stage.nobody.as('cora, refreshed', String(body.accessToken))
    for (const line of everywhere) expect([line, (await refreshed.ask(line)).status]).toEqual([line, 200])
  })

  it('a refresh token of two generations ago gives the theft away: the session has ended at every module', async () => {
    const { refreshToken, accessToken } = await stage.logIn('cora')
    const refresh = (token: unknown) => stage.nobody.ask('POST /v1/auth/refresh', { body: { refreshToken: token } })
    const second = await refresh(refreshToken)
    const third = await refresh(second.body.refreshToken)

    expect(await refresh(refreshToken)).toMatchObject(problem(401, 'REFRESH_TOKEN_REUSED'))

    expect(third.status).toBe(200)
    const thief = stage.nobody.as('a thief', accessToken)
    for (const line of everywhere) expect(await thief.until(line, isRefused)).toMatchObject(problem(401, 'SESSION_REVOKED'))
  })

  it('who logs out is logged out at every module, within a second of having been seen there', async () => {
    const leaving = await stage.logIn('cora')
    for (const line of everywhere) expect([line, (await leaving.ask(line)).status]).toEqual([line, 200])

    const left = await stage.nobody.ask('POST /v1/auth/logout', { body: { refreshToken: leaving.refreshToken } })

    expect([left.status, left.text]).toEqual([204, ''])
    for (const line of everywhere) expect(await leaving.until(line, isRefused)).toMatchObject(problem(401, 'SESSION_REVOKED'))
    expect(await stage.nobody.ask('POST /v1/auth/refresh', { body: { refreshToken: leaving.refreshToken } })).toMatchObject(
      problem(401, 'SESSION_REVOKED'),
    )
  })

  it('one of several sessions is ended from the list, and the others go on', async () => {
    const lost = await stage.logIn('cora')
    const cora = stage.person('cora')
    const listed = await cora.ask('GET /v1/auth/sessions?limit=2')
    expect(listed.body.data[0]).toMatchObject({ id: lost.sessionId, device: 'cora', current: false })

    const ended = await cora.ask(`DELETE /v1/auth/sessions/${lost.sessionId}`)

    expect(ended.status).toBe(204)
    expect(await lost.until('GET /v1/customers', isRefused)).toMatchObject(problem(401, 'SESSION_REVOKED'))
    expect((await cora.ask('GET /v1/customers')).status).toBe(200)
    expect(await cora.ask(`DELETE /v1/auth/sessions/${lost.sessionId}`)).toMatchObject(problem(404, 'SESSION_NOT_FOUND'))
  })

  it('nobody ends a session of somebody else: the answer is the one for a session that does not exist', async () => {
    const answer = await stage.person('nosy').ask(`DELETE /v1/auth/sessions/${stage.person('cora').sessionId}`)

    expect(answer).toMatchObject(problem(404, 'SESSION_NOT_FOUND'))
  })

  it('all other sessions end at once', async () => {
    const other = await stage.logIn('cora')

    const { status, body } = await stage.person('cora').ask('POST /v1/auth/logout-all', { body: { exceptCurrent: true } })

    expect(status).toBe(200)
    expect(Number(body.ended)).toBeGreaterThanOrEqual(1)
    expect(await other.until('GET /v1/quotes', isRefused)).toMatchObject(problem(401, 'SESSION_REVOKED'))
    expect((await stage.person('cora').ask('GET /v1/quotes')).status).toBe(200)
  })

  it('the public keys are published, without a private part', async () => {
    const { status, headers, body } = await stage.nobody.ask<{ keys: object[] }>('GET /.well-known/jwks.json')

    expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=300'])
    expect(body.keys).toEqual([expect.not.objectContaining({ d: expect.anything() })])
  })
}
