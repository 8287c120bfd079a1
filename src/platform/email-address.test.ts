import { expect, test } from 'vitest'
import { normaliseEmail } from './email-address.ts'

test.each([
  ['Ada@Example.COM', 'ada@example.com'],
  ['jose\u0301@example.com', 'josé@example.com'],
  ['JOSÉ@example.com', 'josé@example.com'],
  ['o.neil+tag@example.co.uk', 'o.neil+tag@example.co.uk'],
  ['a@münchen.de', 'a@xn--mnchen-3ya.de'],
  ['a@MÜNCHEN.de', 'a@xn--mnchen-3ya.de'],
  ['a@xn--mnchen-3ya.de', 'a@xn--mnchen-3ya.de'],
  ['用户@例え.jp', '用户@xn--r8jz45g.jp'],
  [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
])('%s is stored as %s', (text, stored) => {
  expect(normaliseEmail(text)).toBe(stored)
})

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'ada@example',
  'ada@localhost',
  'ada @example.com',
  'ada@exam ple.com',
  'ada@example.com ',
  ' ada@example.com',
  'ada@example.com\n',
  'ada\0@example.com',
  'a@b@example.com',
  '.ada@example.com',
  'ada.@example.com',
  'a..b@example.com',
  '"a b"@example.com',
  'ada@-example.com',
  'ada@example-.com',
  'ada@example..com',
  'ada@example.com.',
  'ada@127.0.0.1',
  'ada@[127.0.0.1]',
  'ada@ex%61mple.com',
  'ada@example.com/x',
  `${'a'.repeat(65)}@example.com`,
  `ada@${'a'.repeat(64)}.com`,
  `a@${'abcdefghi.'.repeat(25)}com`,
])('%j is no address', (text) => {
  expect(normaliseEmail(text)).toBeUndefined()
})

test('an accent makes another address', () => {
  expect(normaliseEmail('josé@example.com')).not.toBe(normaliseEmail('jose@example.com'))
})

test('what was normalised once stays as it is', () => {
  for (const text of ['Straße@Example.com', 'İstanbul@example.com', 'ΣΑΣ@example.gr', 'a@faß.de']) {
    const once = normaliseEmail(text)
    expect(once).toBeDefined()
    expect(normaliseEmail(once ?? '')).toBe(once)
  }
})
