import { statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../scripts/servers/ports.ts'
import { until } from '../../scripts/servers/processes.ts'
import { createInstallation, type Installation } from './start-process.ts'

/** The processes of `npm start` are found in /proc. */
describe.runIf(process.platform === 'linux')('npm start', { timeout: 90_000 }, () => {
  let installation: Installation
  beforeAll(async () => {
    installation = await createInstallation()
  })
  afterAll(() => installation.remove(), 60_000)

  const nothingLeft = (): Promise<boolean> => until(() => installation.processes().length === 0, 30_000)

  it('sets everything up in an empty folder, answers, and Ctrl-C leaves no process', async () => {
    const run = await installation.start()
    await run.ready()
    const answer = await fetch(`${run.url}/health/ready`)

    // npm and the terminal both pass Ctrl-C on.
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')

    expect(answer.status).toBe(200)
    expect(await run.exit()).toBe(0)
    expect(await nothingLeft()).toBe(true)
  })

  it('keeps its secrets for its owner alone', () => {
    expect(statSync(join(installation.dataDir, 'secrets.json')).mode & 0o777).toBe(0o600)
    expect(statSync(installation.dataDir).mode & 0o777).toBe(0o700)
  })

  it.each(['SIGTERM', 'SIGHUP'] as const)('ends everything on %s', async (signal) => {
    const run = await installation.start()
    await run.ready()

    run.child.kill(signal)

    expect(await run.exit()).toBe(0)
    expect(await nothingLeft()).toBe(true)
  })

  it('leaves no process when it is killed, and starts again on the same data', async () => {
    const run = await installation.start()
    await run.ready()
    run.child.kill('SIGKILL')
    await run.exit()

    // At once: what the killed one left is still ending.
    const next = await installation.start()
    await next.ready()
    next.child.kill('SIGTERM')

    expect(await next.exit()).toBe(0)
    expect(await nothingLeft()).toBe(true)
  })

  it('ends its servers by itself when nobody starts it again after a kill', async () => {
    const run = await installation.start()
    await run.ready()

    run.child.kill('SIGKILL')

    expect(await nothingLeft()).toBe(true)
  })

  it('refuses a second start in the same folder and says where the first one is', async () => {
    const first = await installation.start()
    await first.ready()

    const second = await installation.start({ PORT: String(await freePort()) })
    const code = await second.exit()
    const answer = await fetch(`${first.url}/health/live`)
    first.child.kill('SIGTERM')
    await first.exit()

    expect(code).toBe(1)
    expect(second.output()).toContain(`Bulkhead already runs in ${installation.dataDir}, at ${first.url}`)
    expect(answer.status).toBe(200)
  })

  it('says which port is taken and the line that takes another', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => squatter.once('listening', resolve))
    const { port } = squatter.address() as AddressInfo

    const run = await installation.start({ PORT: String(port) })
    const code = await run.exit()
    squatter.close()

    expect(code).toBe(1)
    expect(run.output()).toContain(`Port ${port} on 127.0.0.1 is taken.`)
    expect(run.output()).toMatch(/mend: PORT=\d+ npm start/)
    expect(await nothingLeft()).toBe(true)
  })

  it('says which named database does not answer, and starts nothing', async () => {
    const port = await freePort()

    const run = await installation.start({ PRICING_DB_HOST: '127.0.0.1', PRICING_DB_PORT: String(port) })

    expect(await run.exit()).toBe(1)
    expect(run.output()).toContain(`PRICING_DB_HOST names 127.0.0.1:${port}, which does not answer.`)
    expect(await nothingLeft()).toBe(true)
  })

  it('says which topologies there are when it is asked for another, and starts nothing', async () => {
    const run = await installation.start({}, ['--topology', 'replicas4'])

    expect(await run.exit()).toBe(1)
    expect(run.output()).toContain('There is no topology "replicas4".')
    expect(run.output()).toContain('mend: npm start -- --topology replicas3')
    expect(installation.processes()).toEqual([])
  })

  it('shows what the API says about settings it cannot use', async () => {
    const run = await installation.start({ LOG_LEVEL: 'loud' })

    expect(await run.exit()).toBe(1)
    expect(run.output()).toContain('LOG_LEVEL')
    expect(await nothingLeft()).toBe(true)
  })
})
