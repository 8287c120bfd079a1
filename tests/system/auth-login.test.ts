import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIdentity, goodPassword, type Identity, type Reply } from '#support/identity.ts'

let identity: Identity
beforeAll(async () => {
  identity = await createIdentity()
})
afterAll(() => identity.close())

const logIn = (email: string, password: string, at = identity, from?: string) =>
  at.call('POST', '/v1/auth/login', { body: { email, password }, ...(from === undefined ? {} : { from }) })
/** What differs in every answer, and tells nothing. */
const comparable = ({ status, body, headers }: Reply) => {
  const { 'x-request-id': _id, date: _date, ratelimit: _left, ...rest } = headers
  return { status, body: { ...body, requestId: '' }, headers: rest }
}
let addresses = 0
const unknown = () => `nobody${++addresses}@example.com`

test('a wrong password, an unknown address, an account without password and a closed one get equal answers', async () => {
  const { rows } = identity
  const wrong = await identity.person()
  const empty = await identity.person()
  const closed = await identity.person()
  await rows(`UPDATE users SET password = NULL WHERE id = ${empty.id}`)
  await rows(`UPDATE users SET status = 'deactivated' WHERE id = ${closed.id}`)

  const answers = [
    await logIn(wrong.email, 'another password entirely'),
    await logIn(unknown(), goodPassword),
    await logIn(empty.email, goodPassword),
    await logIn(closed.email, goodPassword),
  ]

  expect(answers[0]).toMatchObject({ status: 401, body: { code: 'INVALID_CREDENTIALS' } })
  for (const answer of answers) expect(comparable(answer)).toEqual(comparable(answers[0] ?? answer))
})

test('a wrong password and an unknown address cost the same statements', async () => {
  const { databases } = identity
  const known = await identity.person()
  const statementsOf = async (email: string): Promise<unknown[]> => {
    await databases.asRoot(`TRUNCATE mysql.general_log`)
    await logIn(email, 'another password entirely')
    const { username } = databases.settings.shared_user_db
    const logged = await databases.asRoot(
      `SELECT argument FROM mysql.general_log
       WHERE user_host LIKE '${username}[%' AND command_type IN ('Query', 'Execute') ORDER BY event_time`,
    )
    return (Array.isArray(logged) ? logged : []).map((row) =>
      String(row.argument)
        .replace(/'[^']*'|_binary|\bx?0x[0-9a-f]+|\b\d+\b/gi, '?')
        .slice(0, 80),
    )
  }
  await databases.asRoot(`SET GLOBAL log_output = 'TABLE'`)
  await databases.asRoot(`SET GLOBAL general_log = ON`)
  try {
    await logIn(unknown(), 'warm up')
    const ofKnown = (await statementsOf(known.email)).filter((text) => /login_failures|users|audit_log/.test(String(text)))
    const ofUnknown = (await statementsOf(unknown())).filter((text) => /login_failures|users|audit_log/.test(String(text)))

    expect(ofKnown.length).toBeGreaterThanOrEqual(3)
    expect(ofUnknown).toEqual(ofKnown)
  } finally {
    await databases.asRoot(`SET GLOBAL general_log = OFF`)
  }
})

test('five failures are free, then the address waits, with the right password too, and so does one without account', async () => {
  const { rows } = identity
  for (const email of [(await identity.person()).email, unknown()]) {
    for (let n = 0; n < 5; n++) expect((await logIn(email, 'wrong')).status).toBe(401)

    const blocked = await logIn(email, goodPassword)

    expect(blocked).toMatchObject({ status: 429, body: { code: 'TOO_MANY_ATTEMPTS' }, headers: { 'retry-after': '1' } })
  }
  const [row] = await rows(`SELECT MAX(failures) AS failures FROM login_failures`)
  expect(row).toEqual({ failures: 5 })
})

test('the wait doubles up to fifteen minutes, and after a hundred failures only help from outside opens', async () => {
  const { rows } = identity
  const { email } = await identity.person()
  await rows('DELETE FROM login_failures')
  await logIn(email, 'wrong')
  const secondsAfter = async (failures: number) => {
    await rows(`UPDATE login_failures SET failures = ${failures - 1}, blocked_until = NULL`)
    await logIn(email, 'wrong')
    const [row] = await rows(`SELECT TIMESTAMPDIFF(SECOND, updated_at, blocked_until) AS seconds FROM login_failures`)
    return row?.seconds === null ? null : Number(row?.seconds)
  }

  expect(await secondsAfter(4)).toBeNull()
  expect(await secondsAfter(6)).toBe(2)
  expect(await secondsAfter(10)).toBe(32)
  expect(await secondsAfter(60)).toBe(900)
  expect(Number(await secondsAfter(100))).toBeGreaterThan(1e9)
  expect((await logIn(email, goodPassword)).status).toBe(429)
})

test('success clears the counter of the address', async () => {
  const { rows } = identity
  const { email } = await identity.person()
  await rows('DELETE FROM login_failures')
  for (let n = 0; n < 4; n++) await logIn(email, 'wrong')
  expect(await rows('SELECT failures FROM login_failures')).toEqual([{ failures: 4 }])

  expect((await logIn(email, goodPassword)).status).toBe(200)

  expect(await rows('SELECT failures FROM login_failures')).toEqual([])
})

test('a burst of guesses on one address is judged one by one: no more than the free ones are evaluated', async () => {
  const { email } = await identity.person()

  const answers = await Promise.all(Array.from({ length: 40 }, () => logIn(email, 'wrong')))

  expect(answers.filter((answer) => answer.status === 401).length).toBeLessThanOrEqual(6)
  expect(answers.filter((answer) => answer.status === 429).length).toBeGreaterThanOrEqual(34)
})

test('failures from one address of the net are limited, wherever they aim; an open session goes on', async () => {
  const limited = await createIdentity({ beside: identity, limits: { loginFailuresPerMinute: 3, loginFailuresPerNetwork: 5 } })
  const { email, accessToken } = await identity.person()
  for (let n = 0; n < 3; n++) expect((await logIn(unknown(), 'wrong', limited, '192.0.2.1')).status).toBe(401)

  expect(await logIn(email, goodPassword, limited, '192.0.2.1')).toMatchObject({ status: 429, body: { code: 'TOO_MANY_ATTEMPTS' } })
  expect((await limited.call('GET', '/v1/auth/me', { token: accessToken, from: '192.0.2.1' })).status).toBe(200)
  for (let n = 0; n < 2; n++) expect((await logIn(unknown(), 'wrong', limited, '192.0.2.2')).status).toBe(401)
  expect((await logIn(email, goodPassword, limited, '192.0.2.3')).status).toBe(429)
  expect((await logIn(email, goodPassword, limited, '192.0.3.1')).status).toBe(200)
  await limited.close()
})

test('without Redis each process counts for itself, with a quarter of the limits', async () => {
  const alone = await createIdentity({
    beside: identity,
    limits: { loginFailuresPerMinute: 8, loginFailuresPerNetwork: 100, registrationsPerHour: 4 },
    redis: { host: '127.0.0.1', port: 1 },
  })
  const register = (n: number) =>
    alone.call('POST', '/v1/auth/register', {
      body: { email: `alone${n}@example.com`, password: goodPassword, firstName: 'A', lastName: 'B' },
    })

  expect([(await logIn(unknown(), 'wrong', alone)).status, (await logIn(unknown(), 'wrong', alone)).status]).toEqual([401, 401])
  expect((await logIn(unknown(), 'wrong', alone)).status).toBe(429)
  expect([(await register(1)).status, (await register(2)).status]).toEqual([201, 429])
  await alone.close()
})

test('refreshes of one session are limited, those of another are not', async () => {
  const limited = await createIdentity({ beside: identity, limits: { refreshesPerSession: 2 } })
  const refresh = (refreshToken: string) => limited.call('POST', '/v1/auth/refresh', { body: { refreshToken } })
  const { refreshToken } = await identity.person()
  const other = await identity.person()
  const second = String((await refresh(refreshToken)).body.refreshToken)
  const third = String((await refresh(second)).body.refreshToken)

  expect(await refresh(third)).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } })
  expect((await refresh(other.refreshToken)).status).toBe(200)
  await limited.close()
})

test('a suspended user learns it with the right password only', async () => {
  const { id, email } = await identity.person()
  await identity.rows(`UPDATE users SET status = 'suspended' WHERE id = ${id}`)

  expect(await logIn(email, goodPassword)).toMatchObject({ status: 403, body: { code: 'ACCOUNT_SUSPENDED' } })
  expect(await logIn(email, 'wrong')).toMatchObject({ status: 401, body: { code: 'INVALID_CREDENTIALS' } })
})

test('a log-in with an older hash works and stores one with the parameters of today', async () => {
  const { id, email } = await identity.person()
  const older = await hash(goodPassword, { memoryCost: 8_192, timeCost: 1, parallelism: 1 })
  await identity.rows(`UPDATE users SET password = '${older}' WHERE id = ${id}`)

  expect((await logIn(email, goodPassword)).status).toBe(200)

  const [row] = await identity.rows(`SELECT password, version FROM users WHERE id = ${id}`)
  expect(row).toEqual({ password: expect.stringMatching(/m=19456,t=2,p=1/), version: 1 })
  expect((await logIn(email, goodPassword)).status).toBe(200)
})

test('a hash that cannot be read is an alert and a wrong password, never a crash', async () => {
  const { id, email } = await identity.person()
  await identity.rows(`UPDATE users SET password = '$2b$12$unreadable' WHERE id = ${id}`)

  expect((await logIn(email, goodPassword)).status).toBe(401)
  expect(identity.log.lines.some((line) => line.level === 'error' && line.message.includes('hash'))).toBe(true)
})

test('the password is taken exactly as it was sent', async () => {
  const email = 'exact@example.com'
  const password = '  cafe\u0301 au lait, s\u2019il vous plaît  '
  await identity.call('POST', '/v1/auth/register', { body: { email, password, firstName: 'E', lastName: 'X' } })

  expect((await logIn(email, password)).status).toBe(200)
  for (const other of [password.trim(), password.normalize('NFC'), password.toUpperCase()])
    expect((await logIn(email, other)).status).toBe(401)
})

test('each failed log-in is audited once', async () => {
  const { id, email } = await identity.person()

  await logIn(email, 'wrong')

  const rows = await identity.rows(`SELECT action FROM audit_log WHERE subject = 'user/${id}' ORDER BY id`)
  expect(rows.map((row) => row.action)).toEqual(['user.created', 'login.ok', 'login.failed'])
})
