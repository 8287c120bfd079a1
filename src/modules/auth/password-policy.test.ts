import { expect, test } from 'vitest'
import { createPasswordPolicy } from './password-policy.ts'

const policy = createPasswordPolicy({ minLength: 12 })
const person = { email: 'ada.byron@example.com', names: ['Augusta Ada', 'Lovelace', 'Analytical Engines Ltd'] }

test.each([
  'correct horse battery staple',
  'violet-otter-mends-9-clocks',
  'k7#Vq2!xP9zR',
  '   spaces   count   too   ',
  'пароль из четырёх слов',
  '鮪鯖鰯鯛鮭鱒鯉鮎鰻鱈鮫鰹',
  '🦊🪁🧵🧭🪐🦤🪵🧊🫀🪡🛶🧲',
  'tab\tand\nline feed\u0000and nul',
  'é'.normalize('NFD') + 'xtraordinaire voyageur',
  `${'Zq8!vT2#'.repeat(32)}`,
])('%j is accepted', async (password) => {
  await expect(policy.require(password, person)).resolves.toBeUndefined()
})

test.each([
  ['', /fewer than 12/],
  ['k7#Vq2!xP9z', /fewer than 12/],
  ['🦊🪁🧵🧭🪐🦤🪵🧊🫀🪡🛶', /fewer than 12/],
  ['ADA.BYRON-k7#Vq2!xP9zR', /e-mail/],
  ['k7#Vqada.byron2!xP9zR', /e-mail/],
  ['lonely \ud800 surrogate here', /half a character/],
  ['passwordpassword', /./],
  ['123456789012', /./],
  ['qwertyuiop[]', /./],
  ['aaaaaaaaaaaaaaaa', /./],
  ['abcabcabcabcabc', /./],
  ['Password123!', /./],
  ['letmein12345', /./],
  ['AugustaLovelace', /./],
  ['Lovelace1815', /./],
  ['bulkheadbulkhead', /./],
  ['analytical engines ltd', /./],
  ['201501012015', /./],
])('%j is refused', async (password, reason) => {
  await expect(policy.require(password, person)).rejects.toMatchObject({
    code: 'PASSWORD_TOO_WEAK',
    status: 422,
    details: { reason: expect.stringMatching(reason) },
    faults: [{ in: 'body', path: '/password', code: 'PASSWORD_TOO_WEAK', message: expect.stringMatching(reason) }],
  })
})

test('a short local part may stand in a password', async () => {
  await expect(policy.require('violet-otter-mends-ada-clocks', { ...person, email: 'ada@example.com' })).resolves.toBeUndefined()
})

test('the length is a setting', async () => {
  await expect(createPasswordPolicy({ minLength: 15 }).require('k7#Vq2!xP9zRab', person)).rejects.toMatchObject({
    code: 'PASSWORD_TOO_WEAK',
  })
})
