import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIdentity, goodPassword, type Identity } from '#support/identity.ts'
import { redisCommand } from '#support/redis-command.ts'
import { privateRedis } from '#support/servers.ts'

/** What people may do, and how soon a change of it bites, on this process and on another one beside it. */

let here: Identity
let there: Identity
let root: string
/** Of our own, because it is flushed. */
let redisServer: Awaited<ReturnType<typeof privateRedis>>
beforeAll(async () => {
  redisServer = await privateRedis()
  here = await createIdentity({ redis: redisServer.server })
  there = await createIdentity({ beside: here, redis: redisServer.server })
  root = await here.admin()
})
afterAll(async () => {
  await there.close()
  await here.close()
  await redisServer.remove()
})

const me = (token: string, at = here) => at.call('GET', '/v1/auth/me', { token })
const act = (id: number, action: string, token = root, body: object = { reason: 'a reason' }) =>
  here.call('POST', `/v1/users/${id}/${action}`, { token, body })
const versionOf = async (id: number) => Number((await here.rows(`SELECT version FROM users WHERE id = ${id}`))[0]?.version)
const setRoles = async (id: number, roles: object[], token = root) =>
  here.call('PUT', `/v1/users/${id}/roles`, { token, body: { roles }, headers: { 'if-match': `"v${await versionOf(id)}"` } })
const staff = async (...roles: string[]) => {
  const person = await here.person()
  expect(
    (
      await setRoles(
        person.id,
        roles.map((name) => ({ name })),
      )
    ).status,
  ).toBe(200)
  return person
}

describe('a change bites', () => {
  test('on a request that is at work: when its session ends meanwhile, nothing of it is stored', async () => {
    const { id, accessToken, email } = await here.person()
    const other = await here.call('POST', '/v1/auth/login', { body: { email, password: goodPassword } })
    const version = await versionOf(id)
    const { schema } = here.databases.settings.shared_user_db
    const held = here.databases.asRoot(`UPDATE \`${schema}\`.users SET locale = locale WHERE id = ${id} AND SLEEP(1.7) = 0`)
    const underWay = () => here.databases.asRoot("SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE%SLEEP%'")
    await expect.poll(underWay, { interval: 10 }).not.toEqual([])

    const patch = here.call('PATCH', `/v1/users/${id}`, {
      token: accessToken,
      body: { firstName: 'Late' },
      headers: { 'if-match': `"v${version}"` },
    })
    await here.call('POST', '/v1/auth/logout-all', { token: String(other.body.accessToken), body: {} })

    expect(await patch).toMatchObject({ status: 401, body: { code: 'SESSION_REVOKED' } })
    expect(await versionOf(id)).toBe(version)
    await held
  })

  test.each(['suspend', 'deactivate'])('%s refuses the open session here at once and there within a second', async (action) => {
    const { id, accessToken, refreshToken, email } = await here.person()
    expect([(await me(accessToken)).status, (await me(accessToken, there)).status]).toEqual([200, 200])

    expect((await act(id, action)).status).toBe(200)
    const done = performance.now()

    expect((await me(accessToken)).body.code).toBe('SESSION_REVOKED')
    await expect.poll(async () => (await me(accessToken, there)).status, { timeout: 2_000, interval: 20 }).toBe(401)
    expect(performance.now() - done).toBeLessThan(1_500)
    expect((await here.call('POST', '/v1/auth/refresh', { body: { refreshToken } })).status).toBe(401)
    await expect
      .poll(() => here.rows(`SELECT revoke_reason FROM sessions WHERE user_id = ${id}`))
      .toEqual([{ revoke_reason: action === 'suspend' ? 'suspended' : 'deactivated' }])
    expect((await here.call('POST', '/v1/auth/login', { body: { email, password: 'violet-otter-mends-9-clocks' } })).status).toBe(
      action === 'suspend' ? 403 : 401,
    )
  })

  test('a session that began again after the account came back does not end with the old ones', async () => {
    const person = await here.person()
    await act(person.id, 'suspend')
    await expect
      .poll(() => here.rows(`SELECT revoke_reason FROM sessions WHERE user_id = ${person.id}`))
      .toEqual([{ revoke_reason: 'suspended' }])

    expect((await act(person.id, 'reactivate')).body).toMatchObject({ status: 'active', version: 3 })
    const again = await here.logIn(person.email, 'violet-otter-mends-9-clocks')

    expect((await me(again.accessToken, there)).status).toBe(200)
    expect((await me(person.accessToken)).body.code).toBe('SESSION_REVOKED')
  })

  test('a logout is known there within a second', async () => {
    const { accessToken, refreshToken } = await here.person()
    expect((await me(accessToken, there)).status).toBe(200)

    await here.call('POST', '/v1/auth/logout', { body: { refreshToken } })

    await expect.poll(async () => (await me(accessToken, there)).body.code, { timeout: 2_000 }).toBe('SESSION_REVOKED')
  })

  test('with Redis flushed nobody is logged out and nobody who was comes back', async () => {
    const leaver = await here.person()
    const stayer = await here.person()
    await here.call('POST', '/v1/auth/logout', { token: leaver.accessToken })

    await redisCommand(redisServer.server, 'FLUSHALL')

    for (const at of [here, there]) {
      await expect.poll(async () => (await me(leaver.accessToken, at)).body.code, { timeout: 2_000 }).toBe('SESSION_REVOKED')
      expect((await me(stayer.accessToken, at)).status).toBe(200)
    }
  })

  test('without Redis it is the same, from the database', async () => {
    const alone = await createIdentity({ beside: here, redis: { host: '127.0.0.1', port: 1 } })
    const { id, accessToken } = await here.person()
    expect((await me(accessToken, alone)).status).toBe(200)

    await act(id, 'suspend')

    await expect.poll(async () => (await me(accessToken, alone)).status, { timeout: 2_000 }).toBe(401)
    await alone.close()
  })

  test('a role granted and taken is in force there within a second', async () => {
    const { id, accessToken } = await here.person()
    const listRoles = () => there.call('GET', '/v1/roles', { token: accessToken })
    expect((await listRoles()).status).toBe(403)

    await setRoles(id, [{ name: 'customer' }, { name: 'auditor' }])
    await expect.poll(async () => (await listRoles()).status, { timeout: 2_000 }).toBe(200)
    await setRoles(id, [{ name: 'customer' }])
    await expect.poll(async () => (await listRoles()).status, { timeout: 2_000 }).toBe(403)
  })

  test('a grant that expires ends its copies with it', async () => {
    const { id, accessToken } = await here.person()
    const soon = new Date(Date.now() + 700).toISOString()
    expect((await setRoles(id, [{ name: 'auditor', expiresAt: soon }])).status).toBe(200)
    expect((await here.call('GET', '/v1/roles', { token: accessToken })).status).toBe(200)

    await expect.poll(async () => (await here.call('GET', '/v1/roles', { token: accessToken })).status, { timeout: 3_000 }).toBe(403)
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon) - 50)
  })

  test('while the database is away the last known rights count, for fresh routes none', async () => {
    const beside = await createIdentity({ beside: here, redis: { host: '127.0.0.1', port: 1 }, auth: {} })
    const { accessToken } = await staff('auditor')
    expect((await beside.call('GET', '/v1/permissions', { token: accessToken })).status).toBe(200)
    await beside.database.close()

    await expect.poll(async () => (await beside.call('GET', '/v1/roles/1', { token: accessToken })).status, { timeout: 3_000 }).toBe(503)
    expect((await beside.call('GET', '/v1/permissions', { token: accessToken })).status).toBe(200)
    expect((await beside.call('POST', '/v1/users/1/suspend', { token: root, body: { reason: 'x' } })).body.code).toBe('AUTH_UNAVAILABLE')
    await beside.close()
  })
})

describe('users', () => {
  test('a customer sees and changes themselves; somebody else answers like nobody', async () => {
    const { id, accessToken: token } = await here.person()
    const stranger = await here.person()
    const read = (of: number) => here.call('GET', `/v1/users/${of}`, { token })

    expect((await read(id)).body).toMatchObject({ id, version: 1 })
    const [foreign, missing] = [await read(stranger.id), await read(2_147_483_647)]
    expect(foreign.status).toBe(404)
    expect({ ...foreign.body, instance: '', requestId: '' }).toEqual({ ...missing.body, instance: '', requestId: '' })
    expect(((await here.call('GET', '/v1/users', { token })).body.data as { id: number }[]).map((user) => user.id)).toEqual([id])

    const patch = (body: object, version = 1, of = id) =>
      here.call('PATCH', `/v1/users/${of}`, { token, body, headers: { 'if-match': `"v${version}"` } })
    expect((await patch({ firstName: 'Augusta', timezone: 'Europe/Paris' })).body).toMatchObject({ firstName: 'Augusta', version: 2 })
    expect(await patch({ firstName: 'Late' })).toMatchObject({ status: 412, body: { code: 'VERSION_MISMATCH' } })
    expect((await patch({ firstName: 'Augusta' }, 2)).body).toMatchObject({ version: 2 })
    expect((await patch({}, 2)).body).toMatchObject({ version: 2 })
    expect((await patch({ firstName: 'X' }, 1, stranger.id)).status).toBe(404)
    for (const member of ['email', 'status', 'roles', 'userType', 'password', 'version', 'id', 'statusReason', 'emailVerifiedAt'])
      expect((await patch({ [member]: 'x' }, 2)).status).toBe(400)
    expect((await here.call('PATCH', `/v1/users/${id}`, { token, body: {} })).status).toBe(428)
    expect((await here.said(`user/${id}`)).slice(1)).toEqual([
      {
        type: 'user.updated',
        data: { userId: id, changed: ['firstName', 'timezone'], firstName: 'Augusta', timezone: 'Europe/Paris', version: 2 },
      },
    ])
    const audited = await here.rows(
      `SELECT before_values, after_values FROM audit_log WHERE action = 'user.updated' AND subject = 'user/${id}'`,
    )
    expect(audited).toHaveLength(1)
    expect(JSON.stringify(audited)).not.toContain('Augusta')
  })

  test('every state takes and refuses the actions its machine says', async () => {
    const { id } = await here.person()
    const inState = (status: string) => here.rows(`UPDATE users SET status = '${status}', status_changed_at = NOW(3) WHERE id = ${id}`)
    const outcomes: Record<string, Record<string, number>> = {}
    for (const status of ['invited', 'active', 'suspended', 'deactivated', 'anonymised']) {
      outcomes[status] = {}
      for (const action of ['suspend', 'reactivate', 'deactivate']) {
        await inState(status)
        const before = await versionOf(id)
        const answer = await act(id, action)
        outcomes[status][action] = answer.status
        if (answer.status === 409) expect(answer.body).toMatchObject({ code: 'INVALID_TRANSITION' })
        expect((await versionOf(id)) - before).toBe(answer.status === 200 && answer.body.status !== status ? 1 : 0)
      }
    }
    expect(outcomes).toEqual({
      invited: { suspend: 409, reactivate: 409, deactivate: 200 },
      active: { suspend: 200, reactivate: 200, deactivate: 200 },
      suspended: { suspend: 200, reactivate: 200, deactivate: 200 },
      deactivated: { suspend: 409, reactivate: 200, deactivate: 200 },
      anonymised: { suspend: 409, reactivate: 409, deactivate: 409 },
    })
    await here.rows(`UPDATE users SET status = 'deactivated', status_changed_at = NOW(3) - INTERVAL 91 DAY WHERE id = ${id}`)
    expect((await act(id, 'reactivate')).status).toBe(409)
  })

  test('a suspension needs a reason, and its version when one is sent', async () => {
    const { id } = await here.person()

    expect(await act(id, 'suspend', root, {})).toMatchObject({ status: 422, body: { code: 'REASON_REQUIRED' } })
    const stale = await here.call('POST', `/v1/users/${id}/suspend`, {
      token: root,
      body: { reason: 'x' },
      headers: { 'if-match': '"v7"' },
    })
    expect(stale).toMatchObject({ status: 412, body: { code: 'VERSION_MISMATCH' } })
  })

  test('the list is filtered, sorted and walked without losing anybody', async () => {
    const found: number[] = []
    let cursor: string | null = ''
    do {
      const page: { body: Record<string, unknown> } = await here.call(
        'GET',
        `/v1/users?userType=customer&sort=-createdAt&limit=2${cursor ? `&cursor=${cursor}` : ''}`,
        { token: root },
      )
      const { data, page: position } = page.body as { data: { id: number }[]; page: { nextCursor: string | null } }
      found.push(...data.map((user) => user.id))
      cursor = position.nextCursor
    } while (cursor)

    const all = await here.rows(`SELECT id FROM users WHERE user_type = 'customer' ORDER BY created_at DESC, id DESC`)
    expect(found).toEqual(all.map((row) => row.id))
    expect((await here.call('GET', '/v1/users?q=ROOT@', { token: root })).body.data).toHaveLength(1)
    expect((await here.call('GET', '/v1/users?q=%25', { token: root })).body.data).toHaveLength(0)
  })

  test.each([
    ['created_at', 'users_created_at'],
    ['email', 'users_email_order'],
    ['last_name', 'users_last_name'],
  ])('the list sorted by %s reads an index and sorts nothing', async (column, index) => {
    const plan = await here.rows(`EXPLAIN SELECT id FROM users FORCE INDEX FOR ORDER BY (${index}) ORDER BY ${column}, id LIMIT 51`)

    expect(JSON.stringify(plan)).not.toContain('filesort')
  })
})

describe('roles', () => {
  test('the built-in roles and the catalogue of permissions are readable, and only for those who may', async () => {
    const { accessToken } = await here.person()
    const roles = await here.call('GET', '/v1/roles', { token: root })
    const catalogue = await here.call('GET', '/v1/permissions', { token: root })

    expect((roles.body.data as { name: string }[]).map((role) => role.name)).toEqual([
      'admin',
      'ops',
      'customer',
      'carrier_owner',
      'auditor',
    ])
    expect(catalogue.body.data).toContainEqual({
      permission: 'user:read',
      scopes: ['own', 'any'],
      routes: ['GET /v1/users', 'GET /v1/users/{id}', 'GET /v1/users/{id}/roles'],
    })
    for (const url of ['/v1/roles', '/v1/roles/1', '/v1/permissions'])
      expect((await here.call('GET', url, { token: accessToken })).body.code).toBe('FORBIDDEN')
  })

  test('starting again changes no role; an edited one is brought back into line under a higher version', async () => {
    const before = await here.rows('SELECT id, name, permissions, version FROM roles ORDER BY id')
    await here.rows(`UPDATE roles SET permissions = '[]' WHERE name = 'ops'`)

    const again = await createIdentity({ beside: here })

    expect(await here.rows('SELECT id, name, permissions, version FROM roles ORDER BY id')).toEqual(
      before.map((role) => (role.name === 'ops' ? { ...role, version: Number(role.version) + 1 } : role)),
    )
    await again.close()
  })

  test('a set of roles is replaced as a whole, under the version of the user, with one audit row per change', async () => {
    const { id } = await here.person()

    const set = await setRoles(id, [{ name: 'ops' }, { name: 'auditor', expiresAt: '2099-01-01T00:00:00Z' }])

    expect(set.headers.etag).toBe('"v2"')
    expect(set.body.data).toMatchObject([
      { name: 'auditor', expiresAt: '2099-01-01T00:00:00.000Z' },
      { name: 'ops', expiresAt: null },
    ])
    expect((await setRoles(id, [{ name: 'ops' }, { name: 'auditor', expiresAt: '2099-01-01T00:00:00Z' }])).headers.etag).toBe('"v2"')
    expect(await setRoles(id, [{ name: 'pope' }])).toMatchObject({ status: 422, body: { code: 'ROLE_NOT_FOUND' } })
    expect((await here.call('PUT', `/v1/users/${id}/roles`, { token: root, body: { roles: [] } })).status).toBe(428)
    expect(
      (await here.rows(`SELECT action FROM audit_log WHERE subject = 'user/${id}' AND action LIKE 'role.%' ORDER BY action`)).map(
        (row) => row.action,
      ),
    ).toEqual(['role.granted', 'role.granted', 'role.revoked'])
    expect((await here.said(`user/${id}`)).slice(1)).toEqual([
      { type: 'user.roles_changed', data: { userId: id, roles: ['auditor', 'ops'], version: 2 } },
    ])
  })

  test('ops may suspend people but no administrator, and grant nothing', async () => {
    const ops = await staff('ops')
    const person = await here.person()
    const [admin] = await here.rows(`SELECT id FROM users WHERE user_type = 'staff'`)

    expect((await act(person.id, 'suspend', ops.accessToken)).status).toBe(200)
    expect((await act(person.id, 'deactivate', ops.accessToken)).body.code).toBe('FORBIDDEN')
    expect(await act(Number(admin?.id), 'suspend', ops.accessToken)).toMatchObject({ status: 403, body: { code: 'PRIVILEGE_ESCALATION' } })
    expect((await setRoles(ops.id, [{ name: 'admin' }], ops.accessToken)).body.code).toBe('FORBIDDEN')
    await act(person.id, 'deactivate')
    expect((await act(person.id, 'reactivate', ops.accessToken)).body.code).toBe('PRIVILEGE_ESCALATION')
  })

  test('the last administrator stays: not suspended, not deactivated, not demoted, not put on a date', async () => {
    const id = Number((await here.rows(`SELECT id FROM users WHERE user_type = 'staff'`))[0]?.id)
    const before = await versionOf(id)

    expect((await act(id, 'suspend')).body.code).toBe('LAST_ADMIN')
    expect((await act(id, 'deactivate')).body.code).toBe('LAST_ADMIN')
    expect((await setRoles(id, [])).body.code).toBe('LAST_ADMIN')
    expect((await setRoles(id, [{ name: 'admin', expiresAt: '2099-01-01T00:00:00Z' }])).body.code).toBe('LAST_ADMIN')
    expect(await versionOf(id)).toBe(before)
  })

  test('two administrators who demote each other at once: one of them stays', async () => {
    const first = Number((await here.rows(`SELECT id FROM users WHERE user_type = 'staff'`))[0]?.id)
    for (let round = 0; round < 8; round++) {
      const second = await staff('admin')
      const answers = await Promise.all([
        setRoles(second.id, [], root),
        round % 2 === 0 ? setRoles(first, [], second.accessToken) : act(first, 'suspend', second.accessToken),
      ])

      const [left] = await here.rows(
        `SELECT COUNT(*) AS n FROM user_roles JOIN users ON users.id = user_id WHERE status = 'active' AND role_id = (SELECT id FROM roles WHERE name = 'admin')`,
      )
      expect(Number(left?.n)).toBe(1)
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1)
      await here.rows(`UPDATE users SET status = 'active', version = version + 1 WHERE id = ${first}`)
      const adminRole = Number((await here.rows(`SELECT id FROM roles WHERE name = 'admin'`))[0]?.id)
      await here.rows(`DELETE FROM user_roles WHERE role_id = ${adminRole} AND user_id = ${second.id}`)
      await here.rows(`DELETE FROM user_roles WHERE role_id = ${adminRole} AND user_id = ${first}`)
      await here.rows(`INSERT INTO user_roles (user_id, role_id, granted_at) VALUES (${first}, ${adminRole}, NOW(3))`)
      await redisCommand(redisServer.server, 'FLUSHALL')
      root = await here.admin()
      await expect.poll(async () => (await me(root)).body.permissions, { timeout: 3_000 }).toEqual(['*:*:any'])
    }
  })
})
