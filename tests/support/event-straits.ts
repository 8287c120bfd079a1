import type { EventStreams } from '#platform/event-streams.ts'
import { createEventStreams, type Subscriptions } from '#platform/events.ts'
import { createRedis, type Redis } from '#platform/redis.ts'
import { bookkeeping, type Crew, type HarbourTx, type ShipEvents, shipEvents } from '#support/event-crew.ts'
import { createWorld, until, type World } from '#support/event-world.ts'
import { hasFreeCores } from '#support/free-cores.ts'
import { redisCommand } from '#support/redis-command.ts'
import type { RedisServer } from '../../scripts/servers/redis.ts'

/** Ships publish in one process, harbours hear in others: nothing but Redis lies between them. */
export interface Straits {
  readonly world: World
  readonly publisher: Crew
  /** What a process of its own would open. */
  connection(): Redis
  /** One more process that publishes. */
  publish(more?: { sweepMs?: number; retentionDays?: number }): Promise<Crew>
  hear(
    subscriptions?: Subscriptions<ShipEvents, HarbourTx>,
    more?: { sweepMs?: number; pollMs?: number; idlePollMs?: number },
  ): Promise<Crew>
  /** These steps of so many ships, a transaction for each step. */
  sail(ships: number, from: number, to: number): Promise<void>
  /** As the administrator of Redis. */
  command(...words: [string, ...string[]]): Promise<unknown>
  streamOf(part: number): Promise<string>
  partOf(ship: number): Promise<number>
  /** Numbers of the first and the last entry of a stream. */
  reach(stream: string): Promise<{ first: number; last: number }>
  /** Resolves when the consumer of the book has said that it has settled so much of the stream. */
  hasSaid(stream: string, seq: number): Promise<void>
  booked(): Promise<Record<string, unknown>[]>
  steps(): Promise<number[]>
  allBooked(withinMs?: number): Promise<void>
  close(): Promise<void>
}

const timings = { pollMs: 50, idlePollMs: 250 }
export const straitsContract = { ...shipEvents, module: 'user' }
const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** What is promised within 5 s is judged where cores are free; beside other tests it is only asked whether it comes at all. */
export const promptMs = (): number => (hasFreeCores() ? 5_000 : 25_000)

export async function openStraits(server: () => RedisServer): Promise<Straits> {
  const world = await createWorld()
  const redis: Redis[] = []

  const straits: Omit<Straits, 'publisher'> = {
    world,
    connection() {
      const { port, password } = server()
      const made = createRedis({ host: '127.0.0.1', port, password, keyPrefix: 't:' }, { log: silent })
      redis.push(made)
      return made
    },
    async publish({ sweepMs, retentionDays } = {}) {
      const crew = world.crew(
        { ...timings, ...(sweepMs === undefined ? {} : { sweepMs }) },
        { redis: straits.connection(), ...(retentionDays === undefined ? {} : { retentionDays }) },
      )
      crew.events.register({ database: crew.ships, contract: straitsContract })
      await crew.events.start()
      return crew
    },
    async hear(subscriptions = [bookkeeping()], more = {}) {
      const crew = world.crew({ ...timings, ...more }, { redis: straits.connection() })
      crew.events.register({ database: undefined, contract: straitsContract })
      crew.events.register({ database: crew.harbours, subscriptions })
      await crew.events.start()
      return crew
    },
    async sail(ships, from, to) {
      for (let step = from; step <= to; step += 1)
        await publisher.ships.requests.withTx(async (tx) => {
          for (let shipId = 1; shipId <= ships; shipId += 1) await publisher.publish(tx, 'ship.sailed', shipId, { shipId, step })
        })
    },
    command: (...words) => redisCommand(server(), ...words),
    async streamOf(part) {
      const [row] = await world.rows('ships', `SELECT CONCAT('t:ev:{shared_user:${part}}:g', generation) AS name FROM event_source`)
      return String(row?.name)
    },
    async partOf(ship) {
      const [row] = await world.rows('ships', `SELECT part FROM outbox WHERE subject = 'ship/${ship}' LIMIT 1`)
      return Number(row?.part)
    },
    async reach(stream) {
      const ends = await Promise.all([
        straits.command('XRANGE', stream, '-', '+', 'COUNT', '1'),
        straits.command('XREVRANGE', stream, '+', '-', 'COUNT', '1'),
      ])
      const [first = 0, last = 0] = ends.map((entries) => Number.parseInt(String(entries), 10) || 0)
      return { first, last }
    },
    async hasSaid(stream, seq) {
      const said = async () => String(await straits.command('HGET', `${stream}:acks`, 'harbour.book'))
      await until(async () => (await said()).startsWith(`${seq} `), 'the consumer says how far it is')
    },
    booked: () => world.rows('harbours', 'SELECT event_id, subject, subject_seq, step FROM book ORDER BY id'),
    steps: async () => (await straits.booked()).map(({ step }) => Number(step)),
    async allBooked(withinMs) {
      const published = async () => Number((await world.rows('ships', 'SELECT SUM(last_seq) AS n FROM outbox_subject'))[0]?.n)
      await until(async () => (await straits.booked()).length >= (await published()), 'every event is booked', withinMs)
    },
    async close() {
      await world.drop()
      await Promise.all(redis.map((each) => each.close()))
    },
  }
  const publisher = await straits.publish()
  return { ...straits, publisher }
}

/** The streams as a process sees them that has just connected. */
export async function streamsOf({ connection }: Pick<Straits, 'connection'>): Promise<EventStreams> {
  const redis = connection()
  await redis.ping()
  return createEventStreams(redis.forModule('ev'))
}
