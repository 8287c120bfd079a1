import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bareEnvironment } from '#support/bare-environment.ts'
import { createTestDatabases } from '#support/databases.ts'
import { testEnvironment } from '#support/environment.ts'
import { startProcess } from '#support/process.ts'
import { createApi, type Page } from '../../scripts/api.ts'
import { bundleFile } from '../../scripts/bundle.ts'
import { profileOf, register } from '../../scripts/seed.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { writeServiceKeys } from '../../scripts/topology/service-keys.ts'

it('a process of one module needs the plain names of its one database, Redis, and where its neighbours are; nothing else', {
  timeout: 90_000,
}, async () => {
  const databases = await createTestDatabases()
  const keys = mkdtempSync(join(tmpdir(), 'bulkhead-keys-'))
  const rest = ['auth', 'user', 'carrier', 'pricing']
  writeServiceKeys(keys, { rest, customer: ['customer'] })
  const [port, internalPort] = [await freePort(), await freePort()]
  const house = await startProcess(databases, {
    MODULES: rest.join(','),
    PEERS: `customer=http://127.0.0.1:${internalPort}`,
    PROCESS_NAME: 'rest',
    SERVICE_KEY_FILE: join(keys, 'rest.pem'),
    SERVICE_KEYS_FILE: join(keys, 'processes.json'),
  })
  const { host, port: databasePort, schema, username, password } = databases.settings.customer_service_db
  const { REDIS_HOST = '', REDIS_PORT = '', REDIS_PASSWORD = '', REDIS_KEY_PREFIX = '' } = testEnvironment(databases, keys)

  const child = spawn(process.execPath, [bundleFile], {
    env: {
      ...bareEnvironment,
      MODULES: 'customer',
      PEERS: `auth=${house.internalUrl},user=${house.internalUrl}`,
      DB_HOST: host,
      DB_PORT: `${databasePort}`,
      DB_NAME: schema,
      DB_USERNAME: username,
      DB_PASSWORD: password,
      REDIS_HOST,
      REDIS_PORT,
      REDIS_PASSWORD,
      REDIS_KEY_PREFIX,
      PORT: `${port}`,
      INTERNAL_PORT: `${internalPort}`,
      SERVICE_KEY_FILE: join(keys, 'customer.pem'),
      SERVICE_KEYS_FILE: join(keys, 'processes.json'),
    },
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    const ready = (): Promise<number> =>
      fetch(`http://127.0.0.1:${internalPort}/health/ready`).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(ready, { timeout: 20_000 }).toBe(200)

    // A user who registers there gets a profile here: it is told of the user, and knows who asks.
    const there = createApi(house.url)
    const person = { email: 'ann@example.com', password: 'marble.lantern.quietly', firstName: 'Ann', lastName: 'Arbor' }
    const userId = await register(there, { ...person, company: { name: 'Arbor', country: 'US' } })
    const { body } = await there.call<{ accessToken: string }>('POST', '/v1/auth/login', { body: house.admin })
    const here = createApi(`http://127.0.0.1:${port}`, body.accessToken)
    const profile = await profileOf(here, userId)
    const dead = await here.call<Page<unknown>>('GET', '/v1/dead-letters?consumer=customer.profile')
    const everywhere = here.call('GET', '/v1/event-consumers')

    expect(profile).toMatchObject({ status: 'pending' })
    // Operators are answered too, except where it was not told to ask.
    expect(dead.body.data).toEqual([])
    await expect(everywhere).rejects.toThrow(/503 MODULE_UNAVAILABLE: The module (carrier|pricing)/)
  } finally {
    child.kill('SIGKILL')
    await exited
    await house.kill()
    await databases.drop()
    rmSync(keys, { recursive: true })
  }
})
