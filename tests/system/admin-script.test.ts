import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '#support/command.ts'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { testEnvironment } from '#support/environment.ts'

let databases: TestDatabases
let dataDir: string
beforeAll(async () => {
  databases = await createTestDatabases()
  dataDir = mkdtempSync(join(tmpdir(), 'bulkhead-admin-'))
})
afterAll(async () => {
  await databases.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

function admin(input: string, ...args: string[]): ReturnType<typeof runCommand> {
  const { BOOTSTRAP_ADMIN_EMAIL: _email, BOOTSTRAP_ADMIN_PASSWORD: _password, ...environment } = testEnvironment(databases, dataDir)
  return runCommand('admin', args, {
    cwd: dataDir,
    environment: { ...environment, AUTH_SECRET: '0123456789abcdef0123456789abcdef' },
    input,
  })
}

test('an administrator is made from the command line, once, with a password that is no easy guess', async () => {
  const weak = await admin('password1234\n', 'create', '--email', 'ada@example.com')
  expect([weak.code, weak.err]).toEqual([1, expect.stringContaining('too easy to guess')])

  const made = await admin('violet-otter-mends-9-clocks\n', 'create', '--email', 'Ada@Example.com', '--first-name', 'Ada')
  expect([made.code, made.err]).toEqual([0, ''])
  expect(made.out).toMatch(/^administrator ada@example\.com created, user \d+\n$/)
  expect(made.out).not.toContain('violet')

  const again = await admin('violet-otter-mends-9-clocks\n', 'create', '--email', 'ada@example.com')
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('exists')])
  expect(await databases.count('shared_user_db', 'users')).toBe(1)
})
