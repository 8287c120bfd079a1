import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAccessTokens } from './access-tokens.ts'
import type { KeyRepository, StoredKey } from './key-repository.ts'
import { createSealing } from './sealing.ts'
import { createSigningKeys } from './signing-keys.ts'

const secret = '0123456789abcdef0123456789abcdef'
const otherSecret = 'fedcba9876543210fedcba9876543210'
const minute = 60_000
const day = 24 * 60 * minute

/** The table of keys in memory, with a clock that is moved by hand, seen by any number of replicas. */
function createTable() {
  let now = Date.parse('2026-11-25T12:00:00.000Z')
  let away = false
  let reads = 0
  const keys: StoredKey[] = []
  const iso = (ms: number) => new Date(ms).toISOString()
  const repository: KeyRepository = {
    async readKeys() {
      reads += 1
      if (away) throw new Error('away')
      return { keys: keys.filter((key) => Date.parse(key.removeAt) > now), now: iso(now) }
    },
    newestRotation: async () => Math.max(0, ...keys.map((key) => key.rotation)),
    async insertKey(key, { days, keepMinutes }) {
      if (keys.some((known) => known.rotation === key.rotation)) return false
      const activateAt = key.activateAt === null ? now : Date.parse(key.activateAt)
      const retireAt = activateAt + days * day
      keys.push({ ...key, activateAt: iso(activateAt), retireAt: iso(retireAt), removeAt: iso(retireAt + keepMinutes * minute) })
      return true
    },
    async sealAgain(kid, _before, after) {
      const key = keys.find((one) => one.kid === kid)
      if (key) key.privateSealed = after
    },
  }
  const complaints: string[] = []
  return {
    keys,
    complaints,
    reads: () => reads,
    pass: (ms: number) => {
      now += ms
    },
    goAway: (is: boolean) => {
      away = is
    },
    replica(secrets: { secret: string; secretPrevious?: string } = { secret }) {
      let changes = 0
      const ring = createSigningKeys({
        repository,
        sealing: createSealing(secrets),
        alg: 'ES256',
        log: { info: () => {}, warn: () => {}, error: (_, message) => complaints.push(message) },
        changed: () => changes++,
        clock: () => now,
      })
      const tokens = createAccessTokens({ keys: ring, issuer: 'https://api.example.com', ttlSeconds: 300, now: () => now })
      const issue = async () =>
        (await tokens.issue({ userId: 42, sessionId: 17, roles: [], method: 'password', sessionSecondsLeft: day })).accessToken
      return { ring, tokens, issue, changes: () => changes, verify: async (token: string) => tokens.verify(token) }
    },
  }
}

describe('signing keys', () => {
  test('any number of replicas that start on an empty table make one key', async () => {
    const table = createTable()
    const replicas = Array.from({ length: 5 }, () => table.replica())

    await Promise.all(replicas.map(({ ring }) => ring.start()))

    expect(table.keys).toHaveLength(1)
    const token = await replicas[0]?.issue()
    for (const { verify, ring } of replicas) {
      expect(await verify(token ?? '')).toMatchObject({ userId: 42 })
      ring.stop()
    }
  })

  test('the next key is published before the current one retires, signs from then on, and both verify', async () => {
    const table = createTable()
    const { ring, issue, verify } = table.replica()
    await ring.start()
    const first = table.keys[0]?.kid
    const kidOf = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

    table.pass(60 * day - 50 * minute)
    const beside = table.replica()
    await beside.ring.start()
    expect(table.keys).toHaveLength(2)
    expect(beside.ring.jwks().keys).toHaveLength(2)
    const old = await beside.issue()
    expect(kidOf(old)).toBe(first)

    table.pass(51 * minute)
    const token = await beside.issue()
    expect(kidOf(token)).toBe(table.keys[1]?.kid)
    expect(await verify(token)).toMatchObject({ sessionId: 17 })
    await expect(beside.verify(old)).rejects.toMatchObject({ code: 'ACCESS_TOKEN_EXPIRED' })
    expect(kidOf(await issue())).toBe(table.keys[1]?.kid)

    table.pass(20 * minute)
    expect(beside.ring.jwks().keys.map((key) => key.kid)).toEqual([table.keys[1]?.kid])
    ring.stop()
    beside.ring.stop()
  })

  test('after a sleep longer than the life of a key a new one signs at once', async () => {
    const table = createTable()
    const before = table.replica()
    await before.ring.start()
    table.pass(100 * day)

    const after = table.replica()
    await after.ring.start()

    expect(table.keys).toHaveLength(2)
    expect(await after.verify(await after.issue())).toMatchObject({ userId: 42 })
    before.ring.stop()
    after.ring.stop()
  })

  test('with a new secret and the old one beside it the key is kept and sealed again', async () => {
    const table = createTable()
    const old = table.replica()
    await old.ring.start()

    const both = table.replica({ secret: otherSecret, secretPrevious: secret })
    await both.ring.start()
    const alone = table.replica({ secret: otherSecret })
    await alone.ring.start()

    expect(table.keys).toHaveLength(1)
    expect(await alone.verify(await both.issue())).toMatchObject({ userId: 42 })
    for (const { ring } of [old, both, alone]) ring.stop()
  })

  test('a key that cannot be opened still verifies, is complained about, and another one signs', async () => {
    const table = createTable()
    const old = table.replica()
    await old.ring.start()
    const token = await old.issue()

    const alone = table.replica({ secret: otherSecret })
    await alone.ring.start()

    expect(table.complaints).not.toEqual([])
    expect(table.keys).toHaveLength(2)
    expect(await alone.verify(token)).toMatchObject({ userId: 42 })
    expect(await alone.issue()).not.toBe('')
    old.ring.stop()
    alone.ring.stop()
  })

  test('an unknown name makes the set be read again, but not for every stranger', async () => {
    const table = createTable()
    const { ring, changes } = table.replica()
    await ring.start()
    const reads = changes()
    const newer = table.replica({ secret: otherSecret })
    await newer.ring.start()
    const kid = table.keys[1]?.kid ?? ''

    expect(await ring.verifier(kid)).toBeUndefined()
    table.pass(11_000)
    expect(await ring.verifier(kid)).toMatchObject({ alg: 'ES256' })
    expect(changes()).toBe(reads + 1)
    ring.stop()
    newer.ring.stop()
  })

  test('strangers do not decide how often a table that is away is asked either', async () => {
    const table = createTable()
    const { ring } = table.replica()
    await ring.start()
    table.pass(11_000)
    table.goAway(true)
    const before = table.reads()

    for (let stranger = 0; stranger < 10; stranger += 1) expect(await ring.verifier(`unknown-${stranger}`)).toBeUndefined()

    expect(table.reads() - before).toBe(1)
    ring.stop()
  })

  test('while the table is away the last set serves for a day, then nothing is believed', async () => {
    const table = createTable()
    const { ring, issue } = table.replica()
    await ring.start()
    const kid = table.keys[0]?.kid ?? ''
    table.goAway(true)

    table.pass(23 * 60 * minute)
    expect(await ring.verifier(kid)).toMatchObject({ alg: 'ES256' })
    expect(await issue()).not.toBe('')
    expect(await ring.verifier(randomUUID())).toBeUndefined()
    table.pass(2 * 60 * minute)
    await expect(ring.verifier(kid)).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE', status: 503 })
    ring.stop()
  })

  test('what is published holds no private part', async () => {
    const { ring } = createTable().replica()
    await ring.start()

    for (const key of ring.jwks().keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    ring.stop()
  })
})

test('what is sealed opens under its own label and secret only, and every bit counts', () => {
  const sealing = createSealing({ secret })
  const sealed = sealing.seal('private', 'key-1')

  expect(sealing.unseal(sealed, 'key-1')).toEqual({ text: 'private', stale: false })
  expect(sealing.unseal(sealed, 'key-2')).toBeUndefined()
  expect(createSealing({ secret: otherSecret }).unseal(sealed, 'key-1')).toBeUndefined()
  expect(createSealing({ secret: otherSecret, secretPrevious: secret }).unseal(sealed, 'key-1')).toEqual({ text: 'private', stale: true })
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index)
    expect(sealing.unseal(changed, 'key-1')).toBeUndefined()
  }
  expect(sealing.unseal(Buffer.alloc(5), 'key-1')).toBeUndefined()
})
