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
  ['P4$$w0rd2024', /./],
  ['l3tm31n12345', /./],
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

test('no password keeps the process busy, whatever signs it is made of', async () => {
  await policy.require('violet-otter-mends-9-clocks', person)
  const hostile = ['4@8({[<369&#!1/|0$5+7%2', '@4(1!$50379+7|', 'p4ssw0rd', '11/11/1111', '0123456789', 'a1!', '$'].map((part) =>
    part.repeat(100).slice(0, 100),
  )
  const before = process.threadCpuUsage()

  await Promise.allSettled(hostile.map((password) => policy.require(password, person)))

  const { user, system } = process.threadCpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(200 * hostile.length)
})
