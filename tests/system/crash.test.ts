import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabases, type TestDatabases } from '#support/databases.ts'
import { type RunningProcess, startProcess } from '#support/process.ts'
import { createApi, login, until } from '../../scripts/api.ts'

/** A crash at the worst moment, made certain: the handler waits for a table that the test holds while the process dies. */

let databases: TestDatabases
let running: RunningProcess

beforeAll(async () => {
  databases = await createTestDatabases()
})
afterAll(async () => {
  await running?.kill()
  await databases?.drop()
})

it('a process killed between the commit of the user and the profile leaves exactly one profile after the restart', async () => {
  running = await startProcess(databases)
  const api = createApi(running.url)
  const release = await databases.lockTable('customer_service_db', 'customers')
  const { body: user } = await api.call<{ id: number }>('POST', '/v1/auth/register', {
    body: {
      email: 'kim@example.com',
      password: 'two warm anchors',
      firstName: 'Kim',
      lastName: 'Kill',
      company: { name: 'Kim & Co', country: 'US' },
    },
  })
  await until('the handler of user.created waiting for the table', async () =>
    (await databases.waitingStatements('customer_service_db')).some((statement) => /customers/i.test(statement)) ? true : undefined,
  )

  await running.kill()
  await release()
  running = await startProcess(databases)

  const admin = await login(createApi(running.url), running.admin.email, running.admin.password)
  const profiles = await until('the profile', async () => {
    const { body } = await admin.call<{ data: { companyName: string }[] }>('GET', `/v1/customers?userId=${user.id}`)
    return body.data.length > 0 ? body.data : undefined
  })
  expect(profiles).toMatchObject([{ companyName: 'Kim & Co' }])
  expect(await databases.count('customer_service_db', 'customers')).toBe(1)
})
