import { connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** A server that remembers what it heard and answers in capitals. */
async function echo() {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      heard.push(data.toString())
      socket.write(data.toString().toUpperCase())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: '127.0.0.1',
    port: address.port,
    heard,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

let server: Awaited<ReturnType<typeof echo>>
let proxy: TcpProxy
beforeEach(async () => {
  server = await echo()
  proxy = await createTcpProxy(server)
})
afterEach(async () => {
  await proxy.close()
  server.close()
})

interface Line {
  /** Answers with the next piece, or with how the connection ended. */
  ask(text: string): Promise<string>
}

async function dial(): Promise<Line> {
  const socket = connect(proxy.port, proxy.host)
  let tell = (_text: string): void => {}
  let outcome: string | undefined
  socket.on('data', (data) => tell(data.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    outcome = error.code
  })
  socket.on('close', () => {
    outcome ??= 'closed'
    tell(outcome)
  })
  await new Promise((resolve) => {
    socket.once('connect', resolve)
    socket.once('close', resolve)
  })
  return {
    ask: (text) =>
      new Promise((resolve) => {
        tell = resolve
        if (outcome !== undefined) resolve(outcome)
        else socket.write(text)
      }),
  }
}

const within = (ms: number, promise: Promise<string>) =>
  Promise.race([promise, new Promise<string>((resolve) => setTimeout(() => resolve('silence'), ms))])

test('bytes pass both ways, and connections are counted', async () => {
  const line = await dial()

  expect(await line.ask('ahoy')).toBe('AHOY')
  expect(proxy.connections).toBe(1)
})

test('latency is added to each way', async () => {
  const line = await dial()
  proxy.latency(60, 5)
  const asked = performance.now()

  expect(await line.ask('ahoy')).toBe('AHOY')
  expect(performance.now() - asked).toBeGreaterThan(105)
})

test('a throttled line needs its time for every byte', async () => {
  const line = await dial()
  proxy.throttle(1_000)
  const asked = performance.now()

  await line.ask('x'.repeat(100))
  expect(performance.now() - asked).toBeGreaterThan(190)
})

test('a black hole swallows what is sent and tells nobody; healed, the line works', async () => {
  const line = await dial()
  proxy.blackhole()

  expect(await within(60, line.ask('ahoy'))).toBe('silence')
  expect(server.heard).toEqual([])

  proxy.heal()
  expect(await line.ask('again')).toBe('AGAIN')
})

test('refusing ends the connections there are and takes no new ones', async () => {
  const line = await dial()
  proxy.refuse()

  expect(['closed', 'ECONNRESET', 'EPIPE']).toContain(await line.ask('ahoy'))
  expect(['closed', 'ECONNRESET', 'EPIPE']).toContain(await (await dial()).ask('ahoy'))
})

test('a reset ends connections rudely, and the next one works', async () => {
  const line = await dial()
  await line.ask('ahoy')
  const answer = line.ask('again')
  proxy.reset()

  expect(['ECONNRESET', 'EPIPE', 'closed', 'AGAIN']).toContain(await answer)
  expect(await (await dial()).ask('ahoy')).toBe('AHOY')
})

test('a reply is cut after so many bytes', async () => {
  proxy.cutAfter(3, 'to client')
  const line = await dial()

  expect(await line.ask('ahoy')).toBe('AHO')
  expect(await line.ask('more')).toMatch(/closed|ECONNRESET|EPIPE/)
  expect(proxy.cuts).toBe(1)
})

test('the message that matches reaches the server and its reply does not come back; the next connection works', async () => {
  const line = await dial()
  proxy.cutWhen(/COMMIT/)

  expect(await line.ask('begin')).toBe('BEGIN')
  expect(await line.ask('COMMIT')).toMatch(/closed|ECONNRESET/)
  expect(server.heard).toEqual(['begin', 'COMMIT'])
  expect(await (await dial()).ask('COMMIT')).toBe('COMMIT')
})

test('an unheard message ends its connection before the server has it', async () => {
  const line = await dial()
  proxy.cutWhen(/COMMIT/, { unheard: () => true })

  expect(await line.ask('COMMIT')).toMatch(/closed|ECONNRESET/)
  expect(server.heard).toEqual([])
})

test('cutting goes on for as long as somebody decides it', async () => {
  let asked = 0
  proxy.cutWhen(/COMMIT/, { when: () => ++asked % 2 === 0 })

  expect(await (await dial()).ask('COMMIT')).toBe('COMMIT')
  expect(await (await dial()).ask('COMMIT')).toMatch(/closed|ECONNRESET/)
  expect(await (await dial()).ask('COMMIT')).toBe('COMMIT')
  expect(proxy.cuts).toBe(1)
})

test('switched to another server, old connections end and new ones lead there', async () => {
  const other = await echo()
  const line = await dial()
  proxy.switchTo(other.port)

  expect(await line.ask('ahoy')).toMatch(/closed|ECONNRESET|EPIPE/)
  expect(await (await dial()).ask('ahoy')).toBe('AHOY')
  expect(other.heard).toEqual(['ahoy'])
  other.close()
})
