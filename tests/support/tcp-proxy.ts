import { connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a server, and does to the line what networks do. */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** How many connections have been made through it. */
  readonly connections: number
  /** The next message that matches still reaches the server; its reply does not come back, and the connection ends. */
  cutWhen(pattern: RegExp): void
  /** Nothing passes any more in either direction, and nobody is told. */
  blackhole(): void
  /** New connections are closed at once, those there are ended. */
  refuse(): void
  /** As at the beginning. */
  heal(): void
  close(): Promise<void>
}

export async function createTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const host = '127.0.0.1'
  const pairs = new Set<{ client: Socket; server: Socket; cut: boolean }>()
  let state: 'open' | 'refusing' | 'blackhole' = 'open'
  let pattern: RegExp | undefined
  let connections = 0

  const listener = createServer((client) => {
    connections += 1
    if (state === 'refusing') {
      client.destroy()
      return
    }
    const server = connect(target)
    const pair = { client, server, cut: false }
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
    }
    client.on('data', (data) => {
      if (state === 'blackhole') return
      if (pattern?.test(data.toString('latin1'))) {
        pattern = undefined
        pair.cut = true
      }
      server.write(data)
    })
    server.on('data', (data) => {
      if (pair.cut) end()
      else if (state !== 'blackhole') client.write(data)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, host, resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  const dropAll = (): void => {
    for (const { client, server } of pairs) {
      client.destroy()
      server.destroy()
    }
  }
  return {
    host,
    port,
    get connections() {
      return connections
    },
    cutWhen(next) {
      pattern = next
    },
    blackhole() {
      state = 'blackhole'
    },
    refuse() {
      state = 'refusing'
      dropAll()
    },
    heal() {
      state = 'open'
    },
    async close() {
      dropAll()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
