import { createHmac, createPublicKey } from 'node:crypto'
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type AccessTokens, createAccessTokens } from './access-tokens.ts'

const issuer = 'https://api.example.com'
const startedAt = Date.parse('2026-11-25T12:00:00.000Z')
const iat = startedAt / 1_000
let clock = startedAt
const ours = await generateKeyPair('ES256', { extractable: true })
const theirs = await generateKeyPair('ES256', { extractable: true })
const edwards = await generateKeyPair('EdDSA', { extractable: true })
const rsa = await generateKeyPair('RS256', { extractable: true })
const publicPem = await exportSPKI(ours.publicKey)
const publicJwk = await exportJWK(ours.publicKey)
const kid = 'our-key'

const grant = { userId: 42, sessionId: 17, roles: ['customer'], method: 'password', sessionSecondsLeft: 2_000_000 } as const
const claims: JWTPayload = {
  iss: issuer,
  aud: 'bulkhead-api',
  sub: '42',
  sid: 17,
  jti: '0198f0f0-0000-7000-8000-000000000000',
  iat,
  nbf: iat,
  exp: iat + 300,
  roles: ['customer'],
  amr: ['pwd'],
}
const header = { alg: 'ES256', typ: 'at+jwt', kid }
const base64url = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const signed = (payload: JWTPayload = claims, changes: object = {}, key = ours.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ ...header, ...changes }).sign(key)
const signedText = (text: string) => new CompactSign(Buffer.from(text)).setProtectedHeader(header).sign(ours.privateKey)
const without = (name: string): JWTPayload => Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name))
const parts = (token: string): [string, string, string] => {
  const [head = '', body = '', signature = ''] = token.split('.')
  return [head, body, signature]
}
const hmac = (head: object, secret: string | Buffer): string => {
  const text = `${base64url(head)}.${base64url(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function create(): AccessTokens {
  return createAccessTokens({
    issuer,
    ttlSeconds: 300,
    now: () => clock,
    keys: {
      signer: async () => ({ kid, alg: 'ES256', key: ours.privateKey }),
      verifier: async (name) => (name === kid ? { alg: 'ES256', key: ours.publicKey } : undefined),
    },
  })
}
let tokens: AccessTokens
beforeAll(() => {
  tokens = create()
})

const verify = async (token: string) => tokens.verify(token)

test('a token we issued says who it is for and until when', async () => {
  clock = startedAt
  const { accessToken, expiresIn } = await tokens.issue(grant)
  const { iat: issuedAt, jti, ...rest } = JSON.parse(Buffer.from(parts(accessToken)[1], 'base64url').toString())

  expect(expiresIn).toBe(300)
  expect(issuedAt).toBe(iat)
  expect(jti).toMatch(/^[0-9a-f-]{36}$/)
  expect(rest).toEqual({
    iss: issuer,
    aud: 'bulkhead-api',
    sub: '42',
    sid: 17,
    nbf: iat,
    exp: iat + 300,
    roles: ['customer'],
    amr: ['pwd'],
  })
  expect(await verify(accessToken)).toEqual({ userId: 42, sessionId: 17, roles: ['customer'], expiresAt: iat + 300 })
})

test('no token outlives its session', async () => {
  expect((await tokens.issue({ ...grant, sessionSecondsLeft: 40 })).expiresIn).toBe(40)
})

test('a token seen before is answered at once, and still expires', async () => {
  clock = startedAt
  const { accessToken } = await tokens.issue(grant)
  await verify(accessToken)

  expect(tokens.verify(accessToken)).not.toBeInstanceOf(Promise)
  clock = startedAt + 330_000
  expect(await verify(accessToken)).toMatchObject({ sessionId: 17 })
  clock = startedAt + 331_000
  await expect(verify(accessToken)).rejects.toMatchObject({ code: 'ACCESS_TOKEN_EXPIRED', status: 401 })
  clock = startedAt
})

test('when the keys change, what was verified is verified again', async () => {
  const { accessToken } = await tokens.issue(grant)
  await verify(accessToken)
  tokens.forget()

  expect(tokens.verify(accessToken)).toBeInstanceOf(Promise)
})

test('a token made by hand like ours passes, so that each case below fails for its own reason', async () => {
  await expect(verify(await signed())).resolves.toMatchObject({ userId: 42 })
})

const hostile: Record<string, () => string | Promise<string>> = {
  nothing: () => '',
  'a word': () => 'token',
  'three dots': () => '...',
  'two parts': async () =>
    parts(await signed())
      .slice(0, 2)
      .join('.'),
  'four parts': async () => `${await signed()}.${base64url('more')}`,
  'a header that is no JSON': async () => [base64url('{'), ...parts(await signed()).slice(1)].join('.'),
  'a header that is a list': async () => [base64url([header]), ...parts(await signed()).slice(1)].join('.'),
  'alg none without a signature': () => `${base64url({ ...header, alg: 'none' })}.${base64url(claims)}.`,
  'alg None': () => `${base64url({ ...header, alg: 'None' })}.${base64url(claims)}.`,
  'alg none with our signature': async () => `${base64url({ ...header, alg: 'none' })}.${base64url(claims)}.${parts(await signed())[2]}`,
  'HS256 with the public key as secret': () => hmac({ ...header, alg: 'HS256' }, publicPem),
  'HS256 with the public JWK as secret': () => hmac({ ...header, alg: 'HS256' }, JSON.stringify(publicJwk)),
  'HS256 with the DER of the public key': () =>
    hmac({ ...header, alg: 'HS256' }, createPublicKey(publicPem).export({ type: 'spki', format: 'der' })),
  'HS256 with an empty secret': () => hmac({ ...header, alg: 'HS256' }, ''),
  'HS256 that says ES256': () => hmac(header, publicPem),
  'another key of the same kind': () => signed(claims, {}, theirs.privateKey),
  'EdDSA with another key': () => signed(claims, { alg: 'EdDSA' }, edwards.privateKey),
  'RS256 with another key': () => signed(claims, { alg: 'RS256' }, rsa.privateKey),
  'an unknown kid': () => signed(claims, { kid: 'their-key' }),
  'no kid': () => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(ours.privateKey),
  'a kid that is a path': () => signed(claims, { kid: '../../dev/null' }),
  'a kid that is SQL': () => signed(claims, { kid: "' OR 1=1 -- " }),
  'typ JWT': () => signed(claims, { typ: 'JWT' }),
  'no typ': () => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(ours.privateKey),
  'typ of a service token': () => signed(claims, { typ: 'svc+jwt' }),
  'a key in the header': () => signed(claims, { jwk: publicJwk }),
  'a key in the header, signed with it': async () => signed(claims, { jwk: await exportJWK(theirs.publicKey) }, theirs.privateKey),
  jku: () => signed(claims, { jku: 'https://evil.example/jwks.json' }),
  x5u: () => signed(claims, { x5u: 'https://evil.example/cert' }),
  x5c: () => signed(claims, { x5c: ['MIIB'] }),
  'a critical header': async () => [base64url({ ...header, crit: ['exp'] }), ...parts(await signed()).slice(1)].join('.'),
  'b64 false': async () => [base64url({ ...header, b64: false, crit: ['b64'] }), ...parts(await signed()).slice(1)].join('.'),
  'a signature of zeros': async () => [...parts(await signed()).slice(0, 2), Buffer.alloc(64).toString('base64url')].join('.'),
  'an empty signature': async () =>
    `${parts(await signed())
      .slice(0, 2)
      .join('.')}.`,
  'half a signature': async () => (await signed()).slice(0, -43),
  'a signature in DER': async () => [...parts(await signed()).slice(0, 2), base64url(Buffer.alloc(70, 48).toString('latin1'))].join('.'),
  'another body under our signature': async () => {
    const [head, , signature] = parts(await signed())
    return [head, base64url({ ...claims, sub: '1' }), signature].join('.')
  },
  'another issuer': () => signed({ ...claims, iss: 'https://evil.example' }),
  'no issuer': () => signed(without('iss')),
  'another audience': () => signed({ ...claims, aud: 'bulkhead-internal' }),
  'two audiences': () => signed({ ...claims, aud: ['bulkhead-api', 'other'] }),
  'no audience': () => signed(without('aud')),
  'no end': () => signed(without('exp')),
  'an end that is text': () => signedText(JSON.stringify({ ...claims, exp: '9999999999' })),
  'a beginning in the future': () => signed({ ...claims, nbf: iat + 31 }),
  'no beginning': () => signed(without('nbf')),
  'no id': () => signed(without('jti')),
  'no subject': () => signed(without('sub')),
  'subject 0': () => signed({ ...claims, sub: '0' }),
  'a subject with a sign': () => signed({ ...claims, sub: '-42' }),
  'a subject with a space': () => signed({ ...claims, sub: '42 ' }),
  'no session': () => signed(without('sid')),
  'a session that is text': () => signed({ ...claims, sid: '17' }),
  'session 0': () => signed({ ...claims, sid: 0 }),
  'half a session': () => signed({ ...claims, sid: 17.5 }),
  'no roles': () => signed(without('roles')),
  'roles that are text': () => signed({ ...claims, roles: 'admin' }),
  'a role that is an object': () => signed({ ...claims, roles: [{ name: 'admin' }] }),
  'claims that are a list': () => signedText(JSON.stringify([claims])),
  'claims that are no JSON': () => signedText('not json'),
  'a refresh token': () => 'bhr_AAAAEQAAAAPJMfgHO5TTxfdm_w0PmS1gx-3K_hs__nWVwD8qRTbnyg',
  'an encrypted token': async () => `${await signed()}.${base64url('a')}.${base64url('b')}`,
  'more than 4 KB': () => signed({ ...claims, roles: Array.from({ length: 600 }, () => 'customer') }),
  'a megabyte': () => 'a'.repeat(1_048_576),
}

describe('a hostile token is refused with 401', () => {
  test.each(Object.keys(hostile))('%s', async (name) => {
    clock = startedAt
    const token = (await hostile[name]?.()) ?? ''

    await expect(verify(token)).rejects.toMatchObject({ code: 'ACCESS_TOKEN_INVALID', status: 401 })
  })

  test('duplicate claims: the last one counts, and it is checked', async () => {
    const text = JSON.stringify(claims)
    await expect(verify(await signedText(text.replace('"sub":"42"', '"sub":"42","sub":"x"')))).rejects.toMatchObject({ status: 401 })
  })
})

test.each([iat - 31, iat - 3_600])('a token that ended at %i has expired', async (exp) => {
  await expect(verify(await signed({ ...claims, iat: exp - 300, nbf: exp - 300, exp }))).rejects.toMatchObject({
    code: 'ACCESS_TOKEN_EXPIRED',
  })
})
