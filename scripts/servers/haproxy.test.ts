import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { moduleNames, moduleOfPath, moduleTable } from '../../src/platform/module-table.ts'
import { findBalancer } from './binaries.ts'
import { type Backend, type Haproxy, haproxyConfig, startHaproxy, type Upstream } from './haproxy.ts'
import { requireBalancer } from './packages.ts'
import { freePort } from './ports.ts'

const clean: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step()
})

const publicUrl = 'http://api.example/50%25'
const binary = findBalancer() ?? ''

/** A process as the balancer sees it: one port that says it is ready, one that serves. */
async function upstream(name: string, serve: RequestListener): Promise<Upstream> {
  return { name, port: await listen(serve), internalPort: await listen((_, answer) => answer.end()) }
}

async function listen(serve: RequestListener): Promise<number> {
  const server: Server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  clean.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** All that is asked goes to one kind of process, of which there are several. */
const balance = (upstreams: readonly Upstream[]): Promise<Balanced> => route([{ name: 'api', modules: moduleNames, upstreams }])

interface Balanced {
  url: string
  haproxy: Haproxy
  folder: string
}

async function route(backends: readonly Backend[]): Promise<Balanced> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-haproxy-'))
  const port = await freePort()
  const haproxy = await startHaproxy({ binary, folder, host: '127.0.0.1', port, publicUrl, backends })
  clean.push(async () => {
    await haproxy.kill()
    rmSync(folder, { recursive: true })
  })
  return { url: `http://127.0.0.1:${port}`, haproxy, folder }
}

/** Hangs up on whatever comes, as a process does that is killed with a request in hand. */
function hangsUp(seen: string[]): RequestListener {
  return ({ method, socket }) => {
    seen.push(method ?? '')
    socket.destroy()
  }
}

describe('the balancer', () => {
  it('is given settings that it takes without a warning', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'bulkhead-haproxy-')), 'haproxy.cfg')
    clean.push(() => rmSync(join(file, '..'), { recursive: true }))
    const backends = Object.entries({ front: ['auth', 'user'], back: ['customer', 'carrier', 'pricing'] } as const).map(
      ([name, modules]) => ({
        name,
        modules,
        upstreams: [{ name: `${name}-1`, port: 2, internalPort: 3 }],
      }),
    )
    writeFileSync(file, haproxyConfig({ host: '::1', port: 1, publicUrl, backends }))

    const { status, stdout, stderr } = spawnSync(binary, ['-c', '-f', file], { encoding: 'utf8' })

    expect([status, stderr, stdout.trim()]).toEqual([0, '', 'Configuration file is valid'])
  })

  it('answers with a problem when no process takes requests', async () => {
    const { url } = await balance([{ name: 'gone', port: await freePort(), internalPort: await freePort() }])

    const answer = await fetch(`${url}/v1/quotes?limit=1`, { headers: { 'x-request-id': 'nobody-at-home' } })

    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect([answer.headers.get('retry-after'), answer.headers.get('x-request-id')]).toEqual(['1', 'nobody-at-home'])
    expect(await answer.json()).toEqual({
      type: `${publicUrl}/problems/not-ready`,
      title: 'Not ready',
      status: 503,
      code: 'NOT_READY',
      detail: 'No process takes requests at the moment. Repeat the request later.',
      instance: '/v1/quotes',
      requestId: 'nobody-at-home',
    })
  })

  it('sends a read elsewhere when a process hangs up on it, and never a write', async () => {
    const seen: string[] = []
    const dying = await upstream('dying', hangsUp(seen))
    const healthy = await upstream('healthy', (_, answer) => answer.end('here'))
    const { url } = await balance([dying, healthy])

    const reads = await Promise.all(Array.from({ length: 6 }, async () => (await fetch(url)).status))
    // Each on a connection of its own: on one that was kept, the balancer hangs up as well, and says nothing.
    const write = async (): Promise<number> => {
      const answer = await request(url, { method: 'POST', body: 'x', reset: true, dispatcher: new Agent() })
      return answer.statusCode
    }
    const writes = await Promise.all(Array.from({ length: 6 }, write))

    const lost = seen.filter((method) => method === 'POST').length
    expect(reads).toEqual([200, 200, 200, 200, 200, 200])
    expect(lost).toBeGreaterThan(0)
    expect(writes.filter((status) => status === 502)).toHaveLength(lost)
  })

  it('tells the processes who asks, and believes nobody who says so himself', async () => {
    const echo = await upstream('echo', ({ headers }, answer) => {
      answer.setHeader('keep-alive', 'timeout=65')
      answer.end(JSON.stringify([headers['x-forwarded-for'], headers['x-forwarded-host'], headers['x-request-id']]))
    })
    const { url } = await balance([echo])

    const answer = await fetch(url, {
      headers: { 'x-forwarded-for': '8.8.8.8', 'x-forwarded-host': 'elsewhere', 'x-request-id': 'no good!' },
    })

    expect(answer.headers.get('keep-alive')).toBeNull()
    expect(await answer.json()).toEqual(['127.0.0.1', null, expect.stringMatching(/^[0-9a-f-]{36}$/)])
  })

  it("sends each address to the process that hosts its module, and what is no module's to the one with auth", async () => {
    const backends = await Promise.all(
      moduleNames.map(async (name) => ({ name, modules: [name], upstreams: [await upstream(name, (_, answer) => answer.end(name))] })),
    )
    const { url } = await route(backends.toReversed())
    const prefixes = Object.values(moduleTable).flatMap(({ paths }) => paths)
    const paths = [...prefixes.flatMap((path) => [path, `${path}/7?x=/v1/users`, `${path}x`, `/x${path}`]), '/', '/docs', '/openapi.json']

    const answers = await Promise.all(paths.map(async (path) => [path, await (await fetch(url + path)).text()]))

    expect(answers).toEqual(paths.map((path) => [path, moduleOfPath(path.split('?')[0] ?? '') ?? 'auth']))
  })

  it('reads an address as a process does: what is escaped without need is the same address', async () => {
    const backends = await Promise.all(
      moduleNames.map(async (name) => ({ name, modules: [name], upstreams: [await upstream(name, (_, answer) => answer.end(name))] })),
    )
    const { url } = await route(backends)
    const ask = async (path: string): Promise<string> => (await request(url + path)).body.text()

    const answers = await Promise.all(['/v1/%63ustomers', '/v1/quotes%20', '/%76%31/carriers/7', '/v1/quote%73/7?x=/v1/users'].map(ask))

    expect(answers).toEqual(['customer', 'auth', 'carrier', 'pricing'])
  })

  it('follows a change of its settings without losing a request, not even on connections that were kept', async () => {
    const before = await upstream('before', (_, answer) => answer.end('before'))
    const after = await upstream('after', (_, answer) => answer.end('after'))
    const { url, haproxy, folder } = await balance([before])
    const kept = new Agent({ connections: 4, pipelining: 1 })
    // Writes: nobody repeats them.
    const ask = async (options: object): Promise<string> => {
      const { statusCode, body } = await request(url, { method: 'POST', body: 'x', ...options })
      return `${statusCode} ${await body.text()}`
    }
    const askOnKept = (): Promise<string[]> => Promise.all(Array.from({ length: 4 }, () => ask({ dispatcher: kept })))
    const first = await askOnKept()

    const file = join(folder, 'haproxy.cfg')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(`127.0.0.1:${before.port} `, `127.0.0.1:${after.port} `))
    process.kill(Number(readFileSync(join(folder, 'haproxy.pid'), 'utf8')), 'SIGUSR2')
    await expect.poll(() => ask({ reset: true, dispatcher: new Agent() })).toBe('200 after')
    const last = await askOnKept()
    const next = await askOnKept()

    expect(first.concat(last)).toEqual(Array(8).fill('200 before'))
    expect(next).toEqual(Array(4).fill('200 after'))
    expect(haproxy.hasEnded()).toBe(false)
    await kept.close()
  })

  it('that has ended by itself has left', async () => {
    const { haproxy } = await balance([])
    process.kill(haproxy.pid, 'SIGKILL')
    await expect.poll(() => haproxy.hasEnded()).toBe(true)

    expect(() => haproxy.leave()).not.toThrow()
  })

  it('leaves once what it has is answered', async () => {
    let arrived = (): void => {}
    let release = (): void => {}
    const inHand = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const slow = await upstream('slow', ({ url: path }, answer) => {
      if (path === '/quick') return void answer.end()
      release = () => answer.end('late')
      arrived()
    })
    const { url, haproxy } = await balance([slow])
    const asked = fetch(url)
    await inHand

    haproxy.leave()
    const ask = (): Promise<unknown> =>
      request(`${url}/quick`, { reset: true }).then(
        ({ body }) => body.text(),
        ({ code }) => code,
      )
    await expect.poll(ask).toBe('ECONNREFUSED')
    release()

    expect(await (await asked).text()).toBe('late')
    await expect.poll(() => haproxy.hasEnded(), { timeout: 5_000 }).toBe(true)
  })

  it('is named when it is missing, with the line that installs it', () => {
    const installation = { allowed: false, withSudo: false, say: () => {} }

    expect(() => requireBalancer(installation, () => undefined)).toThrow('Not found on this machine: haproxy.')
    expect(requireBalancer(installation, () => '/opt/haproxy')).toBe('/opt/haproxy')
  })
})
