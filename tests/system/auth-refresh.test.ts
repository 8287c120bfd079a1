import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIdentity, type Identity } from '#support/identity.ts'

let one: Identity
let other: Identity
beforeAll(async () => {
  one = await createIdentity()
  other = await createIdentity({ beside: one })
})
afterAll(async () => {
  await other.close()
  await one.close()
})

const refresh = (refreshToken: string, at = one) => at.call('POST', '/v1/auth/refresh', { body: { refreshToken } })
const setSession = (id: number, set: string) => one.rows(`UPDATE sessions SET ${set} WHERE id = ${id}`)
const sessionOf = async (id: number) => (await one.rows(`SELECT * FROM sessions WHERE id = ${id}`))[0]
const actionsOf = async (id: number) =>
  (await one.rows(`SELECT action FROM audit_log WHERE subject = 'session/${id}' ORDER BY id`)).map((row) => row.action)
const next = async (refreshToken: string) => {
  const answer = await refresh(refreshToken)
  expect(answer.status).toBe(200)
  return String(answer.body.refreshToken)
}

describe('what a refresh token is answered with', () => {
  test('the current one: the next generation, another access token, a later end', async () => {
    const { refreshToken, accessToken, sessionId } = await one.person()
    await setSession(sessionId, 'idle_expires_at = NOW(3) + INTERVAL 1 DAY')

    const answer = await refresh(refreshToken)

    expect(answer).toMatchObject({ status: 200, body: { sessionId, expiresIn: 300, refreshExpiresIn: 604_800 } })
    expect(answer.body.accessToken).not.toBe(accessToken)
    expect(await sessionOf(sessionId)).toMatchObject({ generation: 2, revoked_at: null })
    expect(await one.rows(`SELECT id FROM sessions WHERE id = ${sessionId} AND idle_expires_at > NOW(3) + INTERVAL 6 DAY`)).toHaveLength(1)
  })

  test('its predecessor in the grace time: the same successor again, audited, without alarm', async () => {
    const { refreshToken, sessionId } = await one.person()
    const successor = await next(refreshToken)

    const again = await refresh(refreshToken, other)

    expect(again).toMatchObject({ status: 200, body: { refreshToken: successor } })
    expect(await actionsOf(sessionId)).toEqual(['session.refreshed_again'])
    expect((await refresh(successor)).status).toBe(200)
  })

  test('its predecessor after it: reuse, and the session with all its tokens has ended everywhere', async () => {
    const { refreshToken, sessionId } = await one.person()
    const rotated = await refresh(refreshToken)
    const accessToken = String(rotated.body.accessToken)
    expect((await one.call('GET', '/v1/auth/me', { token: accessToken })).status).toBe(200)
    await setSession(sessionId, 'rotated_at = NOW(3) - INTERVAL 11 SECOND')

    expect(await refresh(refreshToken)).toMatchObject({ status: 401, body: { code: 'REFRESH_TOKEN_REUSED' } })

    expect(await sessionOf(sessionId)).toMatchObject({ revoke_reason: 'reused', version: 2 })
    expect(await actionsOf(sessionId)).toEqual(['session.reused'])
    expect((await one.call('GET', '/v1/auth/me', { token: accessToken })).body.code).toBe('SESSION_REVOKED')
    expect((await refresh(String(rotated.body.refreshToken), other)).body.code).toBe('SESSION_REVOKED')
    expect((await refresh(refreshToken)).body.code).toBe('SESSION_REVOKED')
    expect(await one.said(`session/${sessionId}`)).toMatchObject([{ type: 'session.revoked', data: { sessionId, reason: 'reused' } }])
  })

  test('one two generations old: reuse, also inside the grace time', async () => {
    const { refreshToken } = await one.person()
    await next(await next(refreshToken))

    expect((await refresh(refreshToken)).body.code).toBe('REFRESH_TOKEN_REUSED')
  })

  test('one newer than the row, because the database lost a rotation: it goes on, and the older one leads to the same', async () => {
    const { refreshToken, sessionId } = await one.person()
    const second = await next(refreshToken)
    await setSession(sessionId, 'generation = 1')

    const third = await next(second)

    expect(await sessionOf(sessionId)).toMatchObject({ generation: 3, revoked_at: null })
    expect(one.log.lines.some((line) => line.fields.sessionId === sessionId && line.level === 'warn')).toBe(true)
    await setSession(sessionId, 'generation = 2')
    expect(await next(second)).toBe(third)
  })

  test('of a session idle too long, or too old: expired', async () => {
    const idle = await one.person()
    const old = await one.person()
    await setSession(idle.sessionId, 'idle_expires_at = NOW(3)')
    await setSession(old.sessionId, 'absolute_expires_at = NOW(3)')

    expect(await refresh(idle.refreshToken)).toMatchObject({ status: 401, body: { code: 'SESSION_EXPIRED' } })
    expect(await refresh(old.refreshToken)).toMatchObject({ status: 401, body: { code: 'SESSION_EXPIRED' } })
  })

  test('near its absolute end nothing reaches beyond it', async () => {
    const { refreshToken, sessionId } = await one.person()
    await setSession(sessionId, 'absolute_expires_at = NOW(3) + INTERVAL 60 SECOND')

    const { body } = await refresh(refreshToken)

    expect(Number(body.expiresIn)).toBeLessThanOrEqual(60)
    expect(Number(body.refreshExpiresIn)).toBeLessThanOrEqual(60)
    expect(await one.rows(`SELECT id FROM sessions WHERE id = ${sessionId} AND idle_expires_at = absolute_expires_at`)).toHaveLength(1)
  })

  test.each([
    ['nonsense', () => 'nonsense'],
    ['a token of a session that never was', () => 'bhr_AAAAEQAAAAPJMfgHO5TTxfdm_w0PmS1gx-3K_hs__nWVwD8qRTbnyg'],
    ['a token with another MAC', (token: string) => `${token.slice(0, -5)}AAAAA`.replace(/.$/, 'A')],
  ])('%s: invalid, and no session is harmed', async (_, forge) => {
    const { refreshToken, sessionId } = await one.person()

    expect(await refresh(forge(refreshToken))).toMatchObject({ status: 401, body: { code: 'REFRESH_TOKEN_INVALID' } })
    expect(await sessionOf(sessionId)).toMatchObject({ generation: 1, revoked_at: null })
    expect((await refresh(refreshToken)).status).toBe(200)
  })
})

test('parallel refreshes of one token over two processes: one lineage, nobody logged out', async () => {
  for (let round = 0; round < 5; round++) {
    const { refreshToken, sessionId } = await one.person()

    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => refresh(refreshToken, n % 2 === 0 ? one : other)))

    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 30 }, () => 200))
    expect(new Set(answers.map((answer) => answer.body.refreshToken)).size).toBe(1)
    expect(await sessionOf(sessionId)).toMatchObject({ generation: 2, revoked_at: null })
  }
})

test('a secret changed in three steps logs nobody out', async () => {
  const old = '0123456789abcdef0123456789abcdef'
  const fresh = 'fedcba9876543210fedcba9876543210'
  const { refreshToken } = await one.person()
  const both = await createIdentity({ beside: one, auth: { secret: old, secretPrevious: fresh } })
  const swapped = await createIdentity({ beside: one, auth: { secret: fresh, secretPrevious: old } })

  const first = String((await refresh(refreshToken, swapped)).body.refreshToken)
  const second = await refresh(first, both)
  const third = await refresh(String(second.body.refreshToken), swapped)
  const alone = await createIdentity({ beside: one, auth: { secret: fresh } })
  const fourth = await refresh(String(third.body.refreshToken), alone)

  expect([second.status, third.status, fourth.status]).toEqual([200, 200, 200])
  expect((await alone.call('GET', '/v1/auth/me', { token: String(second.body.accessToken) })).status).toBe(200)
  expect((await refresh(String(fourth.body.refreshToken), one)).body.code).toBe('REFRESH_TOKEN_INVALID')
  for (const process of [both, swapped, alone]) await process.close()
})

test('a used token logs out as well as the current one, and logging out twice or with nonsense is no error', async () => {
  const { call } = one
  const { refreshToken, sessionId } = await one.person()
  await next(refreshToken)

  for (const body of [{ refreshToken }, { refreshToken }, { refreshToken: 'nonsense' }, {}, undefined])
    expect((await call('POST', '/v1/auth/logout', { body })).status).toBe(204)

  expect(await sessionOf(sessionId)).toMatchObject({ revoke_reason: 'logout' })
})

test('sessions are listed, ended one by one or all at once, and the twenty-first ends the oldest', async () => {
  const { call } = one
  const { email, accessToken: token, sessionId } = await one.person()
  const second = await one.logIn(email, 'violet-otter-mends-9-clocks')
  const stranger = await one.person()

  const listed = await call('GET', '/v1/auth/sessions', { token })
  expect(listed.body.data).toMatchObject([
    { id: second.sessionId, current: false, ip: '127.0.0.1' },
    { id: sessionId, current: true },
  ])

  const foreign = await call('DELETE', `/v1/auth/sessions/${stranger.sessionId}`, { token })
  const missing = await call('DELETE', '/v1/auth/sessions/2147483647', { token })
  expect(foreign.status).toBe(404)
  expect({ ...foreign.body, instance: '', requestId: '' }).toEqual({ ...missing.body, instance: '', requestId: '' })
  expect((await call('DELETE', `/v1/auth/sessions/${second.sessionId}`, { token })).status).toBe(204)
  expect((await call('DELETE', `/v1/auth/sessions/${second.sessionId}`, { token })).status).toBe(404)
  expect((await call('GET', '/v1/auth/me', { token: second.accessToken })).body.code).toBe('SESSION_REVOKED')

  const more = []
  for (let n = 0; n < 20; n++) more.push(await one.logIn(email, 'violet-otter-mends-9-clocks'))
  expect(await sessionOf(sessionId)).toMatchObject({ revoke_reason: 'limit' })
  const newest = more.at(-1)?.accessToken
  expect((await call('POST', '/v1/auth/logout-all', { token: newest, body: { exceptCurrent: true } })).body).toEqual({ ended: 19 })
  expect((await call('POST', '/v1/auth/logout-all', { token: newest })).body).toEqual({ ended: 1 })
  expect((await call('GET', '/v1/auth/me', { token: newest })).body.code).toBe('SESSION_REVOKED')
  expect((await call('GET', '/v1/auth/me', { token: stranger.accessToken })).status).toBe(200)
})
