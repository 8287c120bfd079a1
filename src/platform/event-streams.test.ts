import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bookkeeping, type Crew, type HarbourTx, type ShipEvents, shipEvents } from '#support/event-crew.ts'
import { createWorld, faultsOf, until, type World } from '#support/event-world.ts'
import { redisCommand } from '#support/redis-command.ts'
import { privateRedis, type Restartable } from '#support/servers.ts'
import type { RedisServer } from '../../scripts/servers/redis.ts'
import { newGeneration } from './event-generation.ts'
import type { Envelope, Subscriptions } from './events.ts'
import { createRedis, type Redis } from './redis.ts'

/** Ships publish in one process, harbours hear in another: nothing but Redis lies between them. */
describe('events between processes', () => {
  const contract = { ...shipEvents, module: 'user' }
  const timings = { pollMs: 50, idlePollMs: 250 }
  let server: Restartable<RedisServer>
  let world: World
  let redis: Redis[] = []
  let publisher: Crew

  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const connection = (): Redis => {
    const made = createRedis(
      { host: '127.0.0.1', port: server.server.port, password: server.server.password, keyPrefix: 't:' },
      { log: silent },
    )
    redis.push(made)
    return made
  }
  const command = (...words: [string, ...string[]]) => redisCommand(server.server, ...words)
  const streamOf = async (part: number): Promise<string> =>
    String((await world.rows('ships', `SELECT CONCAT('t:ev:{shared_user:${part}}:g', generation) AS name FROM event_source`))[0]?.name)
  const booked = () => world.rows('harbours', 'SELECT event_id, subject, subject_seq, step FROM book ORDER BY id')
  const published = async (): Promise<number> => Number((await world.rows('ships', 'SELECT COUNT(*) AS n FROM outbox'))[0]?.n)
  const allBooked = (withinMs?: number) =>
    until(async () => (await booked()).length >= (await published()), 'every event is booked', withinMs)
  const partOf = async (ship: number): Promise<number> =>
    Number((await world.rows('ships', `SELECT part FROM outbox WHERE subject = 'ship/${ship}' LIMIT 1`))[0]?.part)

  async function publish(): Promise<Crew> {
    const crew = world.crew(timings, { redis: connection() })
    crew.events.register({ database: crew.ships, contract })
    await crew.events.start()
    return crew
  }
  async function hear(subscriptions: Subscriptions<ShipEvents, HarbourTx> = [bookkeeping()]): Promise<Crew> {
    const crew = world.crew(timings, { redis: connection() })
    crew.events.register({ database: undefined, contract })
    crew.events.register({ database: crew.harbours, subscriptions })
    await crew.events.start()
    return crew
  }
  async function sail(ships: number, from: number, to: number): Promise<void> {
    for (let step = from; step <= to; step += 1)
      await publisher.ships.requests.withTx(async (tx) => {
        for (let shipId = 1; shipId <= ships; shipId += 1) await publisher.publish(tx, 'ship.sailed', shipId, { shipId, step })
      })
  }

  beforeAll(async () => {
    server = await privateRedis()
  })
  beforeEach(async () => {
    world = await createWorld()
    publisher = await publish()
  })
  afterEach(async () => {
    await world.drop()
    await Promise.all(redis.map((each) => each.close()))
    redis = []
    await command('CONFIG', 'SET', 'maxmemory', '0')
    await command('FLUSHALL')
  })
  afterAll(() => server.remove())

  it('EV-35: by stream a handler gets byte for byte what it gets from the outbox', async () => {
    const heard: Record<'here' | 'far', string[]> = { here: [], far: [] }
    const noting = (list: string[]): Subscriptions<ShipEvents, HarbourTx> => [
      { ...bookkeeping(), handle: async (_key, _tx, event: Envelope) => void list.push(JSON.stringify(event)) },
    ]
    await sail(10, 1, 5)
    await hear(noting(heard.far))
    await until(() => heard.far.length === 50, 'all are heard by stream')
    const together = await createWorld()
    try {
      const crew = together.crew(timings)
      crew.events.register({ database: publisher.ships, contract })
      crew.events.register({ database: crew.harbours, subscriptions: noting(heard.here) })
      await crew.events.start()
      await until(() => heard.here.length === 50, 'all are heard from the outbox')
    } finally {
      await together.drop()
    }

    expect(heard.far.toSorted()).toEqual(heard.here.toSorted())
  })

  it('reaches the consumer within moments, and says in the outbox how far it is', async () => {
    const hearer = await hear()
    await publisher.sail(1, 1)
    await allBooked()
    const began = performance.now()

    await publisher.sail(1, 2)
    await allBooked()

    expect(performance.now() - began).toBeLessThan(1_000)
    expect(hearer.events.routes()).toEqual([{ consumer: 'harbour.book', key: 'ship.sailed@1', at: 'stream' }])
    expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  })

  it('EV-12: Redis flushed twice, killed and away loses nothing, repeats nothing, and all is caught up within 5 s of its return', async () => {
    await hear()
    await hear()
    await sail(8, 1, 10)
    await command('FLUSHALL')
    await sail(8, 11, 20)
    await command('FLUSHALL')
    await sail(8, 21, 30)
    await allBooked()
    await server.server.kill()
    await sail(8, 31, 40)

    await server.restart()
    const back = performance.now()
    await allBooked()

    expect(performance.now() - back).toBeLessThan(5_000)
    expect(await booked()).toHaveLength(320)
    expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  })

  it.each<[string, (stream: string) => Promise<unknown>]>([
    ['an entry from its middle', async (stream) => command('XDEL', stream, '4-0')],
    ['its end', async (stream) => command('XTRIM', stream, 'MAXLEN', '0')],
    ['its beginning', async (stream) => command('XTRIM', stream, 'MINID', '5-0')],
    ['what consumers have said', async (stream) => command('DEL', `${stream}:acks`)],
    ['what the publisher has said', async () => command('DEL', 't:ev:{shared_user:all}:source')],
  ])('EV-14: a stream that has lost %s is mended within 5 s, and no hole is ever passed', async (_, lose) => {
    const first = await hear()
    await sail(1, 1, 2)
    await allBooked()
    await first.close()
    await sail(1, 3, 6)
    const stream = await streamOf(await partOf(1))
    await until(async () => String(await command('XREVRANGE', stream, '+', '-', 'COUNT', '1')).startsWith('6-0'), 'the stream holds all')

    await lose(stream)
    await hear()
    await sail(1, 7, 8)
    await allBooked(5_000)

    expect((await booked()).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('EV-14: with Redis full events wait in the outbox, and go on when there is room', async () => {
    await hear()
    await sail(4, 1, 2)
    await allBooked()
    await command('CONFIG', 'SET', 'maxmemory', '1')
    await sail(4, 3, 6)
    await until(
      () => publisher.log.some(({ message }) => message === 'events for other processes wait'),
      'the publisher says that they wait',
    )

    await command('CONFIG', 'SET', 'maxmemory', '0')
    await allBooked(5_000)

    expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  })

  it('EV-14: a consumer that comes back after the stream was cut gets the rest from the outbox', async () => {
    const first = await hear()
    await sail(2, 1, 3)
    await allBooked()
    await first.close()
    await command('FLUSHALL')
    await sail(2, 4, 6)

    await hear()
    await allBooked(5_000)

    expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
  })

  it('follows its source into a new life', async () => {
    const hearer = await hear()
    await sail(2, 1, 3)
    await allBooked()

    await newGeneration(publisher.ships, { reason: 'restored', actor: 'test' })
    await sail(2, 4, 5)
    await allBooked(5_000)

    expect(faultsOf(await booked())).toEqual({ duplicates: 0, inversions: 0 })
    expect(hearer.log.filter(({ level }) => level === 'error')).toEqual([])
    const lives = await world.rows('ships', 'SELECT DISTINCT generation FROM event_generation')
    expect(lives).toHaveLength(2)
  })

  it('keeps in the outbox what a consumer in another process has not settled', async () => {
    await publisher.close()
    publisher = world.crew({ ...timings, sweepMs: 100 }, { redis: connection(), retentionDays: 1 })
    publisher.events.register({ database: publisher.ships, contract })
    await publisher.events.start()
    await hear([bookkeeping((_ship, step) => (step === 3 ? Promise.reject(new Error('fog')) : undefined))])
    await sail(1, 1, 2)
    await allBooked()

    const claims = () => world.rows('ships', "SELECT acked_seq FROM outbox_ack WHERE consumer = 'harbour.book' AND acked_seq > 0")
    await until(async () => (await claims()).length === 1, 'the claim is in the outbox')

    expect((await claims()).map(({ acked_seq: seq }) => Number(seq))).toEqual([2])
  })
})
