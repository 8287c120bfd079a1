import { expect, test } from 'vitest'
import { createRefreshTokens } from './refresh-tokens.ts'

const secret = '0123456789abcdef0123456789abcdef'
const nonce = Buffer.alloc(16)
const tokens = createRefreshTokens({ secret })
const vector = 'bhr_AAAAEQAAAAPJMfgHO5TTxfdm_w0PmS1gx-3K_hs__nWVwD8qRTbnyg'

test('the token of session 17, generation 3 is the published vector', () => {
  expect(tokens.issue(17, 3, nonce)).toBe(vector)
})

test('a token is read back and is genuine for its own nonce only', () => {
  const claim = tokens.read(vector)

  expect(claim).toMatchObject({ sessionId: 17, generation: 3 })
  expect(claim && tokens.isGenuine(claim, nonce)).toBe(true)
  expect(claim && tokens.isGenuine(claim, Buffer.alloc(16, 1))).toBe(false)
  expect(claim && tokens.isGenuine(claim, undefined)).toBe(false)
})

test('every bit of a token counts', () => {
  const bytes = Buffer.from(vector.slice(4), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    const claim = tokens.read(`bhr_${changed.toString('base64url')}`)
    expect(claim && tokens.isGenuine(claim, nonce)).toBe(false)
  }
})

test.each([
  ['nothing', ''],
  ['another prefix', vector.replace('bhr_', 'bhk_')],
  ['one character less', vector.slice(0, -1)],
  ['one character more', `${vector}A`],
  ['a second spelling of the last byte', `${vector.slice(0, -1)}h`],
  ['padding', `${vector.slice(0, -1)}=`],
  ['the other base64 alphabet', vector.replace('_w0', '/w0').replace('-3K', '+3K')],
  ['a space in front', ` ${vector}`],
  ['a line feed behind', `${vector}\n`],
])('%s is no refresh token', (_, text) => {
  expect(tokens.read(text)).toBeUndefined()
})

test('the previous secret verifies and never issues', () => {
  const changed = createRefreshTokens({ secret: 'fedcba9876543210fedcba9876543210', secretPrevious: secret })
  const claim = changed.read(vector)

  expect(claim && changed.isGenuine(claim, nonce)).toBe(true)
  expect(changed.issue(17, 3, nonce)).not.toBe(vector)
})

test('without the old secret its tokens are worth nothing', () => {
  const changed = createRefreshTokens({ secret: 'fedcba9876543210fedcba9876543210' })
  const claim = changed.read(vector)

  expect(claim && changed.isGenuine(claim, nonce)).toBe(false)
})
