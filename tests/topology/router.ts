import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A proxy that sends each request to the port its path belongs to: what stands in front of a split system. */
export async function startRouter(portFor: (path: string) => number): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, answer) => {
    const { url = '/', method, headers } = incoming
    const { pathname } = new URL(url, 'http://router')
    const onward = request({ host: '127.0.0.1', port: portFor(pathname), path: url, method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(answer)
    })
    onward.once('error', () => {
      if (!answer.headersSent) answer.writeHead(502)
      answer.end()
    })
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
