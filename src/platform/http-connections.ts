import type { Server, Socket } from 'node:net'

/** The open connections of a server, for its end: a busy client is told to leave before its connection is closed. */
export interface Connections {
  /** Resolves when there is none, or after the time. */
  allGone(withinMs: number): Promise<void>
  /** Ends those that have said nothing, a moment from now: a closing server waits for them as if for a request. */
  endSilent(): void
}

/** A connection just made has its request on the way. */
const silenceMs = 1_000

export function watchConnections(server: Server): Connections {
  const sockets = new Set<Socket>()
  let emptied = (): void => {}
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) emptied()
    })
  })
  return {
    allGone: (withinMs) =>
      new Promise((resolve) => {
        if (sockets.size === 0) {
          resolve()
          return
        }
        const timer = setTimeout(resolve, withinMs)
        emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
    endSilent: () => {
      const end = (): void => {
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      }
      setTimeout(end, silenceMs).unref()
    },
  }
}
