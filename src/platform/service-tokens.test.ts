import { generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { createServiceTokens, createServiceTokenVerifier } from './service-tokens.ts'

type Pair = Awaited<ReturnType<typeof generateKeyPair>>

describe('tokens between processes', () => {
  let a: Pair
  let stranger: Pair
  let time = 1_800_000_000_000
  const now = (): number => time
  const verifier = () => createServiceTokenVerifier({ keys: new Map([['a', a.publicKey]]), now })
  const tokens = (pair: Pair = a, name = 'a') => createServiceTokens({ name, key: pair.privateKey, now })

  async function refusal(token: string | undefined, module = 'user'): Promise<unknown> {
    try {
      return await verifier().verify(token, module)
    } catch (error) {
      return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
    }
  }

  beforeAll(async () => {
    a = await generateKeyPair('EdDSA')
    stranger = await generateKeyPair('EdDSA')
  })

  it('TP-05: a token of a known process for this module names its process', async () => {
    expect(await verifier().verify(await tokens().tokenFor('user'), 'user')).toBe('a')
  })

  it('TP-05: no token, nonsense, another audience, a foreign key and an unknown process are refused', async () => {
    expect(await refusal(undefined)).toBe('SERVICE_TOKEN_INVALID')
    expect(await refusal('nonsense')).toBe('SERVICE_TOKEN_INVALID')
    expect(await refusal(await tokens().tokenFor('carrier'))).toBe('SERVICE_TOKEN_INVALID')
    expect(await refusal(await tokens(stranger).tokenFor('user'))).toBe('SERVICE_TOKEN_INVALID')
    expect(await refusal(await tokens(a, 'nobody').tokenFor('user'))).toBe('SERVICE_TOKEN_INVALID')
  })

  it('TP-05: an access token is no service token, whoever signed it', async () => {
    const seconds = Math.floor(time / 1_000)
    const token = await new SignJWT({ sid: 1, roles: [] })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'a' })
      .setIssuer('a')
      .setAudience('user')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 60)
      .sign(a.privateKey)

    expect(await refusal(token)).toBe('SERVICE_TOKEN_INVALID')
  })

  it('TP-05: after 60 seconds it is refused, also where it was accepted before', async () => {
    const checks = verifier()
    const token = await tokens().tokenFor('user')
    await checks.verify(token, 'user')

    time += 61_000

    expect(() => checks.verify(token, 'user')).toThrow('that has not expired')
    expect(await refusal(token)).toBe('SERVICE_TOKEN_INVALID')
  })

  it('a token that may live longer than a minute is refused', async () => {
    const seconds = Math.floor(time / 1_000)
    const token = await new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA', typ: 'bulkhead-service+jwt', kid: 'a' })
      .setIssuer('a')
      .setAudience('user')
      .setIssuedAt(seconds - 90)
      .setExpirationTime(seconds + 3_600)
      .sign(a.privateKey)

    expect(await refusal(token)).toBe('SERVICE_TOKEN_INVALID')
  })

  it('is checked once, then known at once; and is made anew after 40 seconds', async () => {
    const checks = verifier()
    const maker = tokens()
    const first = await maker.tokenFor('user')
    await checks.verify(first, 'user')

    expect(checks.verify(first, 'user')).toBe('a')
    time += 39_000
    expect(await maker.tokenFor('user')).toBe(first)
    time += 2_000
    expect(await maker.tokenFor('user')).not.toBe(first)
  })
})
