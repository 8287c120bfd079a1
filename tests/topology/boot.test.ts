import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { bareEnvironment } from '#support/bare-environment.ts'
import { bundleFile } from '../../scripts/bundle.ts'
import { freePort, isPortFree } from '../../scripts/servers/ports.ts'

it('TP-02: a process whose topology cannot work says everything at once and ends, before it opens or reaches anything', async () => {
  let connections = 0
  const database = createServer(() => {
    connections += 1
  })
  await new Promise<void>((listening) => database.listen(0, '127.0.0.1', listening))
  const { port } = database.address() as AddressInfo
  const [own, internal] = [await freePort(), await freePort()]

  const child = spawn(process.execPath, [bundleFile], {
    env: {
      ...bareEnvironment,
      MODULES: 'pricing,auth,billing',
      PEERS: 'customer=back',
      SERVICE_KEYS_FILE: '/nowhere/processes.json',
      PORT: String(own),
      INTERNAL_PORT: String(internal),
      SHARED_DB_HOST: '127.0.0.1',
      SHARED_DB_PORT: String(port),
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(port),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  database.close()

  expect(code).toBe(1)
  expect(said).toContain('MODULES has billing: there are auth, user, customer, carrier, pricing')
  expect(said).toContain('MODULES has auth without user')
  expect(said).toContain('PEERS says that customer is at back')
  expect(said).toContain('PEERS does not say where carrier is, and pricing needs it')
  expect(said).toContain('SERVICE_KEYS_FILE: /nowhere/processes.json')
  expect(said).toContain('AUTH_SECRET is missing')
  expect(said).toContain('PRICING_DB_HOST is missing')
  expect(connections).toBe(0)
  expect([await isPortFree(own, '127.0.0.1'), await isPortFree(internal, '127.0.0.1')]).toEqual([true, true])
})
