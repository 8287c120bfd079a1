import { hash } from '@node-rs/argon2'
import { expect, test } from 'vitest'
import { createPasswords } from './passwords.ts'

const silent = { error: () => {} }

test('the right password fits its hash and no other does', async () => {
  const passwords = createPasswords({ log: silent })
  const stored = await passwords.hash('correct horse battery staple')

  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(await passwords.verify(stored, 'correct horse battery staple')).toEqual({ isRight: true, isStale: false })
  for (const other of ['correct horse battery staple ', 'Correct horse battery staple', 'correct horse battery stapl', ''])
    expect(await passwords.verify(stored, other)).toEqual({ isRight: false, isStale: false })
})

test('composed and decomposed letters are two passwords, and nothing is cut off', async () => {
  const passwords = createPasswords({ log: silent })
  const composed = await passwords.hash('caf\u00e9 au lait s.v.p.')
  const long = await passwords.hash('x'.repeat(256))

  expect(await passwords.verify(composed, 'cafe\u0301 au lait s.v.p.')).toMatchObject({ isRight: false })
  expect(await passwords.verify(long, 'x'.repeat(255))).toMatchObject({ isRight: false })
  expect(await passwords.verify(long, 'x'.repeat(256))).toMatchObject({ isRight: true })
})

test('a hash with older parameters still fits and is called stale', async () => {
  const passwords = createPasswords({ log: silent })
  const older = await hash('correct horse battery staple', { memoryCost: 8_192, timeCost: 1, parallelism: 1 })

  expect(await passwords.verify(older, 'correct horse battery staple')).toEqual({ isRight: true, isStale: true })
  expect(await passwords.verify(older, 'another')).toEqual({ isRight: false, isStale: false })
})

test.each([null, undefined])('an account without a hash (%s) fits no password', async (stored) => {
  expect(await createPasswords({ log: silent }).verify(stored, 'anything')).toEqual({ isRight: false, isStale: false })
})

test('a hash that cannot be read fits nothing, raises an alert and harms nobody', async () => {
  const alerts: string[] = []
  const passwords = createPasswords({ log: { error: (_, message) => alerts.push(message) } })

  expect(await passwords.verify('$2b$10$no-argon', 'anything')).toEqual({ isRight: false, isStale: false })
  expect(alerts).toHaveLength(1)
})

test('of a wave of hashes those that fit neither the cores nor the queue are refused at once', async () => {
  const passwords = createPasswords({ log: silent, atOnce: 1, waiting: 2 })

  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => passwords.hash('correct horse battery staple')))

  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(3)
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'OVERLOADED', status: 503, retryAfter: 1 })
  await expect(passwords.hash('after the wave')).resolves.toBeTypeOf('string')
})
