import { connect, createServer, type Socket } from 'node:net'

/**
 * Stands between a client and a server, in the process of the test, and does to the line what networks do. Bytes keep their
 * order whatever is done to them. Everything set stays until `heal()`, unless it says how often it happens.
 */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** How many connections have been made through it. */
  readonly connections: number
  /** How many were cut by `cutWhen` and `cutAfter`. */
  readonly cuts: number
  /** Each piece arrives this much later, more or less the jitter. */
  latency(ms: number, jitterMs?: number): void
  /** Per connection and direction. */
  throttle(bytesPerSecond: number): void
  /** Nothing passes any more in either direction, and nobody is told. */
  blackhole(): void
  /** New connections are closed at once, those there are ended. */
  refuse(): void
  /** Ends the connections there are with a reset; new ones work. */
  reset(): void
  /** Each new connection lets so many bytes pass in this direction, then it ends. */
  cutAfter(bytes: number, direction: Direction): void
  /**
   * A message of a client that matches still reaches the server, its reply does not come back, and the connection ends: whoever
   * waits cannot know. `unheard`: it does not even reach the server. Happens once unless `when` decides each time. A message is
   * recognised when it arrives in one piece, as short ones do.
   */
  cutWhen(pattern: RegExp, options?: { unheard?: () => boolean; when?: () => boolean }): void
  /** Connections from now on lead to another port; those there are end. */
  switchTo(port: number): void
  /** As at the beginning. */
  heal(): void
  close(): Promise<void>
}

export type Direction = 'to server' | 'to client'

interface Pair {
  client: Socket
  server: Socket
  /** The server has its last message, the client gets no more. */
  muted: boolean
  /** Bytes left in each direction before the end. */
  left: Record<Direction, number>
  /** When the last piece that was held back is to be passed on. */
  due: Record<Direction, number>
}

interface Cut {
  pattern: RegExp
  when: () => boolean
  unheard: () => boolean
}

export async function createTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const host = '127.0.0.1'
  const pairs = new Set<Pair>()
  let targetPort = target.port
  let state: 'open' | 'refusing' | 'blackhole' = 'open'
  let delay = { ms: 0, jitterMs: 0 }
  let rate = Number.POSITIVE_INFINITY
  let allowance: Record<Direction, number> = { 'to server': Number.POSITIVE_INFINITY, 'to client': Number.POSITIVE_INFINITY }
  let cut: Cut | undefined
  let connections = 0
  let cuts = 0

  const listener = createServer((client) => {
    connections += 1
    if (state === 'refusing') {
      client.destroy()
      return
    }
    const server = connect(targetPort, target.host)
    const pair: Pair = { client, server, muted: false, left: { ...allowance }, due: { 'to server': 0, 'to client': 0 } }
    pairs.add(pair)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => end(pair))
      socket.on('close', () => end(pair))
    }
    client.on('data', (data) => {
      const matching = cut?.pattern.test(data.toString('latin1')) ? cut : undefined
      if (matching?.when()) {
        cuts += 1
        if (matching.unheard()) {
          end(pair)
          return
        }
        pair.muted = true
      }
      pass(pair, 'to server', data)
    })
    server.on('data', (data) => {
      if (pair.muted) end(pair)
      else pass(pair, 'to client', data)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, host, resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  function end(pair: Pair): void {
    pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }

  function pass(pair: Pair, direction: Direction, data: Buffer): void {
    if (state === 'blackhole') return
    const to = direction === 'to server' ? pair.server : pair.client
    const piece = data.subarray(0, pair.left[direction])
    pair.left[direction] -= piece.length
    const isLast = piece.length < data.length
    if (isLast) cuts += 1
    const deliver = (): void => {
      if (to.destroyed) return
      if (isLast) to.write(piece, () => end(pair))
      else to.write(piece)
    }
    const now = performance.now()
    const wait = delay.ms + (Math.random() * 2 - 1) * delay.jitterMs + (piece.length / rate) * 1_000
    // Never before the piece ahead of it: a line delays, it does not reorder.
    const due = Math.max(now + wait, pair.due[direction] + (piece.length / rate) * 1_000)
    if (due <= now) deliver()
    else {
      pair.due[direction] = due
      setTimeout(deliver, due - now)
    }
  }

  const endAll = (): void => {
    for (const pair of [...pairs]) end(pair)
  }
  return {
    host,
    port,
    get connections() {
      return connections
    },
    get cuts() {
      return cuts
    },
    latency(ms, jitterMs = 0) {
      delay = { ms, jitterMs }
    },
    throttle(bytesPerSecond) {
      rate = bytesPerSecond
    },
    blackhole() {
      state = 'blackhole'
    },
    refuse() {
      state = 'refusing'
      endAll()
    },
    reset() {
      for (const { client } of pairs) client.resetAndDestroy()
    },
    cutAfter(bytes, direction) {
      allowance = { ...allowance, [direction]: bytes }
    },
    cutWhen(pattern, { unheard = () => false, when } = {}) {
      const once = (): boolean => {
        cut = undefined
        return true
      }
      cut = { pattern, unheard, when: when ?? once }
    },
    switchTo(next) {
      targetPort = next
      endAll()
    },
    heal() {
      state = 'open'
      delay = { ms: 0, jitterMs: 0 }
      rate = Number.POSITIVE_INFINITY
      allowance = { 'to server': Number.POSITIVE_INFINITY, 'to client': Number.POSITIVE_INFINITY }
      cut = undefined
    },
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve))
      endAll()
      await closed
    },
  }
}
