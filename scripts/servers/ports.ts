import { connect, createServer } from 'node:net'
import { Failure } from './failure.ts'

/** Whether this process could listen there now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

/** Whether somebody accepts connections there. Unlike a look at whether the port is free, it is in nobody's way. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const finish = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => finish(false))
    socket.once('error', () => finish(false))
    socket.once('connect', () => finish(true))
  })
}

/** A port nobody listens on. A preferred one is taken when it is free, so that addresses stay the same from start to start. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isPortFree(preferred))) return preferred
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** Starts a server on a free port; on another one when somebody was faster between the look and the start. */
export async function onFreePort<S>(preferred: number | undefined, start: (port: number) => Promise<S>): Promise<S> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort(attempt === 1 ? preferred : undefined))
    } catch (error) {
      const isTaken = error instanceof Failure && error.why.includes('Address already in use')
      if (!isTaken || attempt === 3) throw error
    }
  }
}

/** Sends `request` to a server and returns the first bytes it answers, or undefined when it does not answer in time. */
export function firstAnswer(port: number, { request = '', timeoutMs = 1_000, host = '127.0.0.1' } = {}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const finish = (answer?: string): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(timeoutMs, () => finish())
    socket.once('error', () => finish())
    socket.once('close', () => finish())
    socket.once('data', (bytes) => finish(bytes.toString('latin1')))
    if (request !== '') socket.once('connect', () => socket.write(request))
  })
}
