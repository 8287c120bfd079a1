import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { bookkeeping, createCrew, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until } from '#support/event-world.ts'

const events = 60

test('EV-11: when the answer to a COMMIT is lost, the position says whether it was made: each event takes effect once', async () => {
  const world = await createWorld()
  onTestFinished(() => world.drop())
  const proxy = await cuttingProxy(world.settings.harbours)
  onTestFinished(proxy.close)
  const crew = createCrew(
    { ...world.settings, harbours: { ...world.settings.harbours, host: '127.0.0.1', port: proxy.port } },
    { pollMs: 20 },
  )
  onTestFinished(() => crew.close())
  crew.events.register({ database: crew.ships, contract: shipEvents })
  crew.events.register({ database: crew.harbours, subscriptions: [bookkeeping()] })
  await crew.events.start()

  for (let step = 1; step <= events; step += 1) await crew.sail(step % 10, step)
  const book = () => world.rows('harbours', 'SELECT * FROM book ORDER BY id')
  await until(async () => (await book()).length >= events, 'all effects')

  expect(faultsOf(await book())).toEqual({ duplicates: 0, inversions: 0 })
  expect(await book()).toHaveLength(events)
  expect(proxy.cuts).toMatchObject({ made: expect.any(Number), unmade: expect.any(Number) })
  expect(Math.min(proxy.cuts.made, proxy.cuts.unmade)).toBeGreaterThan(0)
})

/** Cuts every third connection that says COMMIT: in turn after the server has made it, and before it hears of it. */
async function cuttingProxy(target: { host: string; port: number }) {
  const cuts = { made: 0, unmade: 0 }
  const sockets = new Set<Socket>()
  let commits = 0
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host)
    let severed = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.on('data', (answer) => (severed ? client.destroy() : client.write(answer)))
    client.on('data', (words) => {
      if (words.includes('COMMIT')) {
        commits += 1
        if (commits % 6 === 3) {
          cuts.unmade += 1
          client.destroy()
          return
        }
        if (commits % 6 === 0) {
          cuts.made += 1
          severed = true
        }
      }
      upstream.write(words)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    cuts,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
