import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Log } from '#platform/logging.ts'
import type { SigningKeySource } from './access-tokens.ts'
import { AuthUnavailable } from './errors.ts'
import type { KeyRepository, StoredKey } from './key-repository.ts'
import type { JsonWebKeySet } from './schemas.ts'
import type { Sealing } from './sealing.ts'

/**
 * The keys that sign access tokens. A key's state follows from its dates alone: published, then current, then retiring, then
 * removed. Every replica reads the set once a minute; whoever sees first that the next key is due makes it, and the unique
 * rotation number lets one of them win. Time is the database's, carried on by the monotonic clock.
 */
export interface SigningKeys extends SigningKeySource {
  /** Reads the set, makes the first key when there is none, and goes on reading. */
  start(): Promise<void>
  stop(): void
  /** Public parts, for verifiers. */
  jwks(): JsonWebKeySet
}

export interface SigningKeysNeeds {
  repository: KeyRepository
  sealing: Sealing
  alg: 'ES256' | 'EdDSA'
  log: Pick<Log, 'info' | 'warn' | 'error'>
  /** Called when the set is another one than before. */
  changed: () => void
  /** Monotonic milliseconds. */
  clock?: () => number
}

type PublicKey = JsonWebKeySet['keys'][number]

interface LoadedKey {
  kid: string
  alg: 'ES256' | 'EdDSA'
  publicJwk: PublicKey
  publicKey: CryptoKey
  /** Absent when neither secret opens it: the key still verifies. */
  privateKey: CryptoKey | undefined
  rotation: number
  activateAt: number
  retireAt: number
  removeAt: number
}

const lifetime = { days: 60, keepMinutes: 15 }
const reloadMs = 60_000
/** For a token with a name we do not know; not more often, or strangers decide what we read. */
const unknownKidMs = 10_000
/** Verifiers keep the set for 5 minutes, so a key is published well before it signs. */
const publishAheadMs = 60 * 60_000
const keepLastGoodMs = 24 * 60 * 60_000

export function createSigningKeys({
  repository,
  sealing,
  alg,
  log,
  changed,
  clock = () => performance.now(),
}: SigningKeysNeeds): SigningKeys {
  let keys: readonly LoadedKey[] = []
  let databaseAhead = 0
  let readAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | undefined

  const now = () => clock() + databaseAhead
  const isCurrent = (key: LoadedKey) => key.privateKey !== undefined && key.activateAt <= now() && now() < key.retireAt
  const newestCurrent = () => keys.findLast(isCurrent)

  async function readOnce(): Promise<void> {
    const started = clock()
    triedAt = started
    const stored = await repository.readKeys()
    const loaded = await Promise.all(stored.keys.map(load))
    if (stored.keys.length > 0) databaseAhead = Date.parse(stored.now) - started
    readAt = started
    const isSame = loaded.length === keys.length && loaded.every((key, index) => key.kid === keys[index]?.kid)
    keys = loaded
    if (!isSame) changed()
  }

  async function load(key: StoredKey): Promise<LoadedKey> {
    const known = keys.find((one) => one.kid === key.kid && one.privateKey !== undefined)
    const opened = sealing.unseal(key.privateSealed, key.kid)
    if (opened?.stale) await repository.sealAgain(key.kid, key.privateSealed, sealing.seal(opened.text, key.kid))
    if (!opened) log.error({ kid: key.kid }, 'a signing key cannot be opened: it was sealed with another AUTH_SECRET')
    const dates = { activateAt: Date.parse(key.activateAt), retireAt: Date.parse(key.retireAt), removeAt: Date.parse(key.removeAt) }
    if (known) return { ...known, ...dates }
    return {
      kid: key.kid,
      alg: key.alg,
      publicJwk: publicPart(key),
      publicKey: await importKey(key.publicJwk, key.alg),
      privateKey: opened && (await importKey(JSON.parse(opened.text), key.alg)),
      rotation: key.rotation,
      ...dates,
    }
  }

  /** Makes the first key, the next one before the current retires, or one at once when none of ours can sign. */
  async function makeWhenDue(): Promise<void> {
    const current = newestCurrent()
    const newest = keys.at(-1)
    if (current && newest && (newest !== current || current.retireAt - now() > publishAheadMs)) return
    const rotation = (await repository.newestRotation()) + 1
    const activateAt = current ? new Date(current.retireAt).toISOString() : null
    const made = await makeKey(alg)
    const privateSealed = sealing.seal(made.privateText, made.kid)
    const won = await repository.insertKey({ kid: made.kid, alg, publicJwk: made.publicJwk, privateSealed, rotation, activateAt }, lifetime)
    if (won) log.info({ kid: made.kid, rotation }, 'made a signing key')
    await readOnce()
  }

  function reload(): Promise<void> {
    reading ??= readOnce()
      .then(makeWhenDue)
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  function requireGoodSet(): void {
    if (clock() - readAt > keepLastGoodMs) throw AuthUnavailable()
  }

  return {
    async start() {
      await reload()
      // A start that failed later on is repeated.
      clearInterval(timer)
      timer = setInterval(() => {
        reload().catch((error: unknown) => log.warn({ error }, 'signing keys could not be read, the last set stays'))
      }, reloadMs)
      timer.unref()
    },

    stop() {
      clearInterval(timer)
    },

    async signer() {
      if (newestCurrent() === undefined) await reload()
      const current = newestCurrent()
      if (current?.privateKey === undefined) throw AuthUnavailable()
      return { kid: current.kid, alg: current.alg, key: current.privateKey }
    },

    async verifier(kid) {
      const find = () => keys.find((key) => key.kid === kid && now() < key.removeAt)
      if (find() === undefined && clock() - triedAt > unknownKidMs)
        await reload().catch((error: unknown) => log.warn({ error }, 'signing keys could not be read, the last set stays'))
      requireGoodSet()
      const key = find()
      return key && { alg: key.alg, key: key.publicKey }
    },

    jwks: () => ({ keys: keys.filter((key) => now() < key.removeAt).map((key) => key.publicJwk) }),
  }
}

async function makeKey(alg: 'ES256' | 'EdDSA') {
  const pair = await generateKeyPair(alg, { extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  const privateText = JSON.stringify(await exportJWK(pair.privateKey))
  return { kid: await calculateJwkThumbprint(publicJwk), publicJwk: { ...publicJwk }, privateText }
}

/** Named members only: whatever else a row may hold does not leave the house. */
function publicPart({ kid, alg, publicJwk: { kty, crv, x, y } }: StoredKey): PublicKey {
  return { kid, alg, use: 'sig', kty: String(kty), crv: String(crv), x: String(x), ...(y === undefined ? {} : { y: String(y) }) }
}

async function importKey(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg)
  if (key instanceof Uint8Array) throw new TypeError('a signing key is no key pair')
  return key
}
